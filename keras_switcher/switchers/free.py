"""FreeFactors, a control: factors that are free parameters."""

from typing import Any

import keras

from keras_switcher.arguments import own_arguments
from keras_switcher.switchers.heads import CEILING, START, STARTS, as_factors, check_head
from keras_switcher.switchers.records import Record, split_by_record
from keras_switcher.switchers.switcher import Switcher
from keras_switcher.tensors import Tensor


@keras.saving.register_keras_serializable(package="keras_switcher")
class FreeFactors(Switcher):
    """One free parameter per factor instead of a network: reads no weights at all.

    A control experiment: training, budget, gates and ceiling (see `RowSwitcher`) are the same. A
    difference to another switcher shows what that one gains by reading the weights.

    Args:
        start: Where the parameters start, drawn from a normal distribution: `"one"` (exactly 1),
            `"near_one"` (mean 1, spread .3), or `"half_zeros"` (mean 0, spread 1).
        seed: Seed of the draw.
        ceiling: What factors stay below, a number above 1; None for no bound.
        **kwargs: See `Switcher`.

    Raises:
        ValueError: If `start` is unknown, or `ceiling` is not above 1.

    Example:

    >>> import keras_switcher as ks
    >>> hidden = keras.layers.Dense(3, name="hidden")
    >>> task = keras.Sequential([keras.Input((2,)), hidden, keras.layers.Dense(1)])
    >>> model = ks.SwitcherModel(task, FreeFactors())
    >>> model.scaling_factors()["hidden"].tolist()
    [1.0, 1.0, 1.0]
    >>> _ = model.switcher.parameters.assign([0.5, -0.1, 1, 1, 1])  # Two are those of the inputs.
    >>> model.scaling_factors()["hidden"].tolist()
    [0.75, 0.0, 1.0]
    """

    def __init__(
        self,
        start: str = START,
        seed: int | None = None,
        ceiling: float | None = CEILING,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_head(start, ceiling)
        self.start = start
        self.ceiling = ceiling
        self.seed = seed

    later_weights = 2

    def build(self, records: list[Record]) -> None:
        spread, mean = STARTS[self.start]
        draw = keras.initializers.RandomNormal(mean, spread, seed=self.seed)
        sizes = [record.size for record in records]
        values = draw((sum(sizes),))
        self.parameters = self.add_weight(
            shape=(sum(sizes),), initializer=lambda *a, **k: values, name="parameters"
        )
        self.add_initial_spread(self.start)
        if self.initial_spread is not None:  # In the place of a switcher's first scores.
            self.scores = self.add_weight(
                shape=(sum(sizes),),
                initializer=keras.initializers.RandomNormal(0.0, 1.0, seed=self.seed),
                trainable=False,
                name="scores",
            )

    def call(self, records: list[Record]) -> list[Tensor]:
        values = self.parameters.value
        if self.initial_spread is not None:
            values = values + self.added_spread() * self.scores
        return split_by_record(as_factors(values, self.ceiling), records)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **own_arguments(FreeFactors, self)}
