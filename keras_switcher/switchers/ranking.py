"""Masks by rank: 1 for the strongest of a tensor's entries, 0 for the others."""

from typing import Any

from keras import ops

from keras_switcher.arguments import is_number
from keras_switcher.switchers.records import ConnectionRecord, Record
from keras_switcher.tensors import Tensor


def strongest(values: Tensor, keep: float) -> Tensor:
    """1 for the largest entries of a tensor, 0 for the others; it has no gradient.

    Args:
        values: The tensor. Of equal entries any are chosen, never too many.
        keep: The share to choose; one entry at least is.
    """
    flat = ops.reshape(ops.stop_gradient(values), (-1,))
    size = flat.shape[0]
    best = ops.top_k(flat, max(1, round(keep * size)))[1]
    ones = ops.ones_like(flat)[: best.shape[0]]
    return ops.reshape(ops.scatter(ops.expand_dims(best, 1), ones, (size,)), values.shape)


def check_keep(keep: Any) -> None:
    """Raises ValueError if a share to keep is not a number within (0, 1]."""
    if not (is_number(keep) and 0 < keep <= 1):
        raise ValueError(
            "`keep` must be the share of each layer's connections to keep, within (0, 1]. "
            f"Received: keep={keep!r}."
        )


def check_connections(records: list[Record], name: str) -> None:
    """Raises ValueError if there are factors of channels, where a method cuts connections.

    Args:
        records: The records.
        name: The method's, for example `"DNW"`.
    """
    groups = [f"'{r.name}'" for r in records if not isinstance(r, ConnectionRecord)]
    if groups:
        raise ValueError(
            f"{name} cuts single connections, and has no factors for channels. Pass "
            f"SwitcherModel(..., connections=True). Received: the channel groups "
            f"{', '.join(groups)}."
        )
