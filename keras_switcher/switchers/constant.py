"""ConstantInput, a control: a switcher that reads the weights as they were before training."""

import keras
from keras import ops

from keras_switcher.reductions import Tensor
from keras_switcher.switchers.records import Record, map_weights, unique_weights
from keras_switcher.switchers.wrapped import WrappedSwitcher


@keras.saving.register_keras_serializable(package="keras_switcher")
class ConstantInput(WrappedSwitcher):
    """Reads copies of the weights, made when the `SwitcherModel` was made.

    The control that tells whether knowledge that training puts into the weights does anything:
    the switcher is trained as before, on an input that never changes.

    Args:
        switcher: The `Switcher` within.
        **kwargs: See `Switcher`.

    Example:

    >>> from keras_switcher.switchers import RowSwitcher
    >>> ConstantInput(RowSwitcher()).switcher.start
    'one'
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
