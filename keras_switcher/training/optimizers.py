"""The pair of optimizers: one for the task network, one for the switcher."""

from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
from keras import ops

from keras_switcher.sublayers import with_sublayers
from keras_switcher.training.optimizer_state import copied, start_at_weights
from keras_switcher.training.schedule import BOTH


class OptimizerPair:
    """Updates a task network and a switcher, each with an optimizer of its own.

    Args:
        model: The `SwitcherModel`, whose attributes `optimizer` and `switcher_optimizer` they are:
            there Keras finds them when it saves the model.
    """

    def __init__(self, model: keras.Model) -> None:
        self._model = model

    def complete(
        self, switcher_optimizer: keras.optimizers.Optimizer | str | dict | None, scales_loss: bool
    ) -> None:
        """Gives a model that was just compiled its second optimizer, and builds both.

        Args:
            switcher_optimizer: Updates the switcher; None for one like the first.
            scales_loss: Whether losses may be scaled, where the task network is in float16.

        Raises:
            ValueError: If there is none for the switcher and the first cannot be copied.
        """
        model, scaled = self._model, keras.optimizers.LossScaleOptimizer
        # Keras looks at the model's own policy; a loaded network has its policies in its layers.
        is_due = scales_loss and _is_mixed(model.task)
        if is_due and not isinstance(model.optimizer, scaled):
            model.optimizer = scaled(model.optimizer, name="loss_scale_optimizer")
        if switcher_optimizer is None:
            switcher_optimizer = copied(model.optimizer, "Pass a `switcher_optimizer`.")
        switcher_optimizer = keras.optimizers.get(switcher_optimizer)
        if isinstance(model.optimizer, scaled) and not isinstance(switcher_optimizer, scaled):
            switcher_optimizer = scaled(switcher_optimizer, name="switcher_loss_scale")
        model.switcher_optimizer = switcher_optimizer
        # Built now, so that a checkpoint finds the slots to restore.
        with model.distribute_strategy.scope():
            for name in BOTH:
                optimizer = self.optimizer_of(name)
                if not optimizer.built:
                    optimizer.build(self.variables_of(name))

    def optimizer_of(self, name: str) -> keras.optimizers.Optimizer:
        """The optimizer of one of the two networks, `"task"` or `"switcher"`."""
        return self._model.optimizer if name == "task" else self._model.switcher_optimizer

    def variables_of(self, name: str) -> list[keras.Variable]:
        """What the optimizer of one of the two networks updates."""
        network = self._model.task if name == "task" else self._model.switcher
        return network.trainable_variables

    def start_at_weights(self) -> None:
        """Averages of weights (use_ema) start at the weights, as at the start of fit()."""
        for name in BOTH:
            start_at_weights(self.optimizer_of(name))

    def scale_loss(self, loss: Any, names: list[str]) -> Any:
        """A loss as the optimizer scales it (float16) that stands for all of these networks."""
        return self._scaler(names).scale_loss(loss)

    def apply_gradients(self, names: tuple[str, ...], gradients: dict) -> None:
        """Updates networks.

        Args:
            names: Names of the networks.
            gradients: Maps names of these networks and perhaps others to gradients of a loss that
                `scale_loss` scaled for all of them.
        """
        scaler = self._scaler(gradients)
        # All are rescaled before any is applied, which may change the scales.
        own = [_rescaled(gradients[name], scaler, self.optimizer_of(name)) for name in names]
        for name, gradient in zip(names, own, strict=True):
            if variables := self.variables_of(name):
                self.optimizer_of(name).apply(gradient, variables)

    def _scaler(self, names: Container[str]) -> keras.optimizers.Optimizer:
        return self.optimizer_of("task" if "task" in names else "switcher")


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
    _refuse_several(optimizer=optimizer, switcher_optimizer=switcher_optimizer)
    if switcher_optimizer is optimizer and isinstance(optimizer, keras.optimizers.Optimizer):
        raise ValueError(
            "`optimizer` and `switcher_optimizer` are the same object, but each keeps the "
            "state of its own variables. Pass two optimizers."
        )


@contextmanager
def unchanged_on_failure(model: keras.Model, filepath: str | Path) -> Iterator[None]:
    """A context in which weights are loaded: if that fails, all variables are what they were.

    Args:
        model: The `SwitcherModel`.
        filepath: The file, for the error.

    Raises:
        ValueError: If loading raises one: the file holds the weights of another network.
    """
    variables = [*model.variables]
    if model.compiled:
        variables += model.optimizer.variables + model.switcher_optimizer.variables
    before = [ops.convert_to_numpy(variable) for variable in variables]
    try:
        yield
    except Exception as error:  # Whatever it is goes on, once the weights are back.
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)
        if isinstance(error, ValueError):
            raise ValueError(
                f"{filepath} does not hold weights of '{model.name}', which were left as they "
                f"were: {error}"
            ) from error
        raise


def _refuse_several(**optimizers: Any) -> None:
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


def _rescaled(
    gradients: list, scaler: keras.optimizers.Optimizer, optimizer: keras.optimizers.Optimizer
) -> list:
    """Gradients as `optimizer` expects them, of a loss that `scaler` has scaled."""
    ratio = optimizer.scale_loss(1.0) / scaler.scale_loss(1.0)
    if optimizer is scaler or (isinstance(ratio, float) and ratio == 1):
        return gradients
    return [None if g is None else ops.cast(ratio, g.dtype) * g for g in gradients]
