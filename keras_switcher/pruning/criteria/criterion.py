"""Criterion: the base class of all criteria."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_switcher.graph.groups import ChannelGroup, ConnectionGroup
from keras_switcher.pruning.criteria.scored_network import ScoredNetwork


class Criterion:
    """Scores the channels of a network as it is; those of the lowest scores go first.

    A criterion of your own is a subclass with the method `scores`. Make it known by a name with
    `keras_switcher.criteria.register`.

    Example, the channels with the largest biases stay:

    >>> import keras
    >>> import keras_switcher as ks
    >>> @ks.criteria.register("largest_bias")
    ... class LargestBias(Criterion):
    ...     def scores(self, network):
    ...         return {g.name: np.array(g.producers[0].layer.bias) for g in network.groups}
    >>> task = keras.Sequential([
    ...     keras.Input((4,)),
    ...     keras.layers.Dense(6, name="hidden"),
    ...     keras.layers.Dense(2, name="head"),
    ... ])
    >>> _ = task.layers[0].bias.assign([0, 3, 1, 2, 0, 0])
    >>> small = ks.prune(task, ks.Budget(0.5), criterion="largest_bias")
    >>> small.layers[1].get_weights()[1].tolist()
    [3.0, 1.0, 2.0]
    """

    def scores(self, network: ScoredNetwork) -> Mapping[str, np.ndarray]:
        """Scores of channels, higher for those that matter more.

        Args:
            network: The `ScoredNetwork`.

        Returns:
            Vectors of shape `(group.size,)` by name of group. A group that is left out stays whole.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement scores(network).")

    def connection_scores(self, connections: list[ConnectionGroup]) -> dict[str, np.ndarray]:
        """Scores of single connections, for criteria that can tell them.

        Args:
            connections: The `ConnectionGroup`s.

        Returns:
            Matrices like the kernels, by name of group.

        Raises:
            ValueError: If the criterion has no scores for connections.
        """
        raise ValueError(
            f"Criterion {type(self).__name__} scores channels alone, not single connections. Use "
            "one that does, 'group_norm' (magnitudes) or 'random', or give channels factors "
            "(connections=False)."
        )


def relative(scores: np.ndarray) -> np.ndarray:
    """Scores over their mean in the group; all ones where they are all zero."""
    mean = scores.mean()
    return np.ones_like(scores) if mean == 0 else scores / mean


def check_scores(
    scores: Any, groups: Sequence[ChannelGroup | ConnectionGroup], criterion: Any
) -> dict[str, np.ndarray]:
    """The scores that a criterion returned, as arrays in the order of the groups.

    Args:
        scores: What it returned.
        groups: The `ChannelGroup`s or `ConnectionGroup`s that it was to score.
        criterion: The criterion.

    Raises:
        ValueError: If they are no mapping, one belongs to no group, has another shape, has other
            entries than real numbers, or is not finite; if no group has any.
    """
    name = type(criterion).__name__
    if not isinstance(scores, Mapping):
        raise ValueError(
            f"Criterion {name} must return a dict with an array per group. Received: "
            f"{type(scores).__name__}."
        )
    shapes = {group.name: group.shape for group in groups}
    if unknown := [str(group) for group in scores if group not in shapes]:
        raise ValueError(
            f"Criterion {name} scored groups that were not asked for: {', '.join(unknown)}. "
            f"Asked for: {', '.join(shapes)}."
        )
    checked = {n: _as_numbers(scores[n], n, name) for n in shapes if n in scores}
    for group, array in checked.items():
        if array.shape != shapes[group]:
            kind = "a vector" if len(shapes[group]) == 1 else "a matrix"
            each = "channel" if len(shapes[group]) == 1 else "connection"
            raise ValueError(
                f"Criterion {name} must score '{group}' with {kind} of shape {shapes[group]}, "
                f"one entry per {each}. Received shape {array.shape}."
            )
        if not np.isfinite(array).all():
            raise ValueError(
                f"The scores of '{group}' by criterion {name} are not finite "
                f"({(~np.isfinite(array)).sum()} of {array.size}): look for NaN in the weights "
                "and the data."
            )
    if not checked:
        raise ValueError(f"Criterion {name} scored none of the groups: {', '.join(shapes)}.")
    return checked


def _as_numbers(scores: Any, group: str, criterion: str) -> np.ndarray:
    """The scores of a group in float64; raises ValueError if they are no real numbers."""
    expected = f"Criterion {criterion} must score '{group}' with real numbers, one per entry"
    if isinstance(scores, np.ma.MaskedArray):
        raise ValueError(
            f"{expected}. Received: a masked array. Say what masked entries count, with "
            "scores.filled(value): the lowest score goes first."
        )
    try:
        is_tensor = ops.is_tensor(scores) or isinstance(scores, keras.Variable)
        array = ops.convert_to_numpy(scores) if is_tensor else np.asarray(scores)
    except ValueError as error:  # Of several lengths.
        raise ValueError(f"{expected}. Received: {scores!r}, which is no array.") from error
    # Booleans are no scores: among equal ones it is by chance which go first.
    if array.dtype == bool or not np.can_cast(array.dtype, "float64", "same_kind"):
        how = {
            "b": "as floats if that is meant, scores.astype('float32')",
            "c": "by their size, abs(scores)",
        }.get(array.dtype.kind, "in an array of floats, np.array(scores, 'float32')")
        raise ValueError(f"{expected}. Received: {array.dtype.name} entries. Return them {how}.")
    return array.astype("float64")
