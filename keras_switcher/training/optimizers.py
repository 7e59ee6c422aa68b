"""The pair of optimizers: one for the task network, one for the switcher."""

from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
from keras import ops
from keras.optimizers import Optimizer

from keras_switcher.graph.sublayers import with_sublayers
from keras_switcher.tensors import Tensor
from keras_switcher.training.optimizer_state import copied, start_at_weights


class OptimizerPair:
    """Updates a task network and a switcher, each with an optimizer of its own.

    Args:
        pair: Maps `"task"` and `"switcher"` to pairs of an optimizer and what it updates.
    """

    def __init__(self, pair: dict[str, tuple[Optimizer, keras.layers.Layer]]) -> None:
        self._pair = pair

    @property
    def layers(self) -> list[keras.layers.Layer]:
        """The task network's layers, then the switcher."""
        return [*self._pair["task"][1].layers, self._pair["switcher"][1]]

    def optimizer_of(self, name: str) -> Optimizer:
        """The optimizer of one of the two networks, `"task"` or `"switcher"`."""
        return self._pair[name][0]

    def variables_of(self, name: str) -> list[keras.Variable]:
        """What the optimizer of one of the two networks updates."""
        return self._pair[name][1].trainable_variables

    def sources(self, names: Iterable[str]) -> dict[str, list[keras.Variable]]:
        """What these optimizers update, by name: the sources of gradients."""
        return {name: self.variables_of(name) for name in names}

    def build(self) -> None:
        """Creates the state of both, so that a checkpoint finds it."""
        for name, (optimizer, _) in self._pair.items():
            if not optimizer.built:
                optimizer.build(self.variables_of(name))

    def start_at_weights(self) -> None:
        """Averages of weights (use_ema) start at the weights, as at the start of fit()."""
        for optimizer, _ in self._pair.values():
            start_at_weights(optimizer)

    @contextmanager
    def finishing_own(self) -> Iterator[None]:
        """A context for fit(): averages of weights (use_ema) end with the optimizer's own.

        Keras would pass all of the model's, and has an error for that under some backends.
        """
        optimizer = self.optimizer_of("task")
        finish = optimizer.finalize_variable_values
        optimizer.finalize_variable_values = lambda _: finish(self.variables_of("task"))
        try:
            yield
        finally:
            del optimizer.finalize_variable_values

    def finish_switcher(self) -> None:
        """What fit() does at its end with the task network, if weights are averaged (use_ema)."""
        self.optimizer_of("switcher").finalize_variable_values(self.variables_of("switcher"))

    def scale_loss(self, loss: Tensor, names: Container[str]) -> Tensor:
        """A loss as the optimizer scales it (float16) that stands for all of these networks."""
        return self._scaler(names).scale_loss(loss)

    def apply_gradients(
        self, names: tuple[str, ...], gradients: dict[str, list], apply: Callable
    ) -> None:
        """Updates networks.

        Args:
            names: Names of the networks.
            gradients: Maps names of these networks and perhaps others to gradients of a loss that
                `scale_loss` scaled for all of them.
            apply: Called as `apply(optimizer, gradients, variables)`.
        """
        scaler = self._scaler(gradients)
        # All are rescaled before any is applied, which may change the scales.
        own = [_rescaled(gradients[name], scaler, self.optimizer_of(name)) for name in names]
        for name, gradient in zip(names, own, strict=True):
            if variables := self.variables_of(name):
                apply(self.optimizer_of(name), gradient, variables)

    def _scaler(self, names: Container[str]) -> Optimizer:
        return self.optimizer_of("task" if "task" in names else "switcher")


def complete_pair(
    optimizer: Optimizer,
    switcher_optimizer: Optimizer | str | dict | None,
    task: keras.Model,
    scales_loss: bool,
) -> tuple[Optimizer, Optimizer]:
    """The optimizers of the task network and of the switcher.

    Args:
        optimizer: The optimizer of a model that was just compiled.
        switcher_optimizer: Updates the switcher; None for one like the first.
        task: The task network.
        scales_loss: Whether losses may be scaled, where the task network is in float16.

    Raises:
        ValueError: If there is none for the switcher and the first cannot be copied.
    """
    scaled = keras.optimizers.LossScaleOptimizer
    # Keras looks at the model's own policy; a loaded network has its policies in its layers.
    if scales_loss and _is_mixed(task) and not isinstance(optimizer, scaled):
        optimizer = scaled(optimizer, name="loss_scale_optimizer")
    if switcher_optimizer is None:
        switcher_optimizer = copied(optimizer, "Pass a `switcher_optimizer`.")
    switcher_optimizer = keras.optimizers.get(switcher_optimizer)
    if isinstance(optimizer, scaled) and not isinstance(switcher_optimizer, scaled):
        switcher_optimizer = scaled(switcher_optimizer, name="switcher_loss_scale")
    return optimizer, switcher_optimizer


def check_optimizers(optimizer: Any, switcher_optimizer: Any) -> None:
    """Raises ValueError if both are one object, there is none, or one is a `MultiOptimizer`.

    Args:
        optimizer: What a model is compiled with for the task network.
        switcher_optimizer: What it is compiled with for the switcher.
    """
    if optimizer is None:
        raise ValueError(
            "`optimizer` is None, and the task network needs one. Pass, for example, "
            'compile("sgd", loss, switcher_optimizer="sgd").'
        )
    _check_single(optimizer=optimizer, switcher_optimizer=switcher_optimizer)
    if switcher_optimizer is optimizer and isinstance(optimizer, Optimizer):
        raise ValueError(
            "`optimizer` and `switcher_optimizer` are the same object, but each keeps the "
            "state of its own variables. Pass two optimizers."
        )


def _check_single(**optimizers: Any) -> None:
    several = keras.optimizers.MultiOptimizer
    for argument, optimizer in optimizers.items():
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        named = isinstance(inner, dict) and inner.get("class_name") == several.__name__
        if named or isinstance(inner, several):
            raise ValueError(
                f"`{argument}` is a MultiOptimizer, which finds its optimizers by the paths of "
                "variables. These change when a model is saved and loaded, and it cannot update "
                "one network of the two alone. Pass one optimizer for each network; to train "
                "layers of the task network at different rates, freeze some of them in turn."
            )


def _is_mixed(task: keras.Model) -> bool:
    return any(part.dtype_policy.name == "mixed_float16" for part in with_sublayers(task))


def _rescaled(gradients: list, scaler: Optimizer, optimizer: Optimizer) -> list:
    """Gradients as `optimizer` expects them, of a loss that `scaler` has scaled."""
    ratio = optimizer.scale_loss(1.0) / scaler.scale_loss(1.0)
    if optimizer is scaler or (isinstance(ratio, float) and ratio == 1):
        return gradients
    return [None if g is None else ops.cast(ratio, g.dtype) * g for g in gradients]
