"""Structures of the controls: by magnitude, at random, by the inputs' variance, uniform.

A structure maps names of groups to the channels, or connections, that are kept. The functions that
take one (`keep`) choose as many of each group as it keeps.
"""

from collections.abc import Callable

import keras
import numpy as np

import keras_switcher as ks
from keras_switcher.gating.gated_network import GatedNetwork
from keras_switcher.switchers import ConnectionRecord, Switcher
from keras_switcher.switchers.reading import read_records

Masks = dict[str, np.ndarray]
Cost = Callable[[keras.Model, Masks], int]


def random_structure(network: keras.Model, keep: Masks, seed: int) -> Masks:
    """Drawn at random; of positions behind a Flatten, those of channels that are drawn too."""
    generator = np.random.default_rng(seed)
    drawn = {}
    for name, edge in _channels_first(network, keep):
        mask = keep[name]
        if edge:
            drawn[name] = _largest(generator.random(mask.size), mask.sum(), edge, drawn)
        else:
            drawn[name] = generator.permutation(mask.ravel()).reshape(mask.shape)
    return drawn


def varied_structure(network: keras.Model, keep: Masks, x: np.ndarray, seed: int) -> Masks:
    """By what the samples say and nothing that was learned.

    Of channels that read the samples `x`, those whose values have the largest standard deviation.
    Connections that do are drawn in proportion to it. All else is drawn at random.
    """
    spreads = x.reshape(len(x), -1).std(axis=0)
    chosen = random_structure(network, keep, seed)
    generator, gated = np.random.default_rng(seed), _gated(network, keep)
    for group in gated.groups:
        if group.is_input and not group.consumers[0].groups:
            chosen[group.name] = _largest(spreads, keep[group.name].sum())
    for group in gated.connections:
        if not group.edges[0].groups:
            # A race with exponential times: who comes first is drawn in proportion to its rate.
            times = generator.exponential(size=group.shape) / (spreads[:, None] + 1e-12)
            chosen[group.name] = _largest(-times, keep[group.name].sum()).reshape(group.shape)
    return chosen


def macs_of(network: keras.Model, keep: Masks) -> int:
    """MACs per sample of the network with this structure."""
    return ks.count_macs(ks.prune_channels(network, keep)).total


def weights_of(network: keras.Model, keep: Masks) -> int:
    """Number of the weights of all kernels of the network with this structure."""
    small = ks.prune_channels(network, keep)
    return sum(int(np.prod(w.shape)) for w in small.trainable_variables if len(w.shape) > 1)


def uniform_structure(network: keras.Model, most: int, seed: int, cost: Cost = macs_of) -> Masks:
    """The largest one share of every hidden layer, all inputs, that has at most this cost.

    The seed draws the channels, which matters only before training.
    """
    hidden = [g for g in ks.channel_groups(network) if g.prunable and not g.is_input]
    generator = np.random.default_rng(seed)
    orders = {group.name: generator.permutation(group.size) for group in hidden}

    def structure(share):
        return {n: order < max(1, round(share * len(order))) for n, order in orders.items()}

    low, high = 0.0, 1.0
    for _ in range(12):  # Finer than one channel of any layer here.
        share = (low + high) / 2
        fits = cost(network, structure(share)) <= most
        low, high = (share, high) if fits else (low, share)
    return structure(low)


def filled_structure(
    network: keras.Model, keep: Masks, most: int, seed: int, cost: Cost = macs_of
) -> Masks:
    """A structure with one channel more in each layer, while that has at most this cost.

    Where all layers are alike and narrow, one share for all of them comes down in large steps. The
    seed draws the order of the layers.
    """
    filled = dict(keep)
    for name in np.random.default_rng(seed).permutation(list(keep)):
        more = filled[name].copy()
        more[more.argmin()] = True
        if cost(network, {**filled, name: more}) <= most:
            filled[name] = more
    return filled


def magnitude_structure(network: keras.Model, keep: Masks) -> Masks:
    """Those with the largest weights.

    A channel's magnitude is the product of the norms of the weights that make it and of those
    that read it, which rescaling a ReLU network does not change.
    """
    gated = _gated(network, keep)
    records = read_records(gated.channel_graph, gated.groups, gated.connections)
    sizes = {record.name: _magnitude(record) for record in records}
    chosen = {}
    for name, edge in _channels_first(network, keep):
        chosen[name] = _largest(sizes[name], keep[name].sum(), edge, chosen)
    return chosen


class Fixed(Switcher):
    """Returns the factors that it is given, boolean matrices by name of connection group."""

    def __init__(self, keep: dict, **kwargs):
        super().__init__(**kwargs)
        self.keep = keep

    def call(self, records):
        return [keras.ops.convert_to_tensor(self.keep[r.name], self.compute_dtype) for r in records]


def masked(network: keras.Model, keep: dict) -> ks.SwitcherModel:
    """A network that is trained with these connections only, boolean matrices by group."""
    options = {"groups": list(keep), "connections": True, "alternation": "task"}
    return ks.SwitcherModel(network, Fixed(keep), **options)


def _gated(network, keep):
    kind = "channels" if all(mask.ndim == 1 for mask in keep.values()) else "connections"
    return GatedNetwork(network, list(keep), (kind,))


def _channels_first(network, keep):
    """Names of groups, those of input positions last, with the `Edge` where these are read."""
    groups = {group.name: group for group in _gated(network, keep).groups}
    edges = {
        name: group.consumers[0]
        for name, group in groups.items()
        if group.is_input and group.consumers[0].groups
    }
    return [(n, None) for n in keep if n not in edges] + list(edges.items())


def _magnitude(record):
    if isinstance(record, ConnectionRecord):
        return np.abs(keras.ops.convert_to_numpy(record.kernel))
    sides = (record.producers, record.consumers)
    return np.prod([_norms(side, record.size) for side in sides if side], axis=0)


def _norms(views, size):
    squares = np.zeros(size)
    for view in views:
        rows = keras.ops.convert_to_numpy(view.rows())
        np.add.at(squares, view.channels, (rows**2).sum(axis=1))
    return np.sqrt(squares)


def _largest(values, number, edge=None, chosen=None):
    """The entries with the largest values; of an edge's, those of channels that are chosen."""
    mask = np.zeros(values.size, bool)
    order = np.argsort(-values, axis=None, kind="stable")
    alive = edge.gather_channels(chosen, np) if edge else None
    if alive is not None:
        order = order[alive[order]]
        # One of each channel goes first: a channel of which none is left would go too.
        _, first = np.unique(edge.index[order], return_index=True)
        order = np.concatenate([order[np.sort(first)], np.delete(order, first)])
    mask[order[:number]] = True
    return mask.reshape(values.shape)
