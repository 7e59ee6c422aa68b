"""EdgePopup: scores choose connections of weights that stay (Ramanujan et al. 2020)."""

from typing import Any

import keras
from keras import ops

from keras_switcher.switchers.ranking import check_connections, check_keep, strongest
from keras_switcher.switchers.records import Record
from keras_switcher.switchers.straight_through import straight_through
from keras_switcher.switchers.switcher import Switcher
from keras_switcher.tensors import Tensor

# U(-a, a) with a = 1 / sqrt(inputs).
INITIALIZER = (1 / 3, "fan_in", "uniform")


@keras.saving.register_keras_serializable(package="keras_switcher")
class EdgePopup(Switcher):
    """A score per connection; the best of each layer are on, and weights stay as they are.

    Ramanujan et al. 2020 (*What's Hidden in a Randomly Weighted Neural Network?*, arXiv
    1911.13299). The factor is 1 for the connections whose scores have the largest magnitudes in
    their layer, 0 for all others, and its gradient is passed on to the magnitude of the score, of
    all connections (a straight-through estimator, section 3). Scores start as
    `U(-1 / sqrt(inputs), 1 / sqrt(inputs))`.

    The weights are not trained: use it with `alternation="switcher"`; `fit()` warns of any other
    that trains scores. The paper starts them as a scaled sign, `+-sqrt(2 / (keep * inputs))`, and
    trains scores by SGD at 0.1, momentum 0.9 and weight decay 1e-4, on a cosine.

    It needs `connections=True`.

    Args:
        keep: The share of each layer's connections that is on, within (0, 1].
        seed: Seed of the scores.
        **kwargs: See `Switcher`.

    Raises:
        ValueError: If `keep` is out of its range, or there are factors of channels.

    Example:

    >>> import keras_switcher as ks
    >>> hidden = keras.layers.Dense(4, name="hidden")
    >>> scores = keras.layers.Dense(1, name="scores")
    >>> task = keras.Sequential([keras.Input((3,)), hidden, scores])
    >>> switcher = EdgePopup(keep=0.25)
    >>> model = ks.SwitcherModel(task, switcher, alternation="switcher", connections=True)
    >>> {name: int(factors.sum()) for name, factors in model.scaling_factors().items()}
    {'hidden/connections': 3, 'scores/connections': 1}
    """

    follows_budget = False  # `keep` decides what is kept.
    fixes_weights = True

    def __init__(self, keep: float = 0.5, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_keep(keep)
        self.keep = keep
        self.seed = seed

    def build(self, records: list[Record]) -> None:
        check_connections(records, "EdgePopup")
        # One for all, so that layers of the same shape have other scores.
        seed = keras.random.SeedGenerator(self.seed)
        self.scores = [
            self.add_weight(
                shape=record.shape,
                initializer=keras.initializers.VarianceScaling(*INITIALIZER, seed=seed),
                name=f"scores_{number}",
            )
            for number, record in enumerate(records)
        ]

    def call(self, records: list[Record]) -> list[Tensor]:
        sizes = [ops.abs(scores.value) for scores in self.scores]
        return [straight_through(strongest(size, self.keep), size) for size in sizes]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "keep": self.keep, "seed": self.seed}
