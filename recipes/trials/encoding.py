"""Structures and counts over the epochs, as values of JSON in a row."""

import numpy as np

from recipes.trials.structures import Masks


def encode_structure(keep: Masks) -> dict[str, str]:
    """Of channels sizes and bits as hexadecimal digits, by name of group.

    Of connections, which are too many for a row, shapes and how many are kept.
    """

    def encoded(mask):
        if mask.ndim == 1:
            return f"{len(mask)}:{np.packbits(mask).tobytes().hex()}"
        return f"{mask.shape[0]}x{mask.shape[1]}:{mask.sum()}"

    return {name: encoded(mask) for name, mask in keep.items()}


def decode_structure(encoded: dict[str, str]) -> Masks:
    """The structure again; of connections, as many as there were, the first ones."""

    def decoded(text):
        size, digits = text.split(":")
        if "x" in size:
            shape = tuple(map(int, size.split("x")))
            return (np.arange(np.prod(shape)) < int(digits)).reshape(shape)
        bits = np.unpackbits(np.frombuffer(bytes.fromhex(digits), "uint8"))
        return bits[: int(size)].astype(bool)

    return {name: decoded(text) for name, text in encoded.items()}


def encode_counts(epochs: list[dict]) -> dict[str, list]:
    """The epochs of a `StructureHistory`: per group total, then pairs of kept and strengthened."""
    return {
        name: [counts["total"], *([e[name]["kept"], e[name]["strengthened"]] for e in epochs)]
        for name, counts in epochs[0].items()
    }


def decode_counts(groups: dict[str, list]) -> list[dict]:
    """The epochs again, as `plots.plot_counts` takes them."""

    def counts(total, kept, strengthened):
        left = {"weakened": kept - strengthened, "pruned": total - kept}
        return {"total": total, "kept": kept, "strengthened": strengthened, **left}

    epochs = range(1, len(next(iter(groups.values()))))
    return [{name: counts(v[0], *v[epoch]) for name, v in groups.items()} for epoch in epochs]
