"""Numbers of channels that must not be left: a few more stay than what is alive."""

import numpy as np


def keep_more(anatomy, keep: dict) -> bool:
    """Keeps another channel where too few, or a number that Keras mistakes, would be left.

    A slice of a group must keep a channel while the group has any: layers cannot be built on
    none. What is added must be scaled by zero.

    Args:
        anatomy: The model's `Anatomy`.
        keep: Boolean vectors by name of group; entries are replaced.

    Returns:
        Whether anything was added.
    """
    added = False
    for axis, count in anatomy.forbidden:
        kept = axis.gather(keep, np)
        if kept is None or kept.all() or np.count_nonzero(kept) != count:
            continue
        for group in axis.groups:
            mask = keep[group.name]
            gone = [channel for channel in axis.entries_of(group)[1] if not mask[channel]]
            if gone and mask.any():
                keep[group.name] = np.where(np.arange(group.size) == gone[0], True, mask)
                added = True
                break
    return added
