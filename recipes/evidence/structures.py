"""Which channels are kept, as text in a row, and structures that controls are given."""

import json

import keras
import numpy as np

import keras_switcher as ks
from keras_switcher.wiring import Wiring

Structure = dict[str, np.ndarray]


def write_structure(keep: Structure) -> str:
    """Boolean vectors by name of group as text: names, sizes and bits as hexadecimal digits."""
    return ";".join(f"{n}:{len(k)}:{np.packbits(k).tobytes().hex()}" for n, k in keep.items())


def read_structure(text: str) -> Structure:
    """What `write_structure` wrote."""
    keep = {}
    for item in text.split(";"):
        name, size, digits = item.rsplit(":", 2)
        bits = np.unpackbits(np.frombuffer(bytes.fromhex(digits), "uint8"))
        keep[name] = bits[: int(size)].astype(bool)
    return keep


def write_counts(epochs: list[dict]) -> str:
    """The epochs of a `StructureHistory` as text: per group total, kept and strengthened."""
    kept = {
        name: [counts["total"], *([e[name]["kept"], e[name]["strengthened"]] for e in epochs)]
        for name, counts in epochs[0].items()
    }
    return json.dumps(kept, separators=(",", ":"))


def read_counts(text: str) -> list[dict]:
    """What `write_counts` wrote, as `plots.plot_counts` takes it."""
    groups = json.loads(text)
    return [
        {name: _counts(values[0], *values[epoch]) for name, values in groups.items()}
        for epoch in range(1, len(next(iter(groups.values()))))
    ]


def _counts(total, kept, strengthened):
    return {
        "total": total,
        "kept": kept,
        "strengthened": strengthened,
        "weakened": kept - strengthened,
        "pruned": total - kept,
    }


def random_structure(keep: Structure, seed: int) -> Structure:
    """As many channels of each group, drawn at random."""
    generator = np.random.default_rng(seed)
    return {name: generator.permutation(mask) for name, mask in keep.items()}


def uniform_structure(network: keras.Model, macs: int, seed: int) -> Structure:
    """One share of every hidden layer, all inputs, at most so many MACs: the largest such share.

    Args:
        network: The network.
        macs: Number of MACs per sample.
        seed: Seed of the draw of the channels, which matters only before training.
    """
    hidden = [g for g in ks.channel_groups(network) if g.prunable and not g.is_input]
    generator = np.random.default_rng(seed)
    orders = {group.name: generator.permutation(group.size) for group in hidden}

    def structure(share):
        return {n: order < max(1, round(share * len(order))) for n, order in orders.items()}

    low, high = 0.0, 1.0
    for _ in range(12):  # Finer than one channel of any layer here.
        share = (low + high) / 2
        cost = ks.count_macs(ks.prune_channels(network, structure(share))).total
        low, high = (share, high) if cost <= macs else (low, share)
    return structure(low)


def magnitude_structure(network: keras.Model, keep: Structure) -> Structure:
    """As many channels of each group: those with the largest weights.

    A channel's magnitude is the product of the norms of the weights that make it and of those
    that read it, which rescaling a ReLU network does not change.

    Args:
        network: A trained network.
        keep: Tells how many.
    """
    chosen = {}
    for record in Wiring(network, list(keep)).records:
        sides = (record.producers, record.consumers)
        magnitude = np.prod([_norms(side, record.size) for side in sides if side], axis=0)
        chosen[record.name] = _largest(magnitude, keep[record.name].sum())
    return chosen


def _norms(views, size):
    squares = np.zeros(size)
    for view in views:
        rows = keras.ops.convert_to_numpy(view.rows())
        np.add.at(squares, view.channels, (rows**2).sum(axis=1))
    return np.sqrt(squares)


def _largest(values, number):
    mask = np.zeros(len(values), bool)
    mask[np.argsort(-values, kind="stable")[:number]] = True
    return mask
