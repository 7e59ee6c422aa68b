"""Training steps of the backends: TensorFlow's is the only one."""

import keras


def check_backend() -> None:
    """Raises where the training step has no backend.

    Raises:
        ValueError: If Keras does not run on TensorFlow.
    """
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise ValueError(
            f"SwitcherModel trains with TensorFlow only, and Keras runs on {backend!r}. Set "
            'KERAS_BACKEND="tensorflow" in the environment before Keras is imported. '
            "channel_groups(), prune_channels() and count_macs() need no training step."
        )
