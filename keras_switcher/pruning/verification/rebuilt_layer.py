"""Compares a rebuilt layer with the original."""

import inspect
from functools import cache
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from keras_switcher.graph.attributes import attributes_of
from keras_switcher.graph.call import Call, is_stock, is_tensor
from keras_switcher.graph.random_inputs import draws
from keras_switcher.graph.sublayers import with_sublayers
from keras_switcher.pruning.derived_state import renew_derived_state

# TensorFlow's books of what belongs to what, private as well. It opens them when a layer first
# becomes part of a model, is saved or holds a variable, so that of two layers that are alike one
# may have them.
_OF_TENSORFLOW = "_self_"


@cache
def _of_keras() -> set[str]:
    """The private attributes in which Keras keeps its own records: nothing else marks them.

    An export leaves those of models in layers, too. Not found on import: the first layer of a
    process fixes the precision of all.
    """
    layer = keras.layers.Layer(name="empty", dtype="float32")
    books = {*vars(layer), *vars(keras.Sequential(name="empty"))}
    # The last one: whether *args were given to its constructor.
    return books - {"activity_regularizer", "autocast"} | {"_auto_config_error_args"}


def describe_difference(call: Call, new: keras.Operation) -> str | None:
    """How a rebuilt layer, given the weights of the original, differs from it.

    Both are run on random values in the places of the tensors of a call, in inference and, where
    they know of it, in training. What may show in neither, as what is drawn at random does, is
    compared by the layers that they consist of and by their attributes.

    Args:
        call: A call of the layer. Neither it nor the layer is changed.
        new: The new layer, not yet called; it is given weights.

    Returns:
        The difference in words, or None if there is none.
    """
    old = call.op
    structure = (call.args, call.kwargs)
    for draw in draws(structure, samples=(2,)):
        args, kwargs = draw.values(structure)
        try:
            expected = _run(old, args, kwargs)
        # A size or a range of values that the layer does not take: in words that only it knows.
        except Exception:
            continue
        if isinstance(old, keras.layers.Layer):
            # As the old one was, for any number of samples: some keep the shape they are built for.
            symbols = tree.map_structure(_symbol, structure)
            new(*symbols[0], **symbols[1])
            new(*args, **kwargs)  # Builds the layers in it, where its shape is known without them.
            problem = _other_parts(old, new) or _give_weights(old, new)
            if problem is not None:
                return problem
        if not _same(expected, _run(new, args, kwargs)) and _same(
            expected, _run(old, args, kwargs)
        ):
            return "it computes something else"
        knows = "training" in inspect.signature(old.call).parameters and "training" not in kwargs
        if knows and not _same_in_training(old, new, args, kwargs):
            return "it computes something else with training=True"
        return None
    return "it could not be run on random values to see that it computes the same"


def _symbol(value: Any) -> Any:
    return keras.KerasTensor(value.shape, value.dtype) if is_tensor(value) else value


def _run(op: keras.Operation, args: tuple, kwargs: dict) -> list[np.ndarray]:
    """The outputs of a layer, whose variables stay as they are."""
    with keras.StatelessScope(collect_losses=True):
        outputs = op(*args, **kwargs)
    return [ops.convert_to_numpy(x) for x in tree.flatten(outputs) if x is not None]


def _same_in_training(
    old: keras.Operation, new: keras.Operation, args: tuple, kwargs: dict
) -> bool:
    expected, again, actual = (
        _run(op, args, {**kwargs, "training": True}) for op in (old, old, new)
    )
    return not _same(expected, again) or _same(expected, actual)


def _same(expected: list[np.ndarray], actual: list[np.ndarray]) -> bool:
    """Whether two runs agree; both do the same in the same order, so there is no rounding."""
    kinds = [[(values.shape, values.dtype) for values in run] for run in (expected, actual)]
    if kinds[0] != kinds[1]:
        return False
    return all(
        np.array_equal(a, b) or (a.dtype.kind in "fc" and np.allclose(a, b, 1e-6, equal_nan=True))
        for a, b in zip(expected, actual, strict=True)
    )


def _give_weights(old: keras.layers.Layer, new: keras.layers.Layer) -> str | None:
    kinds = [[_kind(variable) for variable in layer.variables] for layer in (old, new)]
    if kinds[0] != kinds[1]:
        was, now = (", ".join(f"{name} {shape}" for name, shape, *_ in kind) for kind in kinds)
        return f"its variables are other ones (now: {now or 'none'}; before: {was or 'none'})"
    for variable, value in zip(new.variables, old.variables, strict=True):
        variable.assign(value)
    renew_derived_state(new)
    return None


def _kind(variable: keras.Variable) -> tuple:
    acting = [type(each).__name__ for each in (variable.regularizer, variable.constraint)]
    return (variable.name, tuple(variable.shape), variable.dtype, *acting)


def _other_parts(old: keras.layers.Layer, new: keras.layers.Layer) -> str | None:
    """How two layers differ in what they are made of."""
    parts = with_sublayers(old), with_sublayers(new)
    if [type(part) for part in parts[0]] != [type(part) for part in parts[1]]:
        return "it consists of other layers"
    for one, other in zip(*parts, strict=True):
        for name in _attributes(one, other):
            values = [_comparable(attributes_of(part).get(name)) for part in (one, other)]
            if values[0] != values[1]:
                where = "" if one is old else f" of its layer '{one.name}'"
                return f"its attribute `{name}`{where} is another one"
    return None


def _attributes(one: keras.layers.Layer, other: keras.layers.Layer) -> list[str]:
    """The names of what is compared of two layers of one type."""
    # A model of Keras's is what its layers are, and what it computes. The rest says how it was
    # trained, what its layers are called, and how many samples it has seen first.
    if isinstance(one, (keras.Model, keras.layers.InputLayer)) and is_stock(one):
        return []
    names = sorted({*attributes_of(one), *attributes_of(other)} - _of_keras())
    return [name for name in names if not name.startswith(_OF_TENSORFLOW)]


def _comparable(value: Any) -> Any:
    """An attribute as something that can be compared; what cannot is equal to all of its kind."""
    if isinstance(value, (bool, int, float, str, type(None))):
        return value
    if isinstance(value, keras.Variable):  # Compared with the weights.
        return "variable"
    if isinstance(value, (list, tuple)):
        return [_comparable(each) for each in value]
    if isinstance(value, dict):
        return {str(key): _comparable(each) for key, each in value.items()}
    if (
        isinstance(value, np.ndarray)
        or ops.is_tensor(value)
        or callable(getattr(value, "numpy", None))
    ):
        array = np.asarray(ops.convert_to_numpy(value))
        return (array.shape, str(array.dtype), array.tobytes())
    return type(value).__name__
