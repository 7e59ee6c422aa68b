"""Gradual: masks that follow a budget's schedule, by a criterion; nothing is learned."""

from typing import Any

import keras
import numpy as np

from keras_switcher.arguments import check_allocation, check_floor, is_whole, own_arguments
from keras_switcher.switchers.records import Record, split_by_record
from keras_switcher.switchers.switcher import Switcher
from keras_switcher.tensors import Tensor


@keras.saving.register_keras_serializable(package="keras_switcher")
class Gradual(Switcher):
    """Keeps the best channels by a criterion, fewer and fewer as a budget's target falls.

    Factors are ones and zeros. Every `renew_every` batches of `fit`, and as an epoch begins, the
    criterion scores all channels, and those of the lowest scores are switched off until the
    budget's target is met from below: gradual pruning (Zhu and Gupta 2017, arXiv 1710.01878). What
    is off may come back, until the target has reached the budget: then the masks stay. There are no
    parameters to learn, so train with `alternation="task"`.

    Known as `"magnitude"` (group norms, of all coupled kernels over the mean of their group;
    magnitudes for connections), `"uniform"` (the same, with one share for all groups), `"taylor"`
    (running means of the gradients on the factors) and `"random"`.

    Args:
        criterion: Name of a criterion, see `prune`. Those that need data of their own
            (`"activation"`) cannot be used here; `"taylor"` sees the gradients of training.
        allocation: `"global"` or `"uniform"`, see `prune`.
        floor: The share of each group's channels that stays in any case; at least one does.
        renew_every: Number of batches after which the masks are made anew.
        straight_through: Whether masked weights keep their gradient, as if they were on (dynamic
            pruning with feedback: Lin et al. 2020, arXiv 2006.07253). Without it what is off
            stands still, and seldom comes back.
        **kwargs: See `Switcher`.

    Raises:
        ValueError: If an argument is not one of its choices.

    Example:

    >>> import keras_switcher as ks
    >>> hidden, head = keras.layers.Dense(8, "relu", name="hidden"), keras.layers.Dense(2)
    >>> task = keras.Sequential([keras.Input((4,)), hidden, head])
    >>> budget = ks.Budget(0.5, end_epoch=2)
    >>> model = ks.SwitcherModel(task, "magnitude", ["hidden"], "task", budget)
    >>> model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    >>> x, y = np.eye(4, dtype="float32"), np.array([0, 1, 0, 1])
    >>> history = model.fit(x, y, epochs=9, verbose=0)
    >>> int(model.scaling_factors()["hidden"].sum()), model.switcher.trainable_variables
    (4, [])
    """

    def __init__(
        self,
        criterion: str = "group_norm",
        allocation: str = "global",
        floor: float = 0.0,
        renew_every: int = 100,
        straight_through: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(criterion, str):
            raise ValueError(
                "`criterion` must be the name of a criterion, which is saved with the switcher; "
                "make one of your own known by keras_switcher.criteria.register. "
                f"Received: criterion={criterion!r}."
            )
        if not isinstance(straight_through, bool):
            raise ValueError(
                "`straight_through` must be True or False. "
                f"Received: straight_through={straight_through!r}."
            )
        check_allocation(allocation)
        check_floor(floor)
        if not is_whole(renew_every, 1):
            raise ValueError(
                "`renew_every` must be a number of batches from 1 on. "
                f"Received: renew_every={renew_every!r}."
            )
        self.criterion = criterion
        self.allocation = allocation
        self.floor = floor
        self.renew_every = renew_every
        self.straight_through = straight_through

    def build(self, records: list[Record]) -> None:
        size = sum(record.size for record in records)
        # Trainable, so that gradients on the factors are seen; but no optimizer gets it.
        self.masks = self.add_weight(shape=(size,), initializer="ones", name="masks")
        self.target = self.add_weight(
            shape=(),
            initializer="ones",
            trainable=False,
            aggregation="only_first_replica",
            name="target",
        )
        self._names = [record.name for record in records]

    @property
    def trainable_variables(self) -> list[keras.Variable]:
        """None: the optimizer gets nothing to train."""
        return []

    trainable_weights = trainable_variables

    def call(self, records: list[Record]) -> list[Tensor]:
        return split_by_record(self.masks.value, records)

    def renew(self, masks: dict[str, np.ndarray], target: float) -> None:
        """Sets the masks that meet a target.

        Args:
            masks: Boolean arrays of the factors' shapes, by name of group.
            target: The share of the weights or MACs that they were made for.
        """
        flat = np.concatenate([np.ravel(masks[name]) for name in self._names])
        self.masks.assign(flat.astype(self.masks.dtype))
        self.target.assign(target)

    def start_anew(self) -> None:
        """Lets a new budget make masks of its own, whatever those were made for that there are."""
        self.target.assign(1.0)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **own_arguments(Gradual, self)}
