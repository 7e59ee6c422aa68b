"""Hung masks: layers are told the masks that Keras would look for on the tensors that they read."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from keras import layers, tree

from keras_switcher.graph.call import is_tensor
from keras_switcher.graph.masks import masks_on, masks_told
from keras_switcher.graph.nodes import calls_before


@contextmanager
def masks_handed(
    noted: dict[int, list], around: layers.Layer, is_noted: Callable
) -> Iterator[None]:
    """A scope in which masks are among the arguments of calls: Keras notes what it is given there.

    Args:
        noted: Gains the masks on the tensors that a layer reads, see `calls_before`.
        around: The layer that the others are in.
        is_noted: Whether a layer's masks are.
    """
    call = layers.Layer.__call__

    def called(layer: layers.Layer, *args: Any, **kwargs: Any) -> Any:
        if layer is around:
            return call(layer, *args, **kwargs)
        kwargs |= masks_told(layer, args, kwargs)
        masks = masks_on(args, kwargs)  # Before some layers take them away.
        made = call(layer, *args, **kwargs)
        if is_noted(layer) and any(mask is not None for mask in masks):
            noted[id(tree.flatten(made)[0])] = masks
        return made

    layers.Layer.__call__ = called
    try:
        yield
    finally:
        layers.Layer.__call__ = call


@contextmanager
def warnings_of_masks_ignored() -> Iterator[None]:
    """A scope without what Keras has told when the network was built: layers that drop masks."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Layer '.*' .* was passed an input with a mask")
        yield


def unmasked(args: tuple, kwargs: dict, hung: list, inputs: list) -> tuple[int, ...]:
    """The places of inputs whose masks a call has taken away, as attention does.

    Args:
        args: The arguments of the call.
        kwargs: Those by name.
        hung: The masks that hung on the tensors among them, see `HUNG`.
        inputs: The inputs of what is inside of the call.
    """
    tensors = [x for x in tree.flatten((args, kwargs)) if is_tensor(x)]
    masks = masks_on(args, kwargs)
    gone = {
        id(x)
        for x, before, mask in zip(tensors, hung, masks, strict=True)
        if before is not None and mask is None
    }
    return tuple(place for place, x in enumerate(inputs) if id(x) in gone)


def is_made_of(mask: Any, given: list) -> bool:
    """Whether a mask, if there is one, is among tensors, or what operations make of them.

    Args:
        mask: The mask, or None.
        given: The tensors.
    """
    if mask is None:
        return True
    try:
        return not any(isinstance(call.op, layers.Layer) for call in calls_before(mask, given))
    except ValueError:  # It is made of other tensors.
        return False
