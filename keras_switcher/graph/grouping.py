"""Builds channel groups from the labels that rules have merged."""

import keras
import numpy as np
from keras import tree

from keras_switcher.graph.axis import Axis, Edge
from keras_switcher.graph.groups import ChannelGroup, Producer


def build_groups(reader, every_dense_input: bool = False):
    """Turns what a `Reader` collected into groups and resolved axes.

    Args:
        reader: A `Reader` to which the rules have been applied.
        every_dense_input: Give each Dense layer an input group, unless a channel group feeds it
            alone.

    Returns:
        A pair: the groups in the order of the graph, and a function that turns ids into the pair
        `(groups, index)` that `Axis` takes.
    """
    roots = _roots(reader.count, reader.coupled)
    components = _components(reader.blocks, roots)
    group_of = np.full(reader.count + 1, -1)
    channel_of = np.zeros(reader.count + 1, int)
    groups = []
    depths = {id(call): i for i, call in enumerate(reader.graph.calls, 1)}
    for blocks in components:
        ids = np.concatenate([block.ids for block in blocks])
        unique, first = np.unique(roots[ids], return_index=True)
        ordered = unique[np.argsort(first)]
        group_of[ordered] = len(groups)
        channel_of[ordered] = np.arange(len(ordered))
        depth = depths[id(blocks[0].call)] / len(depths)
        groups.append(ChannelGroup(blocks[0].call.name, len(ordered), depth=depth))
    for ids, reason in reader.locked:
        for number in np.unique(group_of[roots[ids]]):
            groups[number].reason = groups[number].reason or reason
    for ids in reader.normalized:
        for number in np.unique(group_of[roots[ids]]):
            groups[number].is_normalized = True

    def resolve(ids):
        ids = np.asarray(ids)
        safe = np.where(ids < 0, reader.count, ids)
        root = np.append(roots, reader.count)[safe]
        numbers, channels = group_of[root], channel_of[root]
        present = list(dict.fromkeys(numbers[numbers >= 0].tolist()))
        starts = np.zeros(len(groups) + 1, int)
        total = 0
        for number in present:
            starts[number] = total
            total += groups[number].size
        index = np.where(numbers < 0, total, starts[numbers] + channels)
        return [groups[number] for number in present], index

    for blocks, group in zip(components, list(groups), strict=True):
        for block in blocks:
            entries, channels = Axis(*resolve(block.ids)).entries_of(group)
            group.producers.append(
                Producer(
                    block.call.name, block.call.op, block.kernel, block.axis, entries, channels
                )
            )
    edges = [
        Edge(*resolve(r.ids), r.call, r.kernel, r.kernel_axis, r.tensor_axis)
        for r in reader.readings
    ]
    for edge in edges:
        for group in edge.groups:
            group.consumers.append(edge)
    for group in groups:
        if not group.consumers and group.prunable:
            group.reason = "nothing reads its channels"
    # Keras calls products with constants sparse, even where no input of the model is.
    are_sparse = any(tensor.sparse for tensor in tree.flatten(reader.graph.inputs))
    groups += _input_groups(edges, depths, every_dense_input, are_sparse, reader.tied)
    return groups, edges, resolve


def _input_groups(edges, depths, every_dense_input, are_sparse, tied):
    """One group per Dense kernel whose inputs are not just one per channel of a group."""
    made = {}
    dense = [edge for edge in edges if type(edge.call.op) is keras.layers.Dense]
    for edge in dense:
        if not _is_one_per_channel(edge) or (every_dense_input and not _feeds_alone(edge)):
            made[id(edge.kernel)] = None
    # A shared kernel has one group for all its calls, even where one of them would need none.
    for edge in dense:
        if id(edge.kernel) not in made:
            continue
        if made[id(edge.kernel)] is None:
            depth = (depths[id(edge.call)] - 1) / len(depths)
            group = ChannelGroup(f"{edge.call.name}/inputs", edge.size, depth=depth)
            made[id(edge.kernel)] = group
        edge.input_group = made[id(edge.kernel)]
        edge.input_group.consumers.append(edge)
        edge.input_group.reason = edge.input_group.reason or tied.get(id(edge.call.op))
        if are_sparse and edge.call.input.sparse:
            edge.input_group.reason = f"is read by '{edge.call.name}' from a sparse tensor"
    return list(made.values())


def _is_one_per_channel(edge):
    return edge.groups and len(np.unique(edge.index)) == edge.size


def _feeds_alone(edge):
    """Whether the edge reads one prunable group that nothing else reads."""
    group = edge.groups[0]
    return group.prunable and edge.is_whole(group) and len(group.consumers) == 1


def _roots(count, pairs):
    """The smallest id among all that are coupled, for every id."""
    roots = np.arange(count)
    if not pairs:
        return roots
    first, second = (np.concatenate(side) for side in zip(*pairs, strict=True))
    while True:
        low = np.minimum(roots[first], roots[second])
        np.minimum.at(roots, roots[first], low)
        np.minimum.at(roots, roots[second], low)
        roots = roots[roots]
        if np.array_equal(roots[first], roots[second]):
            return roots


def _components(blocks, roots):
    """Lists of blocks that share a channel, in the order of their first blocks."""
    component = {}
    for block in blocks:
        merged = [block]
        for other in {id(c): c for r in roots[block.ids] if (c := component.get(r))}.values():
            merged = other + merged
        for member in merged:
            component.update(dict.fromkeys(roots[member.ids].tolist(), merged))
    order = {id(block): i for i, block in enumerate(blocks)}
    unique = {id(c): sorted(c, key=lambda b: order[id(b)]) for c in component.values()}
    return sorted(unique.values(), key=lambda c: order[id(c[0])])
