"""ConstantInput, a control: a switcher that reads the weights as they were before training."""

import keras
from keras import ops

from keras_switcher.switchers.records import Record, map_weights, unique_weights
from keras_switcher.switchers.wrapped import WrappedSwitcher
from keras_switcher.tensors import Tensor


@keras.saving.register_keras_serializable(package="keras_switcher")
class ConstantInput(WrappedSwitcher):
    """Gives a switcher copies of the weights, made when the `SwitcherModel` was made.

    A control experiment: the switcher is trained as before, on an input that never changes. A
    difference to the switcher within shows what it gains by following the weights in training.

    Args:
        switcher: The `Switcher` within.
        **kwargs: See `Switcher`.

    Example:

    >>> import keras_switcher as ks
    >>> hidden = keras.layers.Dense(3, name="hidden")
    >>> task = keras.Sequential([keras.Input((2,)), hidden, keras.layers.Dense(1)])
    >>> model = ks.SwitcherModel(task, ConstantInput(ks.switchers.RowSwitcher(start="near_one")))
    >>> before = model.scaling_factors()["hidden"]
    >>> _ = hidden.kernel.assign([[0, 1, 2], [3, 4, 5]])  # The factors do not follow.
    >>> bool((model.scaling_factors()["hidden"] == before).all())
    True
    """

    def build(self, records: list[Record]) -> None:
        super().build(records)
        self._copies = [
            self.add_weight(
                shape=weight.shape,
                initializer=keras.initializers.Constant(ops.convert_to_numpy(weight)),
                trainable=False,
                name=f"copy_{i}",
            )
            for i, weight in enumerate(unique_weights(records))
        ]

    def call(self, records: list[Record]) -> list[Tensor]:
        copies = iter(self._copies)
        return super().call(map_weights(records, lambda _: next(copies)))
