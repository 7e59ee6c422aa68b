"""Calibration: the times of layers, brought to those of the whole network at several widths."""

from collections.abc import Iterable

import numpy as np

from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.latency.alone import number_of
from keras_switcher.latency.kinds import Kind
from keras_switcher.latency.table import PICOSECONDS, LatencyTable
from keras_switcher.user_warnings import warn_user

# Larger than this share of the time, what the layers do not explain is worth a warning.
_UNEXPLAINED = 0.4


def narrowed(kinds: Iterable[Kind], share: float) -> dict[str, np.ndarray]:
    """Masks that keep a share of the channels of each group on which times depend.

    Args:
        kinds: The kinds of all calls that take time, one for each call.
        share: The share.
    """
    axes = [axis for kind in kinds for axis in (kind.inputs, kind.outputs) if axis is not None]
    groups = [group for axis in axes for group in axis.groups if group.prunable]
    return {g.name: np.arange(g.size) < number_of(g.size, share) for g in groups}


def calibrated(
    kinds: dict[str, list[float]],
    channel_graph: ChannelGraph,
    times: list[tuple[dict[str, np.ndarray], float]],
) -> dict[str, list[float]]:
    """Coefficients of kinds of layers whose sums are what the network takes.

    Timed by itself, each layer pays for being started and finds its inputs further away than in
    the network. So what is fixed and what grows with channels are brought there separately: their
    sum is what the whole network takes, and their shares are those that fit narrower ones best.

    Args:
        kinds: The coefficients by kind (see `LatencyTable`).
        channel_graph: The network's `ChannelGraph`.
        times: Masks of channels (see `narrowed`), and the seconds of the network's layers with
            what they keep: of the whole network last.
    """
    terms = LatencyTable(kinds).terms(channel_graph)
    fixed = sum(term.each for term in terms if not term.axes)
    varying = np.array([sum(t.left(keep) for t in terms if t.axes) for keep, _ in times], float)
    seconds = np.array([passed for _, passed in times])
    left, took = varying / (varying[-1] or 1), seconds / seconds[-1]
    share = _fixed_share(left, took) if fixed and varying[-1] else float(not varying[-1])
    off = float(np.abs((share + (1 - share) * left) / took - 1).max())
    if off > _UNEXPLAINED:
        warn_user(
            f"The sum over its layers is off by {off:.0%} of the time of the network with part of "
            "its channels, so small shares are not to be trusted: a narrow network fits into the "
            "caches and a wide one does not, or the machine is busy, or the network so small that "
            "noise is larger than what is timed. Run the file of what is pruned to see."
        )
    first = share * seconds[-1] * PICOSECONDS / (fixed or 1)
    others = (1 - share) * seconds[-1] * PICOSECONDS / (varying[-1] or 1)
    return {
        key: [float(first * parts[0]), *(float(others * part) for part in parts[1:])]
        for key, parts in kinds.items()
    }


def _fixed_share(left: np.ndarray, took: np.ndarray) -> float:
    """The share of a network's time that channels do not change, by least relative errors.

    Args:
        left: What is left of the time of the layers that depends on channels, at several widths.
        took: What is left of the network's.
    """
    varies, is_off = (1 - left) / took, (took - left) / took
    return float(np.clip((varies * is_off).sum() / ((varies**2).sum() or 1), 0, 1))
