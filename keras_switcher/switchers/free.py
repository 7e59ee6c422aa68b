"""A control: factors that are free parameters."""

import keras
from keras import ops

from keras_switcher.switchers.records import split_by_record
from keras_switcher.switchers.row import STARTS
from keras_switcher.switchers.switcher import Switcher


@keras.saving.register_keras_serializable(package="keras_switcher")
class FreeFactors(Switcher):
    """One free parameter per factor instead of a network: reads no weights at all.

    The control that tells what a switcher gains by looking at the weights: the same training,
    budget and gates, without the knowledge. `factor = relu(parameter)`.

    Args:
        start: Where the factors start, drawn from a normal distribution: `"near_one"` (mean 1,
            spread .3), `"one"` (exactly 1), or `"half_zeros"` (mean 0, spread 1).
        seed: Seed of the draw.
        **kwargs: See `Switcher`.

    Raises:
        ValueError: If `start` is unknown.

    Example:

    >>> FreeFactors(start="one").start
    'one'
    """

    def __init__(self, start: str = "near_one", seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        if start not in STARTS:
            raise ValueError(f"`start` must be one of {tuple(STARTS)}. Received: start={start!r}.")
        self.start = start
        self.seed = seed

    def build(self, records):
        spread, mean = STARTS[self.start]
        draw = keras.initializers.RandomNormal(mean, spread, seed=self.seed)
        sizes = [record.size for record in records]
        values = draw((sum(sizes),))
        self.parameters = self.add_weight(
            shape=(sum(sizes),), initializer=lambda *a, **k: values, name="parameters"
        )

    def call(self, records):
        return split_by_record(ops.relu(ops.convert_to_tensor(self.parameters)), records)

    def get_config(self):
        return {**super().get_config(), "start": self.start, "seed": self.seed}
