"""Own weights: what a composite layer holds in variables of its own, as layers that return them.

A factor per channel or an embedding of positions is a variable of the layer that is opened. A
smaller network of Keras's own layers needs a layer for it: an EinsumDense, whose kernel is that
variable, multiplies a single one with it.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
from keras import layers, ops, tree
from keras.backend import standardize_dtype

from keras_switcher.graph.attributes import attributes_of
from keras_switcher.graph.opening.constants import constant
from keras_switcher.graph.opening.held import attributes_set
from keras_switcher.graph.scalar_weight import ScalarWeight
from keras_switcher.graph.sublayers import with_sublayers

_LETTERS = "bcdefghijklmnopqrstuvwxyz"


class OwnWeights:
    """The layers that return the own weights of composite layers, one for each variable.

    Args:
        ops: All layers of the network: what several of them hold is nobody's own.
    """

    def __init__(self, ops: list[keras.Operation]) -> None:
        # Private: without them a layer tells of its variables together with those of layers in it.
        books = ("_trainable_variables", "_non_trainable_variables")
        held = [id(v) for op in ops for name in books for v in getattr(op, name, ())]
        self._shared = {key for key, count in Counter(held).items() if count > 1}
        self._own: dict[int, tuple[dict[int, keras.Variable], list[str]]] = {}
        self._layers: dict[int, layers.Layer] = {}
        self._kernels: dict[tuple, layers.Layer] = {}

    @contextmanager
    def as_tensors(self, op: layers.Layer) -> Iterator[keras.KerasTensor]:
        """Puts symbolic tensors into the places of a layer's own weights.

        So what its call() computes of them is recorded, too, and not done once and for all.

        Args:
            op: The layer.

        Yields:
            The symbolic tensor, of shape `(None,)`, that they are made of: a single one.
        """
        one = keras.KerasTensor((None,), "float32")
        if id(op) not in self._own:
            found = own_weights(op)
            own = {key: v for key, v in found.items() if key not in self._shared}
            self._own[id(op)] = own, _places(op, found)
        own, names = self._own[id(op)]
        places = {name: vars(op)[name] for name in names}
        tensors: dict[int, keras.KerasTensor] = {}

        def tensor(x: Any) -> Any:
            if id(x) not in own and not _is_index(x):
                return x
            if id(x) not in tensors:
                is_real = id(x) in own and keras.backend.is_float_dtype(x.dtype)
                tensors[id(x)] = self._layer(op, x)(one)[0] if is_real else constant(x, one)
            return tensors[id(x)]

        with attributes_set(op, **{name: _mapped(tensor, x) for name, x in places.items()}):
            yield one

    def adopt(self, layer: layers.Layer, reader: layers.EinsumDense, shape: tuple) -> layers.Layer:
        """Gives a new layer the variable that another one returns for its kernel.

        Args:
            layer: The new layer.
            reader: The one that returns the variable.
            shape: The shape of what the new one reads.

        Returns:
            The new layer, or the one that was given the same variable before: a weight that
            several calls multiply with has one layer.
        """
        key = id(reader.kernel), type(layer), getattr(layer, "equation", None)
        if key not in self._kernels:
            self._kernels[key] = _built_with(layer, reader.kernel, shape)
        return self._kernels[key]

    def _layer(self, owner: layers.Layer, variable: keras.Variable) -> layers.Layer:
        """The layer that returns a variable."""
        if id(variable) not in self._layers:
            self._layers[id(variable)] = _layer_of(owner, variable)
        return self._layers[id(variable)]


def single_one(tensor: keras.KerasTensor) -> keras.KerasTensor:
    """A tensor of shape `(1,)` that holds a one, made of any tensor of a network.

    Args:
        tensor: The tensor, whose first axis is the batch.
    """
    first = tensor[(slice(0, 1), *[0] * (len(tensor.shape) - 1))]
    return ops.cast(ops.ones_like(first), "float32")


def _is_index(x: Any) -> bool:
    """Whether something is a tensor of whole numbers, as those of positions to look up.

    A layer that looks them up would do so at once, with weights as they are.
    """
    # What no tensor is is told at once: to ask Keras takes time.
    is_like = hasattr(x, "shape") and not isinstance(x, (layers.Layer, keras.Variable))
    if not is_like or not ops.is_tensor(x) or "int" not in standardize_dtype(x.dtype):
        return False
    return len(x.shape) > 0  # A single number is a size to compute with.


def own_weights(op: layers.Layer) -> dict[int, keras.Variable]:
    """The variables of a layer that belong to none of the layers in it, by `id`.

    They are those that hold real numbers, and those whose whole numbers are not trained.

    Args:
        op: The layer.
    """
    others = {id(v) for part in with_sublayers(op) if part is not op for v in part.variables}
    return {
        id(v): v
        for v in op.variables
        if id(v) not in others and (keras.backend.is_float_dtype(v.dtype) or not v.trainable)
    }


def _places(op: layers.Layer, own: dict[int, keras.Variable]) -> list[str]:
    """The names of the attributes in which a layer holds its own weights."""
    return [
        name
        for name, value in attributes_of(op).items()
        if name in vars(op) and not name.startswith(("_trainable_var", "_non_trainable_var"))
        if any(id(x) in own or _is_index(x) for x in _parts(value))
    ]


def _parts(value: Any) -> list:
    return tree.flatten(value) if isinstance(value, (list, tuple, dict)) else [value]


def _mapped(function: Any, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _mapped(function, part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        parts = [_mapped(function, part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else parts
    return function(value)


def _layer_of(owner: layers.Layer, variable: keras.Variable) -> layers.Layer:
    dtype = owner.dtype_policy if owner.autocast else variable.dtype
    if len(variable.shape) == 0:
        return ScalarWeight(variable, name=variable.name, dtype=dtype)
    letters = _LETTERS[: len(variable.shape)]
    layer = layers.EinsumDense(
        f"a,{letters}->a{letters}",
        output_shape=tuple(variable.shape),
        name=variable.name,
        dtype=dtype,
        kernel_regularizer=variable.regularizer,
        kernel_constraint=variable.constraint,
    )
    return _built_with(layer, variable, (None,))


def _built_with(layer: layers.Layer, variable: keras.Variable, shape: tuple) -> layers.Layer:
    """Builds a layer whose only weight is a variable that is there."""
    # Its build() would make one: it is given the variable instead.
    vars(layer)["add_weight"] = lambda **_: variable
    layer.build(shape)
    del vars(layer)["add_weight"]
    return layer
