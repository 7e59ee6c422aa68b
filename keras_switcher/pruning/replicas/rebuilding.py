"""Builds layers and operations again from their configurations."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
from keras import tree

from keras_switcher.graph.attributes import attributes_of
from keras_switcher.graph.call import Call, is_stock
from keras_switcher.graph.sublayers import with_sublayers
from keras_switcher.pruning.replicas.holding import holds_state
from keras_switcher.pruning.verification import describe_difference

_FUNCTIONS = ("activation", "_initializer", "_regularizer", "_constraint")


def build_again(op: keras.Operation, name: str, changes: dict) -> keras.Operation:
    """A new layer or operation, made from the configuration of another one.

    Args:
        op: The layer or operation.
        name: The name of the new one.
        changes: Constructor arguments that differ.

    Raises:
        ValueError: If a layer does not come back from its own configuration.
    """
    try:
        stock = is_stock(op)
        config = _config_of(op, stock)
        if not isinstance(config, dict):
            raise TypeError(f"it returned {config!r} and not a dict.")
        config = {**config, **(_functions(op, config) if stock else {}), "name": name, **changes}
        if type(op) is keras.layers.Lambda:
            return _same_function(op, config)
        if type(op) is keras.layers.TimeDistributed:
            return _with_layer(op, config)
        new = type(op).from_config(config)
        if hasattr(op, "save_assets"):
            _copy_assets(op, new)
        return new
    # The code of users' own layers may fail in any way.
    except Exception as error:
        raise _refusal(op, f"cannot be built again: {_said(error)}") from error


def build_verified(call: Call, name: str, changes: dict) -> keras.Operation:
    """As `build_again`, for layers that their configurations may not describe.

    The layer is first built again unchanged, given its weights, and compared with the original
    (see `describe_difference`).

    Args:
        call: A call of the layer or operation.
        name: The name of the new one.
        changes: Constructor arguments that differ.

    Raises:
        ValueError: If it does not come back from its configuration as what it is.
    """
    same = build_again(call.op, call.op.name, {})
    try:
        difference = describe_difference(call, same)
    # The code of users' own layers may fail in any way.
    except Exception as error:
        problem = f"cannot be called when it was built again: {_said(error)}"
        raise _refusal(call.op, problem) from error
    if difference is not None:
        raise _refusal(call.op, f"is not the same when it is built again: {difference}.")
    return build_again(call.op, name, changes)


def describes_itself(op: keras.Operation) -> bool:
    """Whether a layer consists of Keras's own layers alone, so that its configuration says all.

    Functions that a user gave to the layer itself come along (`build_again`); those given to a
    layer in it need not, and functions may hold layers or variables.

    Args:
        op: The layer or operation.
    """
    return all(is_stock(part) and not _has_own_functions(part, op) for part in with_sublayers(op))


def first_call(op: keras.Operation, new: keras.Operation, args: tuple, kwargs: dict) -> Any:
    """Builds a new layer or operation by its first call, without drawing weights at random.

    Args:
        op: The layer or operation that it is made after.
        new: The new one.
        args: The arguments of the call.
        kwargs: Those by name.

    Returns:
        What the call returns.
    """
    with _without_random_start(new):
        outputs = new(*args, **kwargs)
    if isinstance(op, keras.layers.Layer):
        _build_activation(op, new, tree.flatten(outputs)[0].shape)
    return outputs


@contextmanager
def _without_random_start(layer: keras.Operation) -> Iterator[None]:
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


def _said(error: Exception) -> str:
    """The message of an error, or its type if it has none."""
    return str(error) or f"{type(error).__name__}."


def _refusal(op: keras.Operation, problem: str) -> ValueError:
    return ValueError(
        f"'{op.name}' (of type {type(op).__name__}) {problem} The smaller model needs a smaller "
        "copy of it, made from its get_config() and its weights. Give the class a get_config() "
        "that returns all arguments of its constructor, keep what it learns or is set to in "
        "weights (add_weight), and register classes and functions among the arguments with "
        "keras.saving.register_keras_serializable()."
    )


def _has_own_functions(part: keras.Operation, op: keras.Operation) -> bool:
    """Whether a stock layer has functions of a user's that its configuration cannot hold."""
    for name, value in attributes_of(part).items():
        if isinstance(value, keras.layers.Layer) or not callable(value):
            continue
        module = getattr(value, "__module__", None) or type(value).__module__
        if module.split(".")[0] in ("keras", "tensorflow", "builtins"):
            continue
        known = name.endswith(_FUNCTIONS) or type(part) is keras.layers.Lambda
        if part is not op or not known or holds_state(value, [op]):
            return True
    return False


def _copy_assets(layer: keras.layers.Layer, new: keras.layers.Layer) -> None:
    """Copies the words that `adapt()` has learned: no configuration or variable has them."""
    store: dict = {}
    layer.save_own_variables(store)
    new.load_own_variables(store)
    with tempfile.TemporaryDirectory() as folder:
        layer.save_assets(folder)
        new.load_assets(folder)


def _build_activation(op: keras.Operation, new: keras.Operation, shape: tuple) -> None:
    """Builds an activation that is a layer, for the new shape.

    Keras builds it when the layer is first run, which is too late for weights to be copied.
    """
    old = getattr(op, "activation", None)
    if isinstance(old, keras.layers.Layer) and is_stock(op):
        activation = new.activation
        if old.built and not activation.built:
            activation.build(shape)
        _build_activation(old, activation, shape)


def _config_of(op: keras.Operation, stock: bool) -> dict:
    """The configuration of a layer; of a stock one without its activations, see `_functions`."""
    given = [name for name, value in attributes_of(op).items() if _is_activation(name, value)]
    if not given or not stock:
        return op.get_config()
    # Not every callable can be serialized, and Keras warns of lambdas. A copy without them can be.
    shell = object.__new__(type(op))
    vars(shell).update(vars(op), **dict.fromkeys(given, keras.activations.linear))
    return shell.get_config()


def _is_activation(name: str, value: Any) -> bool:
    return name.endswith("activation") and callable(value)


def _functions(op: keras.Operation, config: dict) -> dict:
    """The functions that a stock layer was given, as they are: not all survive serialization."""
    return {
        name: build_again(value, value.name, {}) if isinstance(value, keras.layers.Layer) else value
        for name, value in attributes_of(op).items()
        if name in config and name.endswith(_FUNCTIONS) and callable(value)
    }


def _with_layer(op: keras.layers.Wrapper, config: dict) -> keras.layers.Wrapper:
    """A wrapper around a new layer; the arguments of that one have names with a point."""
    inside = {name.removeprefix("layer."): config.pop(name) for name in [*config] if "." in name}
    return type(op)(**{**config, "layer": build_again(op.layer, op.layer.name, inside)})


def _same_function(op: keras.layers.Lambda, config: dict) -> keras.layers.Lambda:
    """A Lambda layer with the same function; Keras would ask whether it may be deserialized."""
    shape = op._output_shape  # Private: of a function, the configuration has only the code.
    if isinstance(shape, tuple):  # It may count channels, of which the new layer has fewer.
        shape = tuple(config["output_shape"])
    given = {
        "function": op.function,
        "output_shape": shape,
        "mask": op.mask,
        "arguments": op.arguments,
    }
    return type(op)(**{**config, **given})
