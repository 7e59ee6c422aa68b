"""Full precision: a network that trains in half precision, as its file will compute."""

import keras

from keras_switcher.graph.sublayers import with_sublayers

HALF = ("float16", "bfloat16")
FULL = "float32"


def in_full_precision(model: keras.Model) -> keras.Model:
    """The network in float32, which is what its file is in; itself if nothing is in half of that.

    Names stay; weights are new ones, as times do not depend on them.

    Args:
        model: The network.

    Raises:
        ValueError: If it cannot be built anew.

    Example:

    >>> hidden = keras.layers.Dense(3, dtype="mixed_bfloat16")
    >>> model = keras.Sequential([keras.Input((4,)), hidden])
    >>> in_full_precision(model).layers[0].compute_dtype
    'float32'
    """
    if not any(part.compute_dtype in HALF for part in with_sublayers(model)):
        return model
    try:
        return keras.models.clone_model(model, clone_function=_full)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise ValueError(
            f"'{model.name}' computes in half precision, its file would not, and it cannot be "
            f"built anew in {FULL}: {error} Build it under "
            f"keras.config.set_dtype_policy('{FULL}') and measure that."
        ) from error


def _full(layer: keras.layers.Layer) -> keras.layers.Layer:
    config = _with_full(layer.get_config())
    return type(layer).from_config(config)


def _with_full(config: dict) -> dict:
    """A layer's configuration with a policy of full precision, also in the layers inside."""
    changed = {}
    for name, value in config.items():
        if name == "dtype" and _is_policy(value):
            value = FULL
        elif isinstance(value, dict):
            value = _with_full(value)
        elif isinstance(value, (list, tuple)):
            value = type(value)(_with_full(v) if isinstance(v, dict) else v for v in value)
        changed[name] = value
    return changed


def _is_policy(value: object) -> bool:
    """Whether it is a policy, or the name of one, in half precision; inputs have names of types."""
    name = value["config"].get("name", "") if isinstance(value, dict) else str(value)
    return any(half in name for half in HALF)
