"""Scalar weights: a layer that returns a weight that is a single number."""

from typing import Any

import keras
from keras import layers, ops


class ScalarWeight(layers.Layer):
    """Returns a variable without axes as a vector of one entry, for each entry of its input.

    Keras has no layer with such a weight. In a smaller network, an `EinsumDense` with a vector of
    one entry takes its place.

    Args:
        variable: The variable.
        **kwargs: Arguments of `keras.layers.Layer`.
    """

    def __init__(self, variable: keras.Variable, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.number = variable
        self.built = True

    def call(self, ones: Any) -> Any:
        return ops.expand_dims(ones, -1) * ops.cast(self.number, ones.dtype)

    def compute_output_shape(self, shape: tuple) -> tuple:
        return (*shape, 1)

    def get_config(self) -> dict:
        return {**super().get_config(), "variable": self.number}

    def as_vector(self, name: str) -> layers.EinsumDense:
        """A layer of Keras that returns a vector of one entry; it is not built.

        Args:
            name: Its name.
        """
        return layers.EinsumDense(
            "a,b->ab",
            output_shape=1,
            name=name,
            dtype=self.dtype_policy,
            kernel_regularizer=self.number.regularizer,
            kernel_constraint=self.number.constraint,
        )
