"""The base layer of RowSwitcher's two networks."""

from typing import Any

import keras


class RowPart(keras.layers.Layer):
    """Base of a small network whose scores have a learned scale and shift; see `RowSwitcher`.

    Args:
        units: Width of the network.
        gamma: Initial standard deviation of the raw values.
        beta: Their initial mean.
        ceiling: Upper bound of the factors, or None.
        **kwargs: As for any Keras layer.
    """

    def __init__(
        self, units: int, gamma: float, beta: float, ceiling: float | None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.initial_gamma, self.initial_beta = gamma, beta
        self.ceiling = ceiling

    def add_scale(self) -> None:
        """Creates `gamma` and `beta`."""
        constant = keras.initializers.Constant
        self.gamma = self.add_weight(
            shape=(), initializer=constant(self.initial_gamma), name="gamma"
        )
        self.beta = self.add_weight(shape=(), initializer=constant(self.initial_beta), name="beta")
