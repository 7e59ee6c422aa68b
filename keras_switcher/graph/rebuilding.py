"""Makes layers and operations again, from their configuration."""

import tempfile
import warnings
from contextlib import contextmanager

import keras

from keras_switcher.graph.call import is_stock
from keras_switcher.graph.call_graph import CallGraph

_FUNCTIONS = ("activation", "_initializer", "_regularizer", "_constraint")


def build_again(op: keras.Operation, name: str, changes: dict) -> keras.Operation:
    """A new layer or operation like another one.

    Args:
        op: The layer or operation.
        name: The name of the new one.
        changes: Constructor arguments that differ.

    Raises:
        ValueError: If a layer does not come back from its own configuration.
    """
    try:
        config = _config_of(op)
        config.update(_functions(op, config), name=name, **changes)
        if type(op) is keras.layers.Lambda:
            return _same_function(op, config)
        new = type(op).from_config(config)
        if hasattr(op, "save_assets"):
            _copy_assets(op, new)
        return new
    except (NotImplementedError, TypeError, ValueError) as error:
        if not isinstance(op, keras.layers.Layer) and not changes:
            return op  # It has no weights; arrays and functions among its arguments are the cause.
        raise ValueError(
            f"'{op.name}' (of type {type(op).__name__}) cannot be built again from its "
            f"get_config(), which the smaller model needs: {error} Give the class a get_config() "
            "that returns all arguments of its constructor, and register classes and functions "
            "that are among them with keras.saving.register_keras_serializable()."
        ) from error


def warn_before_training(graph: CallGraph):
    """Warns of the user's own layers that a smaller model, after training, could not have.

    Args:
        graph: The `CallGraph`.
    """
    for op in {id(call.op): call.op for call in graph.calls}.values():
        if isinstance(op, keras.layers.Layer) and not is_stock(op):
            try:
                build_again(op, op.name, {})
            except ValueError as error:
                warnings.warn(f"compact() and export() will fail: {error}", stacklevel=6)


@contextmanager
def without_random_start(layer: keras.layers.Layer):
    """Builds a layer without drawing weights: all are overwritten, and drawing takes long."""
    initializers = {
        name: value
        for name, value in vars(layer).items()
        if isinstance(value, keras.initializers.Initializer)
    }
    # Past Keras's own setattr, which looks at every value for a long time.
    vars(layer).update(dict.fromkeys(initializers, keras.initializers.Zeros()))
    yield
    vars(layer).update(initializers)


def _copy_assets(layer, new):
    """What `adapt()` has learned of words is neither in the configuration nor in variables."""
    store = {}
    layer.save_own_variables(store)
    new.load_own_variables(store)
    with tempfile.TemporaryDirectory() as folder:
        layer.save_assets(folder)
        new.load_assets(folder)


def build_activation(op: keras.Operation, new: keras.Operation, shape: tuple):
    """Gives an activation that is a layer with weights as many as it had, for another shape.

    Keras builds it when the layer is first run, which is too late for weights to be copied.

    Args:
        op: The layer or operation.
        new: The new one.
        shape: The shape of what the new one returns.
    """
    old, activation = (getattr(each, "activation", None) for each in (op, new))
    if is_stock(op) and isinstance(old, keras.layers.Layer):
        if old.built and not activation.built:
            activation.build(shape)
        build_activation(old, activation, shape)


def _config_of(op):
    """The configuration of a layer; of a stock one without its activations, see `_functions`."""
    given = [name for name, value in vars(op).items() if _is_activation(name, value)]
    if not given or not is_stock(op):
        return op.get_config()
    # Not every callable can be serialized, and Keras warns of lambdas. A copy without them can be.
    stand_in = object.__new__(type(op))
    vars(stand_in).update(vars(op), **dict.fromkeys(given, keras.activations.linear))
    return stand_in.get_config()


def _is_activation(name, value):
    return name.endswith("activation") and callable(value)


def _functions(op, config):
    """The very functions that a stock layer was given: not all of them survive serialization."""
    if not is_stock(op):
        return {}
    return {
        name: build_again(value, value.name, {}) if isinstance(value, keras.layers.Layer) else value
        for name, value in vars(op).items()
        if name in config and name.endswith(_FUNCTIONS) and callable(value)
    }


def _same_function(op, config):
    """Lambda layers come back from a file only where the user allows it; here nothing is loaded."""
    shape = config.pop("output_shape", None)
    given = {
        "function": op.function,
        "output_shape": op.compute_output_shape if isinstance(shape, dict) else shape,
        "mask": op.mask,
        "arguments": op.arguments,
    }
    return type(op)(**{**config, **given})
