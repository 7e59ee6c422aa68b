"""Masks: what Keras hangs on tensors, so that layers find them without being told.

A layer that reads a tensor takes its mask, and hangs one on what it returns. Where a layer of
layers is opened, nobody does that in its place: the calls in it are told their masks.
"""

import inspect
from typing import Any

import keras
from keras import layers, tree
from keras.src.backend.common import masking  # Private: not all tensors can hold an attribute.

from keras_switcher.graph.call import is_stock, is_tensor
from keras_switcher.graph.sublayers import with_sublayers

# In the keywords of a call that is opened: the masks that hang on the tensors among its arguments,
# None for those without. No argument has this name.
HUNG = "masks that hang on its tensors"


class MaskLost(Exception):
    """A layer depends on a mask that nobody would hang on a tensor any more."""


def mask_of(tensor: Any) -> Any:
    """The mask that hangs on a tensor, symbolic or not, or None."""
    return masking.get_keras_mask(tensor)


def set_mask(tensor: Any, mask: Any) -> None:
    """Hangs a mask on a tensor; None takes away what hangs on it."""
    masking.set_keras_mask(tensor, mask)


def masks_on(args: tuple, kwargs: dict) -> list:
    """The masks that hang on the symbolic tensors among arguments, None for those without."""
    return [mask_of(x) for x in tree.flatten((args, kwargs)) if is_tensor(x)]


def with_hung(kwargs: dict, masks: list) -> dict:
    """The keywords of a call with masks that hang on its tensors among them, see `HUNG`."""
    return kwargs if all(mask is None for mask in masks) else {**kwargs, HUNG: masks}


def without_hung(kwargs: dict) -> dict:
    """The keywords with which a layer can be called."""
    return {name: x for name, x in kwargs.items() if name != HUNG}


def hang(tensors: list, masks: list) -> None:
    """Hangs masks on tensors, one on each; None takes away what hangs on it."""
    for x, mask in zip(tensors, masks, strict=True):
        set_mask(x, mask)


def masks_told(op: keras.Operation, args: tuple, kwargs: dict) -> dict[str, Any]:
    """The masks that Keras hands to a layer by itself, by the names of its arguments.

    Args:
        op: The layer.
        args: The arguments of its call, symbolic tensors that masks may hang on.
        kwargs: Those by name.
    """
    if all(mask is None for mask in masks_on(args, kwargs)):
        return {}
    signature = inspect.signature(op.call)
    known = {name: x for name, x in kwargs.items() if name in signature.parameters}
    given = signature.bind_partial(*args, **known).arguments
    read = {name: x for name, x in given.items() if any(map(is_tensor, tree.flatten(x)))}
    told = {}
    for name, x in read.items():
        of = "mask" if len(read) == 1 else f"{name}_mask"
        mask = tree.map_structure(mask_of, x)
        is_open = of in signature.parameters and given.get(of) is None
        if is_open and any(each is not None for each in tree.flatten(mask)):
            told[of] = mask
    return told


def makes_masks(op: keras.Operation) -> bool:
    """Whether a layer, or one in it, may hang masks on what it makes of tensors without."""
    return any(
        isinstance(part, layers.Masking)
        or getattr(part, "mask_zero", False)
        or (isinstance(part, layers.Lambda) and part.mask is not None)
        or (not is_stock(part) and type(part).compute_mask is not layers.Layer.compute_mask)
        for part in with_sublayers(op)
    )
