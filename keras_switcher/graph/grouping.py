"""Grouping: builds channel groups from the channels that rules have coupled."""

from collections.abc import Callable

import keras
import numpy as np
from keras import tree

from keras_switcher.graph.axis import Axis
from keras_switcher.graph.call import Call
from keras_switcher.graph.edge import Edge
from keras_switcher.graph.groups import ChannelGroup, ConnectionGroup, Producer
from keras_switcher.graph.reader import Reader
from keras_switcher.graph.weight_labels import UnresolvedProducer

# Turns ids into an axis with groups.
Resolve = Callable[[np.ndarray], Axis]
# Producers that have channels in common.
Component = list[UnresolvedProducer]


def build_groups(
    reader: Reader, tied: dict[int, str], every_dense_input: bool = False
) -> tuple[list[ChannelGroup], list[Edge], Resolve]:
    """Builds the groups and edges of a network from what a `Reader` has collected.

    Coupled channels are the connected components of the pairs that rules couple, as in the
    dependency graph of DepGraph (Fang et al. 2023, arXiv 2301.12900).

    Args:
        reader: A `Reader` to which the rules have been applied.
        tied: Reasons by `id` of the layers that share variables with others.
        every_dense_input: Give each Dense layer an input group, unless a channel group feeds it
            alone.

    Returns:
        The groups in the order of the graph, the edges, and what turns ids into an `Axis`.
    """
    count = reader.weights.count
    roots, components, group_of = _numbered(reader)
    channel_of = np.zeros(count + 1, int)
    groups: list[ChannelGroup] = []
    depths = {id(call): i for i, call in enumerate(reader.graph.calls, 1)}
    for producers in components:
        ids = np.concatenate([producer.ids for producer in producers])
        unique, first = np.unique(roots[ids], return_index=True)
        ordered = unique[np.argsort(first)]
        channel_of[ordered] = np.arange(len(ordered))
        depth = depths[id(producers[0].call)] / len(depths)
        groups.append(ChannelGroup(producers[0].name, len(ordered), depth=depth))

    def groups_of(ids: np.ndarray) -> list[ChannelGroup]:
        # Those of weights that are combined with no channel belong to none.
        return [groups[number] for number in np.unique(group_of[roots[ids]]) if number >= 0]

    for ids, reason in reader.locked:
        for group in groups_of(ids):
            group.reason = group.reason or reason
    for ids in reader.normalized:
        for group in groups_of(ids):
            group.is_normalized = True

    resolved: dict[int, tuple[np.ndarray, Axis]] = {}

    def resolve(ids: np.ndarray) -> Axis:
        # Most axes share their ids with others. An id() is only good while its array lives.
        if id(ids) not in resolved:
            resolved[id(ids)] = ids, axis_of(ids)
        return resolved[id(ids)][1]

    def axis_of(ids: np.ndarray) -> Axis:
        ids = np.asarray(ids)
        safe = np.where(ids < 0, count, ids)
        root = np.append(roots, count)[safe]
        numbers, channels = group_of[root], channel_of[root]
        present = list(dict.fromkeys(numbers[numbers >= 0].tolist()))
        starts = np.zeros(len(groups) + 1, int)
        total = 0
        for number in present:
            starts[number] = total
            total += groups[number].size
        index = np.where(numbers < 0, total, starts[numbers] + channels)
        return Axis([groups[number] for number in present], index)

    for producers, group in zip(components, list(groups), strict=True):
        for made in producers:
            entries = resolve(made.ids).entries_of(group)
            call, kernel = made.call, made.kernel
            group.producers.append(Producer(call.name, call.op, kernel, made.axis, *entries))
    edges = [
        Edge(resolve(mixed.ids), mixed.call, mixed.kernel, mixed.kernel_axis, mixed.tensor_axis)
        for mixed in reader.weights.edges
    ]
    for edge in edges:
        for read in edge.groups:
            read.consumers.append(edge)
    for group in groups:
        if not group.consumers and group.prunable:
            group.reason = "nothing reads its channels"
    # Keras calls products with constants sparse, even where no input of the model is.
    are_sparse = any(tensor.sparse for tensor in tree.flatten(reader.graph.inputs))
    groups += _input_groups(edges, depths, every_dense_input, are_sparse, tied)
    return groups, edges, resolve


def connection_groups(
    calls: list[Call], edges: list[Edge], tied: dict[int, str]
) -> list[ConnectionGroup]:
    """Builds the connection group of every Dense layer of a graph, in its order.

    Args:
        calls: The calls of the graph.
        edges: All edges. Those of Dense layers get their `connections`.
        tied: Reasons by `id` of the layers that share variables with others.
    """
    groups = {}
    for place, call in enumerate(calls):
        if type(call.op) is keras.layers.Dense and id(call.op) not in groups:
            name = f"{call.name}/connections"
            depth = place / len(calls)
            groups[id(call.op)] = ConnectionGroup(name, call.op, [], depth, tied.get(id(call.op)))
    for edge in edges:
        if group := groups.get(id(edge.call.op)):
            group.edges.append(edge)
            edge.connections = group
    return list(groups.values())


def _input_groups(
    edges: list[Edge],
    depths: dict[int, int],
    every_dense_input: bool,
    are_sparse: bool,
    tied: dict[int, str],
) -> list[ChannelGroup]:
    """Builds a group per Dense kernel whose inputs are not just one per channel of a group."""
    dense = [edge for edge in edges if type(edge.call.op) is keras.layers.Dense]
    kernels = dict.fromkeys(
        id(edge.kernel)
        for edge in dense
        if not _is_one_per_channel(edge) or (every_dense_input and not _feeds_alone(edge))
    )
    made: dict[int, ChannelGroup] = {}
    # A shared kernel has one group for all its calls, even where one of them would need none.
    for edge in dense:
        key = id(edge.kernel)
        if key not in kernels:
            continue
        if key not in made:
            depth = (depths[id(edge.call)] - 1) / len(depths)
            made[key] = ChannelGroup(f"{edge.call.name}/inputs", edge.size, depth=depth)
        edge.input_group = made[key]
        edge.input_group.consumers.append(edge)
        edge.input_group.reason = edge.input_group.reason or tied.get(id(edge.call.op))
        if are_sparse and edge.call.input.sparse:
            edge.input_group.reason = f"is read by '{edge.call.name}' from a sparse tensor"
    return [made[key] for key in kernels]


def _is_one_per_channel(edge: Edge) -> bool:
    """Whether the edge reads every channel at one position only."""
    return bool(edge.groups) and len(np.unique(edge.index)) == edge.size


def _feeds_alone(edge: Edge) -> bool:
    """Whether the edge reads one prunable group that nothing else reads."""
    group = edge.groups[0]
    return group.prunable and edge.is_whole(group) and len(group.consumers) == 1


def is_locked(reader: Reader) -> np.ndarray:
    """Whether channels cannot be pruned: a boolean vector by their numbers.

    Args:
        reader: A `Reader` to which the rules have been applied.
    """
    roots, components, group_of = _numbered(reader)
    is_locked = np.zeros(len(components) + 1, bool)  # The last one is that of no group: -1.
    for ids, _ in reader.locked:
        is_locked[group_of[roots[ids]]] = True
    is_locked[-1] = False
    return is_locked[group_of[roots]]


def _numbered(reader: Reader) -> tuple[np.ndarray, list[Component], np.ndarray]:
    """The root of each id; lists of producers, one per group; the number of each root's group."""
    count = reader.weights.count
    roots = _roots(count, reader.coupled)
    components = _components(reader.weights.producers, roots)
    group_of = np.full(count + 1, -1)
    for number, producers in enumerate(components):
        for producer in producers:
            group_of[roots[producer.ids]] = number
    return roots, components, group_of


def _roots(count: int, pairs: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
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


def _components(producers: list[UnresolvedProducer], roots: np.ndarray) -> list[Component]:
    """Lists of producers that share a channel, in the order of their first ones."""
    owner = np.full(len(roots), -1)  # The last producer so far of each channel.
    first = list(range(len(producers)))  # Of each a number before it, or its own, in its list.
    for number, producer in enumerate(producers):
        own = roots[producer.ids]
        for other in np.unique(owner[own]).tolist():
            if other >= 0:
                one, two = sorted((_end(first, other), _end(first, number)))
                first[two] = one
        owner[own] = number
    found: dict[int, Component] = {}
    for number, producer in enumerate(producers):
        found.setdefault(_end(first, number), []).append(producer)
    return list(found.values())


def _end(first: list[int], number: int) -> int:
    """The first number of the list that one is in."""
    while first[number] != number:
        number = first[number]
    return number
