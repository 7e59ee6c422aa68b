"""Puts factors to work: the gated network, and what is left alive by factors."""

import keras
import numpy as np
from keras import ops

from keras_switcher.graph.anatomy import Anatomy
from keras_switcher.graph.names import Names
from keras_switcher.graph.stand_in import StandIn
from keras_switcher.layers.gated import Gated


def gated_network(anatomy: Anatomy, group_names):
    """Rebuilds a model with a gate on every edge whose channels or connections are chosen.

    The layers, and so the weights, are the model's own.

    Args:
        anatomy: The model's `Anatomy`.
        group_names: Names of the channel groups and connection groups that have factors.

    Returns:
        A pair: a Functional model called as `network([inputs, factors])`, and the list of the
        gated edges; `factors` is a list with one vector (or matrix) per gated edge.
    """
    edges = [e for e in anatomy.edges if _names_at(e) & set(group_names)]
    inputs, names = anatomy.graph.new_inputs(), Names(anatomy.graph)
    factors = [
        keras.Input(
            batch_shape=edge.factors_shape(group_names),
            dtype=edge.kernel.dtype,
            name=names.new(f"factors_{i}"),
        )
        for i, edge in enumerate(edges)
    ]
    factor_at = {id(edge.call): factor for edge, factor in zip(edges, factors, strict=True)}

    def visit(call, args, kwargs):
        if id(call) not in factor_at:
            name = names.of(call.op)
            op = call.op if name == call.op.name else StandIn(call.op, name)
            return op(*args, **kwargs)
        edge = anatomy.edge_at(call)
        weight = next((key for key, value in vars(call.op).items() if value is edge.kernel), None)
        if weight is None:
            raise ValueError(
                f"The kernel that mixes channels in '{call.name}' is not an attribute of that "
                "layer, so no gate can scale it. Write its rule for the layer that holds the "
                "kernel, or leave its groups out (`groups`)."
            )
        name = names.new(f"gated_{call.name.replace(':', '_')}")
        gate = Gated(call.op, weight, axis=edge.kernel_axis, name=name)
        return gate(*args, factors=factor_at[id(call)], **kwargs)

    outputs = anatomy.graph.replay(inputs, visit)
    return keras.Model([inputs, factors], outputs, name=f"gated_{anatomy.graph.name}"), edges


def alive(anatomy: Anatomy, live: dict, rows: dict | None = None) -> dict:
    """Which channels are left when some positions of a group's readers are switched off.

    A channel whose every reader ignores it is gone, and so is an input position whose channel is.

    Args:
        anatomy: The model's `Anatomy`.
        live: Maps names of groups to float vectors, 1 where the group's own factor is not zero
            and 0 where it is.
        rows: Maps names of connection groups to float vectors: 1 for the inputs of the kernel
            that have a connection left.

    Returns:
        Vectors like those in `live`, for these groups and for all that they empty further up.
    """
    rows = rows or {}
    result = {}
    for group in anatomy.groups:
        if group.is_input:
            vectors = [group.consumers[0].gather(live), group.consumers[0].of_connections(rows)]
            if any(vector is not None for vector in vectors):
                result[group.name] = _product(*vectors)
            continue
        kept = _read_somewhere(group, live, rows) if group.prunable else None
        left = _product(live.get(group.name), kept)
        if left is not None:
            result[group.name] = left
    return result


def feeds_nothing(anatomy: Anatomy, group, keep: dict) -> bool:
    """Whether all kernels that read a group make only channels that are gone.

    Args:
        anatomy: The model's `Anatomy`.
        group: The `ChannelGroup`.
        keep: Boolean vectors by name of group.
    """

    def makes_nothing(edge):
        made = [axis.gather(keep, np) for axis in _made_by(anatomy, edge)]
        return any(kept is not None and not kept.any() for kept in made)

    return all(map(makes_nothing, group.consumers))


def feeds_normalization(anatomy: Anatomy, group) -> bool:
    """Whether a kernel that reads a group makes channels that are normalised.

    Args:
        anatomy: The model's `Anatomy`.
        group: The `ChannelGroup`.
    """
    made = [axis for edge in group.consumers for axis in _made_by(anatomy, edge)]
    return any(other.is_normalized for axis in made for other in axis.groups)


def _made_by(anatomy, edge):
    """The axes along which an edge's kernel makes channels."""
    axes = anatomy.axes_of(edge.kernel)
    return [axis for number, axis in axes.items() if number != edge.kernel_axis]


def _names_at(edge):
    own = [other.name for other in (edge.input_group, edge.connections) if other]
    return {group.name for group in edge.groups} | set(own)


def _product(first, second):
    """The product of two vectors, where None is all ones."""
    if first is None or second is None:
        return second if first is None else first
    return first * second


def _read_somewhere(group, live, rows):
    """1 for the channels that at least one reader uses; None where that is sure for all."""
    used = None
    for edge in group.consumers:
        own = live.get(edge.input_group.name) if edge.input_group else None
        own = _product(own, edge.of_connections(rows))
        if own is None:
            return None
        entries, channels = edge.entries_of(group)
        here = ops.take(own, entries, axis=0)
        here = ops.segment_max(here, channels, num_segments=group.size)
        here = ops.maximum(here, 0)  # A channel without positions here has no maximum.
        used = here if used is None else ops.maximum(used, here)
    return used
