"""Algorithm 1 (arXiv 2110.05954): which network is updated when."""

import keras
from keras import ops

from keras_switcher.arguments import is_whole
from keras_switcher.tensors import Tensor

TASK, SWITCHER, BOTH = ("task",), ("switcher",), ("switcher", "task")
UPDATES = {
    "batch": (SWITCHER, TASK),
    "joint": (BOTH,),
    "task": (TASK,),
    "switcher": (SWITCHER,),
}
ALTERNATIONS = ("batch", "epoch", "joint", "task", "switcher")


def updates_in_epoch(epoch: int, alternation: str, warmup_epochs: int = 0) -> tuple:
    """The backward passes of a training step: for each, the networks that it updates.

    Args:
        epoch: Number of the epoch, counted from 0 over all fits.
        alternation: One of `ALTERNATIONS`.
        warmup_epochs: Number of first epochs that train the task network alone.

    Example:

    >>> updates_in_epoch(0, "batch")
    (('switcher',), ('task',))
    >>> [updates_in_epoch(epoch, "epoch", warmup_epochs=1) for epoch in range(3)]
    [(('task',),), (('switcher',),), (('task',),)]
    """
    if epoch < warmup_epochs:
        return (TASK,)
    if alternation == "epoch":
        return (SWITCHER,) if (epoch - warmup_epochs) % 2 == 0 else (TASK,)
    return UPDATES[alternation]


class Schedule:
    """Which networks each step updates in the coming epoch, and how far training has come.

    Args:
        alternation: One of `ALTERNATIONS`.
        warmup_epochs: Number of first epochs that train the task network alone.
        epochs_seen: A variable: whole epochs over all fits.
        epoch_share: A variable: the share of the current epoch that is done.
        step_share: A variable: the share of an epoch that a training step is; 0 outside of fit().

    Attributes:
        updates: The backward passes of a training step, see `updates_in_epoch`.
        warms_up: Whether all factors are one.

    Raises:
        ValueError: If an argument is not one of its choices.
    """

    def __init__(
        self,
        alternation: str,
        warmup_epochs: int,
        epochs_seen: keras.Variable,
        epoch_share: keras.Variable,
        step_share: keras.Variable,
    ) -> None:
        self.epochs_seen = epochs_seen
        self.epoch_share = epoch_share
        self.step_share = step_share
        self.warmup_epochs = warmup_epochs
        self.alternation = alternation
        self.look_ahead()

    @property
    def warmup_epochs(self) -> int:
        """Epochs with factors of one."""
        return self._warmup_epochs

    @warmup_epochs.setter
    def warmup_epochs(self, value: int) -> None:
        if not is_whole(value, 0):
            raise ValueError(
                "`warmup_epochs` must be a number of epochs, 0 or more. "
                f"Received: warmup_epochs={value!r}."
            )
        self._warmup_epochs = int(value)

    @property
    def alternation(self) -> str:
        """Which network is updated when."""
        return self._alternation

    @alternation.setter
    def alternation(self, value: str) -> None:
        if value not in ALTERNATIONS:
            raise ValueError(
                f"`alternation` must be one of {ALTERNATIONS}. Received: alternation={value!r}."
            )
        self._alternation = value

    def look_ahead(self) -> None:
        """Finds out what the epoch that comes brings: sets `updates` and `warms_up`."""
        epoch = int(ops.convert_to_numpy(self.epochs_seen))
        self.updates = updates_in_epoch(epoch, self.alternation, self.warmup_epochs)
        self.warms_up = epoch < self.warmup_epochs

    @property
    def epoch(self) -> Tensor:
        """The epoch that it is, over all fits, and the share of it that is done."""
        return self.epochs_seen + ops.minimum(self.epoch_share.value, 1.0)

    @property
    def update_share(self) -> Tensor:
        """The share of an epoch that goes by in one update."""
        return self.step_share / len(self.updates)

    def end_step(self) -> None:
        """Lets the share of the epoch go by that a training step is."""
        self.epoch_share.assign_add(self.step_share)

    def after_warmup(self, factors: dict) -> dict:
        """Factors, or ones in the warm-up."""
        if not self.warmup_epochs:
            return factors
        is_over = self.epochs_seen >= self.warmup_epochs
        return {n: ops.where(is_over, f, ops.ones_like(f)) for n, f in factors.items()}
