"""Checks that constraints, regularizers and optimizers act entry by entry."""

from collections.abc import Callable
from typing import Any, Never

import keras
from keras import tree

from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.sublayers import with_sublayers

ANEW = "Compact without the optimizer, and compile the result with a new one."
# Optimizers whose step for a weight depends on all others of its matrix.
_OPTIMIZERS = (keras.optimizers.Lamb, keras.optimizers.Muon)
_OF_EACH_ENTRY = (keras.constraints.NonNeg,)
_NORMS = (
    keras.constraints.MaxNorm,
    keras.constraints.MinMaxNorm,
    keras.constraints.UnitNorm,
)
_SUMS = (keras.regularizers.L1, keras.regularizers.L2, keras.regularizers.L1L2)


def check_optimizer(optimizer: keras.optimizers.Optimizer) -> None:
    """Raises ValueError if the step for a weight depends on what is removed with others.

    Args:
        optimizer: The optimizer, without a `LossScaleOptimizer` around it.
    """
    if isinstance(optimizer, _OPTIMIZERS):
        raise ValueError(
            f"{type(optimizer).__name__} updates each weight by what the whole matrix is, "
            f"so a smaller one would be trained in another way. {ANEW}"
        )


def check_weights(
    channel_graph: ChannelGraph, counterparts: list, optimizer: keras.optimizers.Optimizer
) -> None:
    """Raises ValueError if a weight that was cut is constrained or regularized as a whole.

    What acts on each entry alone goes through, as do norms over axes that stayed whole.

    Args:
        channel_graph: The `ChannelGraph` of the network.
        counterparts: Pairs of a weight and the smaller one that was cut out of it.
        optimizer: The optimizer, without a `LossScaleOptimizer` around it.
    """
    owners = {id(v): op for op in _layers(channel_graph) for v in op.variables}
    clips = optimizer.clipnorm or optimizer.global_clipnorm
    for old, new in counterparts:
        pairs = zip(old.shape, new.shape, strict=True)
        cut = {axis for axis, (before, after) in enumerate(pairs) if before != after}
        if not cut:
            continue
        if not _acts_alike(old.constraint, cut, len(old.shape)):
            _raise(owners[id(old)], old.constraint, f"constrains '{old.name}'")
        if old.regularizer is not None and type(old.regularizer) not in _SUMS:
            _raise(owners[id(old)], old.regularizer, f"regularizes '{old.name}'")
        if old.regularizer is not None and clips:
            what = f"regularizes '{old.name}', under clipping by norms (clipnorm, global_clipnorm),"
            _raise(owners[id(old)], old.regularizer, what)


def check_outputs(channel_graph: ChannelGraph, kept_along: Callable) -> None:
    """Raises ValueError if the outputs of a layer are regularized and some of them are gone.

    The task's loss no longer hears of these; the weights that made them do, up the network.

    Args:
        channel_graph: The `ChannelGraph` of the network.
        kept_along: Maps a tensor to boolean vectors by axis: what is kept.
    """
    for call in channel_graph.graph.calls:
        if isinstance(call.op, keras.layers.Layer):
            found = [part.activity_regularizer for part in with_sublayers(call.op)]
            acting = next((each for each in found if each is not None), None)
            kept = [k for x in tree.flatten(call.outputs) for k in kept_along(x).values()]
            if acting is not None and not all(mask.all() for mask in kept):
                _raise(call.op, acting, "regularizes the outputs")


def _layers(channel_graph: ChannelGraph) -> list[keras.layers.Layer]:
    operations = channel_graph.graph.operations
    return [op for op in operations if isinstance(op, keras.layers.Layer)]


def _acts_alike(constraint: keras.constraints.Constraint | None, cut: set[int], rank: int) -> bool:
    """Whether a constraint does the same to what is left of a weight that was cut."""
    if constraint is None or type(constraint) in _OF_EACH_ENTRY:
        return True
    if type(constraint) not in _NORMS or constraint.axis is None:
        return False
    return cut.isdisjoint(axis % rank for axis in tree.flatten(constraint.axis))


def _raise(layer: keras.layers.Layer, acting: Any, what: str) -> Never:
    kind = type(acting).__name__ if not hasattr(acting, "__name__") else acting.__name__
    raise ValueError(
        f"{kind} {what} of '{layer.name}' by what the whole of it is, of which only a part is "
        f"left: it would be trained in another way. {ANEW}"
    )
