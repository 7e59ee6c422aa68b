"""Puts factors to work: the gated network, and what is left alive by factors."""

import keras
import numpy as np
from keras import ops

from keras_switcher.graph.anatomy import Anatomy
from keras_switcher.graph.axis import Edge
from keras_switcher.graph.flat import FlatChannels
from keras_switcher.layers.gated import Gated


def gated_network(anatomy: Anatomy, group_names):
    """Rebuilds a model with a gate on every edge that a chosen group touches.

    The layers, and so the weights, are the model's own.

    Args:
        anatomy: The model's `Anatomy`.
        group_names: Names of the groups that have factors.

    Returns:
        A pair: a Functional model called as `network([inputs, factors])`, and the list of the
        gated edges; `factors` is a list with one vector per gated edge.
    """
    edges = [e for e in anatomy.edges if _groups_of(e) & set(group_names)]
    inputs = anatomy.graph.new_inputs()
    factors = [
        keras.Input(batch_shape=(edge.size,), dtype=edge.kernel.dtype, name=f"factors_{i}")
        for i, edge in enumerate(edges)
    ]
    factor_at = {id(edge.call): factor for edge, factor in zip(edges, factors, strict=True)}

    def visit(call, args, kwargs):
        if id(call) not in factor_at:
            return call.op(*args, **kwargs)
        edge = anatomy.edge_at(call)
        weight = next(key for key, value in vars(call.op).items() if value is edge.kernel)
        name = f"gated_{call.name.replace(':', '_')}"
        gate = Gated(call.op, weight, axis=edge.kernel_axis, name=name)
        return gate(*args, factors=factor_at[id(call)], **kwargs)

    outputs = anatomy.graph.replay(inputs, visit)
    return keras.Model([inputs, factors], outputs, name=f"gated_{anatomy.graph.name}"), edges


def alive(anatomy: Anatomy, live: dict) -> dict:
    """Which channels are left when some positions of a group's readers are switched off.

    A channel whose every reader ignores it is gone, and so is an input position whose channel is.

    Args:
        anatomy: The model's `Anatomy`.
        live: Maps names of groups to float vectors, 1 where the group's own factor is not zero
            and 0 where it is.

    Returns:
        Vectors like those in `live`, for these groups and for all that they empty further up.
    """
    result = {}
    for group in anatomy.groups:
        if group.is_input:
            if group.name in live:
                result[group.name] = group.consumers[0].gather(live)
            continue
        kept = _read_somewhere(group, live) if group.prunable else None
        own = live.get(group.name)
        vectors = [vector for vector in (own, kept) if vector is not None]
        if vectors:
            result[group.name] = vectors[0] if len(vectors) == 1 else vectors[0] * vectors[1]
    return result


def feeds_nothing(anatomy: Anatomy, group, keep: dict) -> bool:
    """Whether all kernels that read a group make only channels that are gone.

    Args:
        anatomy: The model's `Anatomy`.
        group: The `ChannelGroup`.
        keep: Boolean vectors by name of group.
    """

    def makes_nothing(edge):
        axes = anatomy.axes_of(edge.kernel).values()
        made = [axis.gather(keep, np) for axis in axes if axis is not edge]
        return any(kept is not None and not kept.any() for kept in made)

    return all(map(makes_nothing, group.consumers))


def kept_share(anatomy: Anatomy, live: dict, of: str = "weights"):
    """The share of a model's weights or MACs that is left, by the counting rule of the field.

    A kernel with a kept inputs and b kept outputs keeps a * b of its weights; biases and
    normalisation do not count. Differentiable with respect to `live`.

    Args:
        anatomy: The model's `Anatomy`.
        live: Vectors as `alive` returns them.
        of: `"weights"` or `"macs"`.

    Returns:
        A scalar from 0 to 1.
    """
    flat = FlatChannels(live)
    axes = [axis for kernel in anatomy.kernels for axis in kernel.axes.values()]
    # A one behind the shares stands for the axes that a kernel has less than others.
    shares = ops.append(_live_shares(flat, axes), ops.ones(1, flat.values.dtype))
    most = max((len(kernel.axes) for kernel in anatomy.kernels), default=0)
    numbers, left = iter(range(len(axes))), 1.0
    table = [[next(numbers) for _ in kernel.axes] for kernel in anatomy.kernels]
    for column in range(most):
        of_kernels = [row[column] if column < len(row) else len(axes) for row in table]
        left = left * ops.take(shares, of_kernels, axis=0)
    costs = np.array([kernel.cost(of) for kernel in anatomy.kernels], "float64")
    return ops.sum(left * ops.cast(costs / costs.sum(), shares.dtype))


def _live_shares(flat, axes):
    """The mean along each axis, as one vector."""
    # Input positions know already which channels are gone: counted twice, gradients double.
    own = [flat.own_index(axis) if isinstance(axis, Edge) else None for axis in axes]
    indices = [flat.index(a) if i is None else i for a, i in zip(axes, own, strict=True)]
    lengths = [len(index) for index in indices]
    if not indices:
        return ops.zeros(0, flat.values.dtype)
    values = ops.take(flat.values, np.concatenate(indices), axis=0)
    places = np.repeat(np.arange(len(indices)), lengths)
    sums = ops.segment_sum(values, places, num_segments=len(indices))
    return sums / ops.cast(lengths, values.dtype)


def _groups_of(edge):
    names = {group.name for group in edge.groups}
    return names | {edge.input_group.name} if edge.input_group else names


def _read_somewhere(group, live):
    """1 for the channels that at least one reader uses; None where that is sure for all."""
    used = None
    for edge in group.consumers:
        if edge.input_group is None or edge.input_group.name not in live:
            return None
        entries, channels = edge.entries_of(group)
        here = ops.take(live[edge.input_group.name], entries, axis=0)
        here = ops.segment_max(here, channels, num_segments=group.size)
        here = ops.maximum(here, 0)  # A channel without positions here has no maximum.
        used = here if used is None else ops.maximum(used, here)
    return used
