"""What tensors carry beside their values: masks, and that a user may leave them out.

Keras hangs a mask on a tensor, and layers hand it on as they are called; None may take the place of
an optional input. In neither case do symbolic tensors tell all that a layer of layers does.
"""

from typing import Any

import keras
from keras import layers, tree

from keras_switcher.graph.call import is_stock, is_tensor
from keras_switcher.graph.sublayers import with_sublayers


class Carried:
    """Follows what the tensors of a model carry, call by call.

    Args:
        inputs: The model's inputs.
        values: What the model is called with, or None; its masks are those of the inputs.
    """

    def __init__(self, inputs: Any, values: Any = None) -> None:
        flat = tree.flatten(inputs)
        self._optional = {id(x) for x in flat if is_optional(x)}
        given = flat if values is None else tree.flatten(values)
        for x, value in zip(flat, given, strict=True):
            if (mask := mask_of(value)) is not None:
                set_mask(x, mask)

    def why_unknown(self, op: keras.Operation, args: tuple, kwargs: dict) -> str | None:
        """Why symbolic tensors do not tell all that a layer does in a call, or None.

        Args:
            op: The layer.
            args: The arguments of its call.
            kwargs: Those by name.
        """
        given = [x for x in tree.flatten((args, kwargs)) if is_tensor(x)]
        if any(id(x) in self._optional for x in given):
            return "an input that it reads may be left out"
        if any(mask_of(x) is not None for x in given):
            return "what it reads carries a mask"
        hands_on = isinstance(op, layers.Layer) and op.supports_masking
        if hands_on and kwargs.get("mask") is not None:
            return "what it makes carries the mask that it is given"
        return None

    def add(self, op: keras.Operation, args: tuple, kwargs: dict, outputs: Any) -> None:
        """Notes what the outputs of a call carry.

        Args:
            op: The layer or operation.
            args: The arguments of its call.
            kwargs: Those by name.
            outputs: What it makes.
        """
        given = [x for x in tree.flatten((args, kwargs)) if is_tensor(x)]
        made = [x for x in tree.flatten(outputs) if is_tensor(x)]
        if given and all(id(x) in self._optional for x in given):
            self._optional.update(map(id, made))
        for x, mask in zip(made, _masks(op, args, kwargs, made), strict=False):
            if mask is not None:
                set_mask(x, mask)


def is_optional(tensor: keras.KerasTensor) -> bool:
    """Whether a tensor is an input that may be left out."""
    op = tensor._keras_history.operation  # The tensor itself does not say it.
    return isinstance(op, layers.InputLayer) and bool(op.optional)


def mask_of(tensor: Any) -> Any:
    """The mask that a tensor carries, or None."""
    return getattr(tensor, "_keras_mask", None)


def set_mask(tensor: keras.KerasTensor, mask: Any) -> None:
    """Hangs a mask on a symbolic tensor."""
    tensor._keras_mask = mask


def makes_masks(op: keras.Operation) -> bool:
    """Whether a layer, or one in it, may hang masks on what it makes of tensors without."""
    return any(
        isinstance(part, layers.Masking)
        or getattr(part, "mask_zero", False)
        or (isinstance(part, layers.Lambda) and part.mask is not None)
        or (not is_stock(part) and type(part).compute_mask is not layers.Layer.compute_mask)
        for part in with_sublayers(op)
    )


def _masks(op: keras.Operation, args: tuple, kwargs: dict, made: list) -> list:
    """The masks of what a call makes, None for those without."""
    given = [x for x in tree.flatten((args, kwargs)) if is_tensor(x)]
    is_layer = isinstance(op, layers.Layer)
    if all(mask_of(x) is None for x in given) and not (is_layer and makes_masks(op)):
        return []
    if is_layer and is_stock(op) and not isinstance(op, (keras.Model, layers.Lambda)):
        first = (*args, *kwargs.values())[0]
        given_mask = kwargs.get("mask")
        previous = tree.map_structure(mask_of, first) if given_mask is None else given_mask
        found = op.compute_mask(first, previous) if op.supports_masking else None
        return [] if found is None else tree.flatten(found)
    # Layers in it may hand masks on, and some operations return the tensor that they read.
    return [keras.KerasTensor(x.shape[:-1], "bool") for x in made]
