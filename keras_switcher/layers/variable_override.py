"""Keras scopes: one forgets what is assigned, one overrides the values of some variables."""

import keras

from keras_switcher.tensors import Tensor


class ForgottenUpdates(keras.StatelessScope):
    """A scope of whose assignments nothing remains; variables have the values that they had.

    In a plain `keras.StatelessScope` a variable without a given value does not have that of a scope
    around it, and under JAX perhaps none: a model's values are elsewhere while it is trained.
    """

    def get_current_value(self, variable: keras.Variable) -> Tensor:
        value = super().get_current_value(variable)
        if value is None and self.original_scope is not None:
            return self.original_scope.get_current_value(variable)
        return value


class VariableOverride(ForgottenUpdates):
    """A scope that overrides the values of some variables; others are assigned as without it.

    Moving statistics and seeds outlive the scope, and only the overridden variables are left as
    they were. Losses that layers add are collected in `losses`.

    Args:
        values: Pairs of a variable and the tensor that overrides its value.
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
            # At once, as this may be inside a loop or a condition; `assign` would call this method
            # again.
            variable._direct_assign(value)
