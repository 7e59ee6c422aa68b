"""Full precision: a network that computes in half precision, built anew in float32."""

from collections.abc import Sequence

import keras

from keras_switcher.graph.sublayers import with_sublayers

HALF = ("float16", "bfloat16")
FULL = "float32"


def computes_in(model: keras.Model, types: Sequence[str] = HALF) -> bool:
    """Whether a layer of a network computes in one of some types.

    Args:
        model: The network.
        types: The types.
    """
    return any(part.compute_dtype in types for part in with_sublayers(model))


def in_full_precision(model: keras.Model) -> keras.Model:
    """A network in float32, with the weights of another one; that itself, if it is.

    Names stay.

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
    if not computes_in(model):
        return model
    try:
        full = keras.models.clone_model(model, clone_function=_full)
        full.set_weights(model.get_weights())
    except (TypeError, ValueError, NotImplementedError) as error:
        raise ValueError(
            f"'{model.name}' computes in half precision, its file would not, and it cannot be "
            f"built anew in {FULL}: {error} Build it under "
            f"keras.config.set_dtype_policy('{FULL}'), and give that the weights."
        ) from error
    return full


def _full(layer: keras.layers.Layer) -> keras.layers.Layer:
    return type(layer).from_config(_with_full(layer.get_config()))


def _with_full(config: dict) -> dict:
    """A layer's configuration with a policy of full precision, also in the layers inside."""
    changed = {}
    for name, value in config.items():
        if name == "dtype" and _is_half(value):
            value = FULL
        elif isinstance(value, dict):
            value = _with_full(value)
        elif isinstance(value, (list, tuple)):
            value = type(value)(_with_full(v) if isinstance(v, dict) else v for v in value)
        changed[name] = value
    return changed


def _is_half(value: object) -> bool:
    """Whether it is a policy, or the name of one, in half precision; inputs have names of types."""
    name = value["config"].get("name", "") if isinstance(value, dict) else str(value)
    return any(half in name for half in HALF)
