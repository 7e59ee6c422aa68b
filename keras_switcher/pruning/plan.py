"""The plan as data: kept channels, scales and constants per group."""

from dataclasses import dataclass

import numpy as np


@dataclass(eq=False)
class GroupPlan:
    """What happens to one channel group: which channels stay, and how they are scaled.

    Args:
        keep: Boolean vector: the channels that stay.
        scale: Vector of the factors that are folded into the kernels that read them.
        constant: Boolean vector: the channels that read nothing any more and go, although they
            are read, into the biases of their readers. With `round_to` some of them stay.
        reason: Why nothing can be removed, or None.
    """

    keep: np.ndarray
    scale: np.ndarray
    constant: np.ndarray
    reason: str | None = None


class Plan:
    """Which channels of which groups stay, and how they are scaled. It prints itself.

    Args:
        groups: Maps names of groups to `GroupPlan`s.
        every_dense_input: Whether the groups were read with one per Dense input
            (`groups="dense"`).
        connections: Maps names of connection groups to matrices of factors; zero means cut.
    """

    def __init__(
        self,
        groups: dict[str, GroupPlan],
        every_dense_input: bool = False,
        connections: dict[str, np.ndarray] | None = None,
    ) -> None:
        self.groups = groups
        self.every_dense_input = every_dense_input
        self.connections = connections or {}

    @property
    def keep(self) -> dict[str, np.ndarray]:
        """Boolean vectors by name of group."""
        return {name: group.keep for name, group in self.groups.items()}

    @property
    def scale(self) -> dict[str, np.ndarray]:
        """Factors by name of group."""
        return {name: group.scale for name, group in self.groups.items()}

    @property
    def factors(self) -> dict[str, np.ndarray]:
        """Factors of channels and of connections, by name."""
        return {**self.scale, **self.connections}

    def __str__(self) -> str:
        width = max(map(len, [*self.groups, *self.connections]), default=0)
        lines = [
            f"{name:<{width}}  keeps {group.keep.sum()} of {len(group.keep)}"
            + (f" ({group.reason})" if group.reason else "")
            for name, group in self.groups.items()
        ]
        lines += [
            f"{name:<{width}}  keeps {np.count_nonzero(matrix)} of {matrix.size}"
            for name, matrix in self.connections.items()
        ]
        return "\n".join(lines)

    __repr__ = __str__
