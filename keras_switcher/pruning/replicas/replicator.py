"""Replicator: makes each layer of the smaller model, from its configuration or by copying."""

from typing import Any

import keras
import numpy as np
from keras import tree

from keras_switcher.graph.call import Call, is_tensor
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.edge import Edge
from keras_switcher.graph.scalar_weight import ScalarWeight
from keras_switcher.pruning.replicas.copying import copied_whole
from keras_switcher.pruning.replicas.rebuilding import (
    build_again,
    build_verified,
    describes_itself,
    first_call,
)


class Replicator:
    """Makes the layers of a smaller model.

    Keras's own layers are built again from their configurations. A user's own layer that nothing
    touches is copied whole, whatever its configuration says, and so are layers that share
    variables, which their copies share. What must be smaller, or cannot be copied, is built again
    and compared with what it was.

    Args:
        channel_graph: The `ChannelGraph` of the larger model.
        keep: Boolean vectors by name of group: what stays.
        factors: What is folded into kernels: vectors and matrices by name.
        shifts: What is added to the outputs of layers, by their `id`s.
    """

    def __init__(
        self, channel_graph: ChannelGraph, keep: dict, factors: dict, shifts: dict
    ) -> None:
        self._channel_graph, self._keep = channel_graph, keep
        self._factors, self._shifts = factors, shifts
        self._tied = channel_graph.tied_ops
        ops = channel_graph.graph.operations
        self._describes_itself = {id(op): describes_itself(op) for op in ops}
        wanted = [op for op in ops if id(op) in self._tied or not self._describes_itself[id(op)]]
        self._copies = copied_whole([op for op in wanted if not self._is_touched(op)])

    def replicate(
        self, call: Call, name: str, args: tuple, kwargs: dict
    ) -> tuple[keras.Operation, Any]:
        """Makes the layer or operation of a call for the smaller model, and calls it.

        Args:
            call: The first call of the layer or operation.
            name: The name of the new one.
            args: The arguments of the call in the smaller model.
            kwargs: Those by name.

        Returns:
            The new layer or operation, with its weights yet to be set, and its outputs.

        Raises:
            ValueError: If it can neither be copied nor built again.
        """
        new = self._replica_of(call, name, args, kwargs)
        return new, first_call(call.op, new, args, kwargs)

    def _replica_of(self, call: Call, name: str, args: tuple, kwargs: dict) -> keras.Operation:
        op, copy = call.op, self._copies.get(id(call.op))
        if isinstance(op, ScalarWeight):
            return op.as_vector(name)
        changes = self._channel_graph.sizes_of(op, self._keep)
        if id(op) in self._shifts:
            changes["use_bias"] = True
        if copy is None and id(op) in self._tied:
            raise ValueError(
                f"'{op.name}' (of type {type(op).__name__}) shares a variable with another layer, "
                "and cannot be copied together with it. Keep what it holds in weights "
                "(add_weight), not in objects that Python cannot copy."
            )
        # A layer may keep sizes in places of its own: where it reads fewer channels, it is better
        # built again, if it can be.
        if copy is None or (id(op) not in self._tied and _reads_fewer(call, args, kwargs)):
            try:
                if self._describes_itself[id(op)]:
                    return build_again(op, name, changes)
                return build_verified(call, name, changes)
            except ValueError:
                # Of arrays and functions among the arguments of operations no file could tell.
                if copy is None and not self._is_touched(op):
                    copy = copied_whole([op]).get(id(op))
                if copy is None:
                    raise
        copy.name = name
        return copy

    def _is_touched(self, op: keras.Operation) -> bool:
        """Whether the plan changes a weight or size of a layer."""
        if id(op) in self._shifts or is_cut(self._channel_graph, op, self._keep):
            return True
        weights = getattr(op, "variables", ())
        axes = [axis for weight in weights for axis in self._channel_graph.axes_of(weight).values()]
        scales = [axis.scales(self._factors, np) for axis in axes if isinstance(axis, Edge)]
        return any(scale is not None and (scale != 1).any() for scale in scales)


def _reads_fewer(call: Call, args: tuple, kwargs: dict) -> bool:
    """Whether a call reads fewer channels in the smaller model."""
    given = [x for x in tree.flatten((args, kwargs)) if is_tensor(x)]
    if len(given) != len(call.inputs):  # Some have become constants.
        return True
    pairs = zip(given, call.inputs, strict=True)
    sizes = [pair for new, old in pairs for pair in zip(new.shape, old.shape, strict=True)]
    return any(new != old for new, old in sizes if None not in (new, old))


def is_cut(channel_graph: ChannelGraph, op: keras.Operation, keep: dict) -> bool:
    """Whether a layer has smaller weights or sizes when some channels are kept.

    Args:
        channel_graph: The network's `ChannelGraph`.
        op: The layer or operation.
        keep: Boolean vectors by name of group.
    """
    if channel_graph.sizes_of(op, keep) != channel_graph.sizes_of(op, {}):
        return True
    axes = [
        axis for w in getattr(op, "variables", ()) for axis in channel_graph.axes_of(w).values()
    ]
    return any(not axis.kept(keep).all() for axis in axes)
