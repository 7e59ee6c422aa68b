"""Switcher: the base class of all switchers."""

from typing import Any

import keras
from keras import ops

from keras_switcher.reductions import Tensor
from keras_switcher.switchers.heads import SPREAD
from keras_switcher.switchers.records import Record


class Switcher(keras.layers.Layer):
    """Reads the weights of a network and returns factors: per channel, or per connection.

    A switcher of your own is a subclass with two methods:

    * `build(records)`: creates weights; the records hold the network's variables.
    * `call(records)`: returns a list with one non-negative tensor of shape `record.shape` per
      record; 0 prunes a channel (or connection), below 1 weakens it, 1 and above strengthens it.

    Register it with `keras.saving.register_keras_serializable` so that it can be saved. It
    computes in floatx, also where the network runs in mixed precision. It must depend on weights
    only, not on batches: the factors that training ends with are those that inference uses.

    Args:
        **kwargs: `name` and `dtype`, as for any Keras layer.

    Call arguments:
        records: List of `GroupRecord`s, in the order of the network's groups; where connections
            have factors, then of `ConnectionRecord`s.

    Example, for networks of Dense layers:

    >>> from keras import ops
    >>> @keras.saving.register_keras_serializable(package="example")
    ... class MeanMagnitude(Switcher):
    ...     def call(self, records):
    ...         return [ops.mean(ops.abs(r.consumers[0].rows()), axis=1) for r in records]
    """

    # How many weights `add_opening` and what goes with it create; they come last.
    later_weights = 1

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("dtype", keras.config.floatx())
        super().__init__(**kwargs)
        self.opening = None

    def build(self, records: list[Record]) -> None:
        """Creates the switcher's weights for these records."""

    def call(self, records: list[Record]) -> list[Tensor]:
        raise NotImplementedError(f"{type(self).__name__} must implement call(records).")

    def build_once(self, records: list[Record]) -> None:
        """Builds the switcher for one model, and for no second one.

        Raises:
            ValueError: If it was built before.
        """
        if self.built:
            raise ValueError(
                f"Switcher '{self.name}' belongs to another model already. Pass a new one."
            )
        self.build(records)

    def add_opening(self, start: str) -> None:
        """Creates what `spread` sets, for a switcher whose factors are all one at the start."""
        if start == "one":
            self.opening = self.add_weight(
                shape=(),
                initializer="zeros",
                trainable=False,
                aggregation="only_first_replica",
                name="opening",
            )

    def opened(self) -> Tensor:
        """How far raw values are spread beyond what was learned: from 0 to `heads.SPREAD`."""
        return 0.0 if self.opening is None else SPREAD * self.opening

    def spread(self, opening: Tensor) -> None:
        """Spreads factors that started at one, as a budget's target begins to fall.

        Called before each update under a budget; a switcher of your own need not do anything.

        Args:
            opening: A scalar tensor: 0 before the target falls, 1 soon after.
        """
        if self.opening is not None:
            self.opening.assign(ops.cast(opening, self.opening.dtype))

    def load_own_variables(self, store: Any) -> None:
        """Loads the switcher's own weights; older files lack those that `spread` needs."""
        own: dict[str, Tensor] = {}
        self.save_own_variables(own)
        found = {name: store[name] for name in store.keys()}  # noqa: SIM118 (no mapping)
        is_older = self.opening is not None and len(found) == len(own) - self.later_weights
        super().load_own_variables({**own, **found} if is_older else found)

    def get_build_config(self) -> None:
        """Nothing: a `SwitcherModel` builds its switcher from the task network."""
