"""Ranking: the order in which channels are kept, in steps of one or several of a group."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(eq=False)
class Ranking:
    """Steps, the first to be kept first; each keeps one or several channels of one group.

    Args:
        step: The rank of the step in which each channel is kept; -1 for what is kept anyway, and
            `count` for what is never kept. Packed like the masks.
        count: Number of steps.
        remainders: The steps of what a group has beyond whole multiples, each with the packed
            mask of the rest of its group, which is kept before.
    """

    step: np.ndarray
    count: int
    remainders: dict[int, np.ndarray] = field(default_factory=dict)

    def first(self, number: int) -> np.ndarray:
        """The packed mask that keeps the first steps."""
        return self.step < number

    def least(self, values: np.ndarray) -> np.ndarray:
        """The sum of packed values over each step."""
        ranked = (self.step >= 0) & (self.step < self.count)
        return np.bincount(self.step[ranked], values[ranked], self.count)

    def too_early(self, kept: np.ndarray) -> list[int]:
        """The steps that would leave no multiple: remainders of groups that are not whole yet."""
        return [step for step, rest in self.remainders.items() if not kept[rest].all()]


def floors(
    scores: Mapping[str, np.ndarray], floor: float | Mapping[str, float], round_to: int
) -> dict[str, int]:
    """How many channels each group keeps in any case: a share of them, rounded up; at least one.

    Args:
        scores: Vectors by name of group.
        floor: The share, or shares by name of group.
        round_to: Whole multiples of this number are kept.
    """
    shares = floor if isinstance(floor, Mapping) else dict.fromkeys(scores, floor)
    return {
        name: _rounded_up(np.ceil(shares[name] * len(score) - 1e-9), len(score), round_to)
        for name, score in scores.items()
    }


def _rounded_up(count: float, size: int, round_to: int) -> int:
    return int(min(size, -(-max(1, count) // round_to) * round_to))


def rank(
    scores: Mapping[str, np.ndarray],
    kept: Mapping[str, int],
    most: Mapping[str, int],
    round_to: int = 1,
    uniform: bool = False,
) -> Ranking:
    """Ranks the channels of all groups by score, or by the share of their group that is kept.

    Equal scores are ranked by that share, so that groups of equal channels lose the same.

    Args:
        scores: Vectors by name of group, in the order in which masks are packed.
        kept: How many channels of each group, those of the highest scores, are kept in any case.
        most: How many are kept at most.
        round_to: How many channels of a group are kept in one step.
        uniform: Rank by the share of the group alone; within a group, by score.
    """
    parts, step_scores, step_shares = [], [], []
    remainders: dict[int, np.ndarray] = {}
    length, start, total = 1 + sum(len(score) for score in scores.values()), 0, 0
    for name, score in scores.items():
        size, first, last = len(score), kept[name], most[name]
        order = np.argsort(-score, kind="stable")
        places = np.arange(size)
        number = np.where(places < first, -1, total + (places - first) // round_to)
        number[last:] = -2
        steps = max(0, -(-(last - first) // round_to))
        bounds = np.minimum(first + round_to * np.arange(steps + 1), last)
        sums = np.add.reduceat(score[order], bounds[:-1]) if steps else np.zeros(0)
        widths = np.diff(bounds)
        if steps:  # The last sum runs to the end of the vector, beyond what is kept at most.
            sums[-1] = score[order][bounds[-2] : last].sum()
        step_scores.append(sums / np.maximum(widths, 1))
        step_shares.append(bounds[1:] / size)
        if steps and widths[-1] < round_to:
            rest = np.zeros(length, bool)
            rest[start + order[: bounds[-2]]] = True
            remainders[total + steps - 1] = rest
        part = np.empty(size, int)
        part[order] = number
        parts.append(part)
        start += size
        total += steps
    values, shares = np.concatenate(step_scores), np.concatenate(step_shares)
    keys = (shares,) if uniform else (shares, -values)
    ranks = np.empty(total, int)
    ranks[np.lexsort(keys)] = np.arange(total)
    packed = np.concatenate([*parts, [-1]])
    chosen = packed >= 0
    packed[chosen] = ranks[packed[chosen]]
    packed[packed == -2] = total
    return Ranking(packed, total, {int(ranks[n]): rest for n, rest in remainders.items()})
