"""What tensors carry beside their values: masks, and that a user may leave them out.

Keras hangs a mask on a tensor, and layers hand it on as they are called; None may take the place of
an optional input, of which symbolic tensors do not tell what a layer of layers does without it.
"""

from typing import Any

import keras
from keras import layers, tree

from keras_switcher.graph.call import Call, CallGraph, Closed, is_stock, is_tensor
from keras_switcher.graph.masks import (
    MaskLost,
    makes_masks,
    mask_of,
    masks_on,
    masks_told,
    set_mask,
)

# Operations that return what they have made: never the tensor that they read, with its mask.
_MAKE_NEW = (
    *("Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Maximum", "Minimum", "Power"),
    *("Matmul", "Einsum", "Mean", "Sum", "Max", "Min", "ExpandDims", "Concatenate"),
)


class Carried:
    """Follows what the tensors of a model carry, and of models in it, call by call.

    Args:
        follows: Whether layers are opened that read masks or make them.
    """

    def __init__(self, follows: bool = True) -> None:
        self._follows = follows
        self._optional: set[int] = set()
        self._kept: list[Any] = []  # An id is only good while its object lives.
        self._unknown: set[int] = set()
        # Masks that hang on tensors of the model, but not of one in which layers are opened.
        self._lost: set[int] = set()
        self._taken: set[int] = set()  # Tensors from which an opened layer takes the mask away,
        self._may_be_taken: set[int] = set()  # and those from which another one may do so.

    def begin(self, inputs: Any, values: Any = None, masks: Any = None) -> None:
        """Notes what the inputs of a model carry.

        Args:
            inputs: The model's inputs.
            values: What the model is called with, or None; its masks are those of the inputs.
            masks: Masks that it is told instead, or None.
        """
        flat = tree.flatten(inputs)
        self._kept += flat
        self._optional |= {id(x) for x in flat if is_optional(x)}
        given = flat if values is None else tree.flatten(values)
        told = [None] * len(flat) if masks is None else tree.flatten(masks)
        for x, value, mask in zip(flat, given, told, strict=True):
            if mask is not None:
                self._lose(mask)
            if (mask := mask_of(value) if mask is None else mask) is not None:
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
        masked = [x for x in given if mask_of(x) is not None]
        is_known = self._follows and not any(
            id(mask_of(x)) in self._unknown or id(x) in self._may_be_taken for x in masked
        )
        if masked and not is_known:
            return "what it reads carries a mask"
        if self._follows or not isinstance(op, layers.Layer):
            return None
        if op.supports_masking and kwargs.get("mask") is not None:
            return "what it makes carries the mask that it is given"
        return "it, or a layer in it, makes masks" if makes_masks(op) else None

    def told(
        self, op: keras.Operation, args: tuple, kwargs: dict, inside: Closed | None
    ) -> dict[str, Any]:
        """The keywords of a call that is not opened, with the masks that it would look for.

        Args:
            op: The layer or operation.
            args: The arguments of its call.
            kwargs: Those by name.
            inside: Why the layer is closed, if it could be opened.

        Raises:
            MaskLost: If it cannot be told one that it would not find.
        """
        if not isinstance(op, layers.Layer):
            return kwargs
        given = [x for x in tree.flatten((args, kwargs)) if is_tensor(x)]
        told = masks_told(op, args, kwargs)
        if any(id(x) in self._taken for x in given):
            raise MaskLost  # It would find one that it should not.
        is_known = not any(id(x) in self._unknown for x in tree.flatten(told))
        is_there = not any(id(x) in self._may_be_taken for x in given)
        if is_stock(op) and not inside and is_known and is_there:
            return {**kwargs, **told}
        if any(id(mask) in self._lost for mask in masks_on(args, kwargs)):
            raise MaskLost
        return kwargs

    def add(self, op: keras.Operation, args: tuple, kwargs: dict, outputs: Any) -> None:
        """Notes what the outputs of a call carry that is not opened.

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
        read = [*masks_on(args, kwargs), *given]  # They may be told to a layer, too.
        is_lost = any(id(mask) in self._lost for mask in read)
        is_unknown = any(id(mask) in self._unknown for mask in read)
        found = _masks(op, args, kwargs)
        may_take = found is None or isinstance(op, layers.MultiHeadAttention)
        if found is None:
            is_unknown, found = True, [keras.KerasTensor(x.shape[:-1], "bool") for x in made]
        for x, mask in zip(made, found, strict=False):
            if mask is not None:
                set_mask(x, mask)
                self._kept.append(mask)
                if is_unknown and not any(mask is each for each in read):
                    self._unknown.add(id(mask))
                if is_lost:
                    self._lose(mask)
        if may_take:
            self._may_be_taken.update(id(x) for x in given if mask_of(x) is not None)

    def add_opened(self, call: Call) -> None:
        """Notes what the outputs of a call carry that is opened, and what its inputs do not.

        Args:
            call: The call, with what is inside of it.
        """
        inside = call.inside
        assert isinstance(inside, CallGraph)
        outputs = tree.flatten(call.outputs)
        for x, mask, made in zip(outputs, call.masks, inside.masks, strict=False):
            if mask is not None:
                set_mask(x, mask)
                self._lose(mask)
                if id(made) in self._unknown:
                    self._unknown.add(id(mask))
        for place in inside.unmasked:
            set_mask(call.inputs[place], None)
            self._taken.add(id(call.inputs[place]))
        for x, inner in zip(call.inputs, tree.flatten(inside.inputs), strict=False):
            if id(inner) in self._may_be_taken:
                self._may_be_taken.add(id(x))

    def known_masks(self, args: tuple, kwargs: dict) -> list:
        """The masks on the tensors among arguments, see `masks_on`, as far as they are known."""
        return [mask if self.is_known(mask) else None for mask in masks_on(args, kwargs)]

    def is_known(self, mask: Any) -> bool:
        """Whether a mask is there, and known."""
        return mask is not None and id(mask) not in self._unknown

    def unmasked(self, inputs: Any) -> tuple[int, ...]:
        """The places of a model's inputs from which layers in it take their masks away."""
        return tuple(n for n, x in enumerate(tree.flatten(inputs)) if id(x) in self._taken)

    def check(self, outputs: Any) -> None:
        """Makes sure that a model's outputs carry what they would if nothing were opened.

        Args:
            outputs: The outputs.

        Raises:
            MaskLost: If they do not.
        """
        for x in tree.flatten(outputs):
            if id(mask_of(x)) in self._lost or id(x) in self._taken:
                raise MaskLost

    def _lose(self, mask: Any) -> None:
        if self._follows:  # Else all that reads masks is as it was.
            self._kept.append(mask)
            self._lost.add(id(mask))


def is_optional(tensor: keras.KerasTensor) -> bool:
    """Whether a tensor is an input that may be left out."""
    op = tensor._keras_history.operation  # The tensor itself does not say it.
    return isinstance(op, layers.InputLayer) and bool(op.optional)


def _masks(op: keras.Operation, args: tuple, kwargs: dict) -> list | None:
    """The masks of what a call makes, None for those without; or None if that is not known."""
    is_layer = isinstance(op, layers.Layer)
    if all(mask is None for mask in masks_on(args, kwargs)):
        if not (is_layer and makes_masks(op)):
            return []
    elif not is_layer and is_stock(op) and type(op).__name__ in _MAKE_NEW:
        return []
    if is_layer and is_stock(op) and not isinstance(op, (keras.Model, layers.Lambda)):
        first = (*args, *kwargs.values())[0]
        given_mask = kwargs.get("mask")
        previous = tree.map_structure(mask_of, first) if given_mask is None else given_mask
        found = op.compute_mask(first, previous) if op.supports_masking else None
        return [] if found is None else tree.flatten(found)
    # Layers in it may hand masks on, and some operations return the tensor that they read.
    return None
