"""VariableOverride: a Keras scope in which some variables have other values."""

import keras

from keras_switcher.reductions import Tensor


class VariableOverride(keras.StatelessScope):
    """A scope in which some variables have other values; whatever else is assigned stays.

    Losses that layers add are collected in `losses`.

    Args:
        values: Pairs of a variable and what stands in its place.
    """

    def __init__(self, values: list[tuple[keras.Variable, Tensor]]) -> None:
        super().__init__(values, collect_losses=True)
        self._overridden = {id(variable) for variable, _ in values}

    def add_update(self, update: tuple[keras.Variable, Tensor]) -> None:
        variable, value = update
        if id(variable) in self._overridden:
            super().add_update(update)
        elif self.original_scope is not None:
            self.original_scope.add_update(update)
        else:
            variable._direct_assign(value)  # At once: this may be inside a loop or a condition.

    def get_current_value(self, variable: keras.Variable) -> Tensor:
        value = super().get_current_value(variable)
        if value is None and self.original_scope is not None:
            return self.original_scope.get_current_value(variable)
        return value
