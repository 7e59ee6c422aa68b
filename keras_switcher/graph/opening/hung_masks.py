"""Hung masks: layers are told the masks that Keras would look for on the tensors that they read."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from keras import layers, tree

from keras_switcher.graph.masks import masks_on, masks_told


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
