"""Gated: a layer whose kernel is scaled by factors, channel by channel."""

from functools import reduce
from typing import Any

import keras

from keras_switcher.graph.edge import scaled
from keras_switcher.graph.equations import with_known_sizes
from keras_switcher.layers.variable_override import VariableOverride
from keras_switcher.tensors import Tensor


@keras.saving.register_keras_serializable(package="keras_switcher")
class Gated(keras.layers.Layer):
    """Wraps a layer that mixes channels, and scales the contribution of each input channel.

    The factors multiply the wrapped layer's kernel along its input axis, which is the same as
    multiplying its input (equations 2 and 4 of arXiv 2110.05954) but costs nothing that grows with
    the batch. The wrapped layer keeps its weights; regularizers see them unscaled. `SwitcherModel`
    puts these layers into a task network by itself.

    Args:
        layer: A Dense or convolution layer, or any other with a kernel that mixes channels.
        weight: Name of the attribute that holds this kernel; with a point for that of a layer in
            the layer, as `"layer.kernel"` of a `TimeDistributed` one.
        axis: The axis of the kernel along which the input channels lie; a list for a kernel that
            mixes channels along several of its axes, as that of an attention's output does.
        straight_through: Whether the gradient on the kernel is that on the scaled kernel, as if
            all factors were one (Bengio et al. 2013, arXiv 1308.3432): what a factor of zero
            switches off goes on learning.

    Call arguments:
        inputs: Tensor that the wrapped layer accepts.
        factors: Factors of shape `(input channels,)`, or `(input channels, outputs)` for a factor
            per connection. For a list of axes a list of vectors, in the same order.

    Raises:
        ValueError: If the wrapped layer has no such weight, or the factors have another length.

    Example:

    >>> import numpy as np
    >>> layer = Gated(keras.layers.Dense(2, kernel_initializer="ones"))
    >>> outputs = layer(np.array([[1.0, 10.0]]), np.array([1.0, 0.0]))
    >>> keras.ops.convert_to_numpy(outputs).tolist()
    [[1.0, 1.0]]
    """

    def __init__(
        self,
        layer: keras.layers.Layer,
        weight: str = "kernel",
        axis: int | list[int] = -2,
        straight_through: bool = False,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("name", f"gated_{getattr(layer, 'name', 'layer')}")
        # The wrapped layer casts for itself: the kernel is scaled before, in its own precision.
        kwargs.setdefault("dtype", getattr(layer, "variable_dtype", None))
        super().__init__(**kwargs)
        if not isinstance(layer, keras.layers.Layer):
            raise ValueError(f"`layer` must be a keras.layers.Layer. Received: layer={layer!r}.")
        self.layer = layer
        self.weight = weight
        self.axis = axis if isinstance(axis, int) else tuple(axis)
        self.straight_through = straight_through
        self.autocast = False
        self.supports_masking = getattr(layer, "supports_masking", False)

    def build(
        self, inputs_shape: tuple[int | None, ...], factors_shape: tuple | list | None = None
    ) -> None:
        if not self.layer.built:
            self.layer.build(inputs_shape)
        kernel = self._held_kernel()
        if kernel is None or len(kernel.shape) < 2:
            raise ValueError(
                f"Layer '{self.layer.name}' (of type {type(self.layer).__name__}) has no kernel in "
                f"its attribute `{self.weight}`. Gate a Dense or convolution layer, or pass the "
                "attribute's name as `weight`."
            )

    def call(self, inputs: Tensor, factors: Tensor | list[Tensor]) -> Tensor:
        self._check(factors)
        kernel = self._held_kernel()
        gated = scaled(kernel, factors, self.axis, self.straight_through)
        with VariableOverride([(kernel, gated)]) as scope:
            outputs = self.layer(inputs)
        for loss in scope.losses:
            self.layer.add_loss(loss)  # Where a model that owns the layer finds and clears it.
        return outputs

    def compute_output_spec(self, inputs: Tensor, factors: Tensor | list[Tensor]) -> Any:
        self._check(factors)
        if type(self.layer) is keras.layers.EinsumDense:
            return with_known_sizes(self.layer, inputs)
        return self.layer.compute_output_spec(inputs)

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor) -> Any:
        return self.layer.compute_mask(inputs, previous_mask)

    def _held_kernel(self) -> Any:
        """The wrapped layer's kernel, or that of the layer in it; None if there is none."""
        return reduce(
            lambda held, name: getattr(held, name, None), self.weight.split("."), self.layer
        )

    def _check(self, factors: Tensor | list[Tensor]) -> None:
        kernel = self._held_kernel()
        if not isinstance(self.axis, int):
            self._check_several([(kernel.shape[axis],) for axis in self.axis], factors)
            return
        inputs, connections = kernel.shape[self.axis], tuple(kernel.shape[-2:])
        received = tuple(getattr(factors, "shape", ()))
        if received not in ((inputs,), connections):
            raise ValueError(
                f"`factors` must have one entry per input channel of '{self.layer.name}', or one "
                f"per connection: shape ({inputs},) or {connections}. "
                f"Received: factors of shape {received}."
            )

    def _check_several(self, expected: list[tuple], factors: list[Tensor]) -> None:
        received = [tuple(each.shape) for each in factors]
        if received != expected:
            raise ValueError(
                f"`factors` must have one vector per axis that '{self.layer.name}' mixes, of "
                f"shapes {expected}. Received: factors of shapes {received}."
            )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "layer": keras.saving.serialize_keras_object(self.layer),
            "weight": self.weight,
            "axis": self.axis if isinstance(self.axis, int) else list(self.axis),
            "straight_through": self.straight_through,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Gated":
        layer = keras.saving.deserialize_keras_object(config["layer"])
        return cls(**{**config, "layer": layer})
