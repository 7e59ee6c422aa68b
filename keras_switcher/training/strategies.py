"""Distribution strategies that are supported."""

import keras

# By name: TensorFlow is imported where the training step is.
TESTED = {
    "_DefaultDistributionStrategy": "none",
    "OneDeviceStrategy": "OneDeviceStrategy",
    "MirroredStrategy": "MirroredStrategy",
}


def check_strategy(model: keras.Model) -> None:
    """Raises an error under a strategy whose results nobody has compared with those of one device.

    Args:
        model: A `SwitcherModel`.

    Raises:
        ValueError: If that is so.
    """
    name = type(model.distribute_strategy).__name__
    if name not in TESTED:
        # The public name of MultiWorkerMirroredStrategy is not that of its class.
        name = {"CollectiveAllReduceStrategy": "MultiWorkerMirroredStrategy"}.get(name, name)
        raise ValueError(
            f"'{model.name}' was made under a {name}. A SwitcherModel is tested, and trained, "
            f"under these strategies: {', '.join(TESTED.values())}. Keras itself fails to train "
            "on several workers and was seen to report another loss under central storage."
        )
