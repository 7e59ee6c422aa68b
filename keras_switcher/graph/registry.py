"""The registry of rules: for each layer type the function that says what it does to channels."""

from collections.abc import Callable

import keras

from keras_switcher.graph.call import Call, is_stock
from keras_switcher.graph.origins import NO_RULE
from keras_switcher.graph.reader import Reader

Rule = Callable[[Call, Reader], None]

RULES: dict[type, Rule] = {}
_OPERATIONS: dict[str, Rule] = {}
_PRIVATE_LAYERS: dict[str, Rule] = {}


def rule(*types: type) -> Callable[[Rule], Rule]:
    """Registers a rule for layer or operation types; subclasses are not covered by it.

    Args:
        types: The classes. A rule for a class that has one already takes its place.

    Returns:
        A decorator for a function `rule(call, reader)`; see `Reader` for what it can say.

    Example:

    >>> import keras
    >>> class Scale(keras.layers.Layer):
    ...     def call(self, inputs):
    ...         return 2 * inputs
    >>> @rule(Scale)
    ... def scale(call, reader):
    ...     reader.pass_on(call)
    """

    def register(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(types, function))
        return function

    return register


def keras_rule(
    operations: tuple[str, ...] = (), layers: tuple[str, ...] = ()
) -> Callable[[Rule], Rule]:
    """Registers a rule for classes that Keras does not export, by their names.

    Args:
        operations: Names of operations behind `keras.ops`: `"Add"` for `keras.ops.add`.
        layers: Names of layers that only `keras.applications` uses.

    Returns:
        A decorator, see `rule`.
    """

    def register(function: Rule) -> Rule:
        _OPERATIONS.update(dict.fromkeys(operations, function))
        _PRIVATE_LAYERS.update(dict.fromkeys(layers, function))
        return function

    return register


def apply_rule(call: Call, reader: Reader) -> None:
    """Applies the rule for the call's type; what has none locks all that it reads."""
    known, closed = find_rule(call.op), reader.graph.closed.get(id(call.op))
    if known is not None:
        reader.read(call, known)
    elif closed and closed.returns_input:  # In training, it drops some, or adds noise.
        reader.pass_on(call)
    else:
        kind = type(call.op).__name__
        why = f"; it is not opened: {closed.reason}" if closed else ""
        reader.refuse(call, f"feeds '{call.name}', and no rule is known for {kind}{why}", NO_RULE)


def find_rule(op: keras.Operation) -> Rule | None:
    """The rule for the type of a layer or operation, or None."""
    kind = type(op)
    if kind in RULES:
        return RULES[kind]
    if not is_stock(op):
        return None
    named = _PRIVATE_LAYERS if isinstance(op, keras.layers.Layer) else _OPERATIONS
    return named.get(kind.__name__)
