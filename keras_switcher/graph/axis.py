"""Axes: which group's channel lies at each position of an axis of a tensor or weight."""

from collections.abc import Iterable
from functools import cached_property
from types import ModuleType
from typing import Protocol

import numpy as np
from keras import ops

from keras_switcher.tensors import Tensor


class GroupProtocol(Protocol):
    """The part of a `ChannelGroup` that axes need: its module builds on this one."""

    name: str
    size: int
    consumers: list
    reason: str | None
    is_normalized: bool

    @property
    def prunable(self) -> bool: ...


class Axis:
    """An axis of a tensor or weight: at each position lies a channel of a group, or of none.

    Args:
        groups: The groups whose channels lie along the axis.
        index: Integer array of shape `(size,)` into the concatenated channels of `groups`; the
            number after the last channel stands for "of no group".

    Attributes:
        size: Number of positions.
    """

    def __init__(self, groups: Iterable[GroupProtocol], index: np.ndarray) -> None:
        self.groups = tuple(groups)
        self.index = np.asarray(index)
        self.size = len(self.index)

    def gather(self, vectors: dict[str, Tensor], xp: ModuleType = ops) -> Tensor | None:
        """Gathers per-channel vectors along the axis.

        Args:
            vectors: Maps names of groups to vectors of shape `(group.size,)`. A group that is not
                in it counts as all ones.
            xp: `keras.ops`, or `numpy` for arrays (masks included).

        Returns:
            A vector of shape `(size,)`, or None where it would be all ones.
        """
        known = [vectors[group.name] for group in self.groups if group.name in vectors]
        if not known:
            return None
        if len(self.groups) == 1 and self.is_whole(self.groups[0]):
            return known[0]
        dtype = known[0].dtype
        parts = [
            vectors[group.name] if group.name in vectors else xp.ones(group.size, dtype=dtype)
            for group in self.groups
        ]
        return xp.take(xp.concatenate([*parts, xp.ones(1, dtype=dtype)]), self.index, axis=0)

    def kept(self, keep: dict[str, np.ndarray]) -> np.ndarray:
        """Which positions stay: a boolean vector.

        Args:
            keep: Boolean vectors by name of group; those of other groups stay.
        """
        kept = self.gather(keep, np)
        return np.ones(self.size, bool) if kept is None else kept

    def is_whole(self, group: GroupProtocol) -> bool:
        """Whether the axis is just the channels of `group`, in order."""
        return self.size == group.size and np.array_equal(self.index, np.arange(group.size))

    def entries_of(self, group: GroupProtocol) -> tuple[np.ndarray, np.ndarray]:
        """The positions that belong to `group`, and the channel at each of them."""
        return self._entries[id(group)]

    @cached_property
    def _entries(self) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        # For all groups at once: an axis behind many concatenations has as many groups.
        ends = np.cumsum([group.size for group in self.groups], dtype=int)
        number = np.searchsorted(ends, self.index, side="right")
        order = np.argsort(number, kind="stable")
        bounds = np.searchsorted(number[order], np.arange(len(ends) + 1))
        channels = self.index[order] - np.append(0, ends)[number[order]]
        return {
            id(group): (order[start:end], channels[start:end])
            for group, start, end in zip(self.groups, bounds, bounds[1:], strict=False)
        }
