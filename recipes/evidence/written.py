"""Structures and counts as text in a row."""

import json

import numpy as np

from recipes.evidence.structures import Structure


def write_structure(keep: Structure) -> str:
    """Boolean arrays by name of group as text.

    Of channels names, sizes and bits as hexadecimal digits. Of connections, which are too many
    for a row, names, shapes and how many are kept.
    """

    def written(mask):
        if mask.ndim == 1:
            return f"{len(mask)}:{np.packbits(mask).tobytes().hex()}"
        return f"{mask.shape[0]}x{mask.shape[1]}:{mask.sum()}"

    return ";".join(f"{name}:{written(mask)}" for name, mask in keep.items())


def read_structure(text: str) -> Structure:
    """What `write_structure` wrote; of connections, as many as there were, the first ones."""
    keep = {}
    for item in text.split(";"):
        name, size, digits = item.rsplit(":", 2)
        if "x" in size:
            shape = tuple(map(int, size.split("x")))
            keep[name] = (np.arange(np.prod(shape)) < int(digits)).reshape(shape)
            continue
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
