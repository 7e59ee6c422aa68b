"""Filling: keeps the first of a ranking that a limit has room for, then whatever else fits."""

from collections.abc import Callable

import numpy as np

from keras_switcher.pruning.allocation.ranking import Ranking


def prefix(ranking: Ranking, always: np.ndarray, fits: Callable[[np.ndarray], bool]) -> np.ndarray:
    """The mask of the longest start of a ranking that fits.

    Args:
        ranking: The `Ranking`.
        always: The packed mask of what is kept in any case, which fits.
        fits: Whether a packed mask does.
    """
    least, beyond = 0, ranking.count + 1
    while beyond - least > 1:
        middle = (least + beyond) // 2
        if fits(always | ranking.first(middle)):
            least = middle
        else:
            beyond = middle
    return always | ranking.first(least)


def fill(
    ranking: Ranking,
    kept: np.ndarray,
    room: Callable[[np.ndarray], float],
    increments: Callable[[np.ndarray], np.ndarray],
    independent: Callable[[np.ndarray], np.ndarray] | None = None,
) -> np.ndarray:
    """Adds, in the order of a ranking, each further step that there is room for.

    What did not fit never does: the more is kept, the more another channel costs.

    Args:
        ranking: The `Ranking`.
        kept: The packed mask of what is kept.
        room: How much a packed mask leaves of the limit; below zero for one that exceeds it.
        increments: What each channel would add to a packed mask, or less.
        independent: Which of them add just that, and leave what the others would add as it is:
            these are added many at once.
    """
    at, left = 0, room(kept)
    changed = True
    while at < ranking.count:
        if changed:
            ranked = ranking.step >= 0
            off = np.bincount(ranking.step[ranked], ~kept[ranked], ranking.count)[: ranking.count]
            added = ranking.least(np.where(kept, 0, increments(kept)))
            added[ranking.too_early(kept)] = np.inf
            # How many channels of each step are none of these.
            bound = ranking.least(~independent(kept)) if independent else np.ones(ranking.count)
        fitting = at + np.flatnonzero((off[at:] > 0) & (added[at:] <= left))
        if not len(fitting):
            break
        at = fitting[0]
        sums = np.cumsum(np.where(bound[fitting] > 0, np.inf, added[fitting]))
        if number := np.searchsorted(sums, left, side="right"):
            kept = kept | np.isin(ranking.step, fitting[:number])
            at, left, changed = fitting[number - 1] + 1, left - sums[number - 1], False
            continue
        more = kept | (ranking.step == at)
        changed = (left_of_more := room(more)) >= 0
        if changed:
            kept, left = more, left_of_more
        at += 1
    return kept
