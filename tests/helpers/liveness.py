"""What is left alive: by the package, and group by group as its definition says."""

from keras import ops

from keras_switcher.graph.liveness import Liveness


def alive(channel_graph, live, rows=None):
    """What `Liveness` says of vectors by name, those of connection groups included."""
    groups = [group for group in channel_graph.groups if group.name in live]
    connections = [group for group in channel_graph.connections if group.name in (rows or {})]
    liveness = Liveness(channel_graph, groups, connections)
    left = liveness(liveness.layout.join({**live, **(rows or {})}))
    assert list(left) == liveness.names
    return left


def alive_one_by_one(channel_graph, live, rows=None):
    """The same, group by group and reader by reader."""
    rows = rows or {}
    result = {}
    for group in channel_graph.groups:
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


def _first_of(one, other):
    """The larger one, and of two that are equal the first: backends' gradients differ there."""
    return ops.where(one >= other, one, other)


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
        here = _first_of(here, ops.zeros_like(here))  # Without positions there is no maximum.
        used = here if used is None else _first_of(used, here)
    return used
