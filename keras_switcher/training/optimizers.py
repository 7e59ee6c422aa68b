"""A task network and a switcher, each with an optimizer of its own."""

import keras
from keras import ops

from keras_switcher.evaluated_network import EvaluatedNetwork
from keras_switcher.training.alternation import BOTH
from keras_switcher.training.optimizer_state import copied, start_at_weights


class TwoOptimizers(EvaluatedNetwork):
    """The part of `SwitcherModel` that compiles, and that keeps both optimizers when it is saved.

    The arguments are those of `SwitchedNetwork`.
    """

    def compile(self, optimizer="rmsprop", loss=None, *args, switcher_optimizer=None, **kwargs):
        """Configures training.

        Args:
            optimizer: Updates the task network.
            loss: As for any Keras model; both networks are trained on it.
            *args: As for any Keras model.
            switcher_optimizer: Updates the switcher; by default one like `optimizer`.
            **kwargs: As for any Keras model.

        Raises:
            ValueError: If both optimizers are the same object, one is a `MultiOptimizer`, or
                there is none for the switcher and `optimizer` cannot be copied.
        """
        _refuse_several(optimizer=optimizer, switcher_optimizer=switcher_optimizer)
        if switcher_optimizer is optimizer and isinstance(optimizer, keras.optimizers.Optimizer):
            raise ValueError(
                "`optimizer` and `switcher_optimizer` are the same object, but each keeps the "
                "state of its own variables. Pass two optimizers."
            )
        super().compile(optimizer, loss, *args, **kwargs)
        scaled = keras.optimizers.LossScaleOptimizer
        # Keras looks at the model's own policy; a loaded network has its policies in its layers.
        is_due = kwargs.get("auto_scale_loss", True) and _is_mixed(self.task)
        if is_due and not isinstance(self.optimizer, scaled):
            self.optimizer = scaled(self.optimizer, name="loss_scale_optimizer")
        if switcher_optimizer is None:
            switcher_optimizer = copied(self.optimizer, "Pass a `switcher_optimizer`.")
        switcher_optimizer = keras.optimizers.get(switcher_optimizer)
        if isinstance(self.optimizer, scaled) and not isinstance(switcher_optimizer, scaled):
            switcher_optimizer = scaled(switcher_optimizer, name="switcher_loss_scale")
        self.switcher_optimizer = switcher_optimizer
        # Built now, so that a checkpoint finds the slots to restore.
        with self.distribute_strategy.scope():
            for name in BOTH:
                optimizer, variables = self.optimizer_of(name)
                if not optimizer.built:
                    optimizer.build(variables)

    def train_on_batch(self, *args, **kwargs):
        """Trains on one batch, as for any Keras model."""
        for name in BOTH if self.compiled else ():  # As at the start of fit().
            start_at_weights(self.optimizer_of(name)[0])
        return super().train_on_batch(*args, **kwargs)

    def save(self, filepath, *args, **kwargs):
        """Saves everything, as any Keras model; `keras.saving.load_model` brings it back.

        Raises:
            ValueError: If it is to be an HDF5 file, which has no place for two optimizers.
        """
        if str(filepath).endswith((".h5", ".hdf5")):
            raise ValueError(
                "HDF5 files have no place for the switcher's optimizer. Save as a .keras file. "
                f"Received: filepath={str(filepath)!r}."
            )
        super().save(filepath, *args, **kwargs)

    def get_compile_config(self):
        """The arguments of `compile`, serialized, with the switcher's optimizer."""
        config = super().get_compile_config()
        if config and self.compiled:
            optimizer = keras.saving.serialize_keras_object(self.switcher_optimizer)
            config = {**config, "switcher_optimizer": optimizer}
        return config

    def compile_from_config(self, config):
        """Compiles with what `get_compile_config` returned."""
        self.compile(**keras.saving.deserialize_keras_object(config))

    def optimizer_of(self, name: str):
        """The optimizer and the variables of one of the two networks, `"task"` or `"switcher"`."""
        if name == "task":
            return self.optimizer, self.task.trainable_variables
        return self.switcher_optimizer, self.switcher.trainable_variables

    def scale_loss(self, loss, names):
        """A loss as the optimizer scales it (float16) that stands for all of these networks."""
        return self._scaler(names).scale_loss(loss)

    def apply_gradients(self, names, gradients: dict):
        """Updates networks.

        Args:
            names: Names of the networks.
            gradients: Maps names of these networks and perhaps others to gradients of a loss that
                `scale_loss` scaled for all of them.
        """
        scaler = self._scaler(gradients)
        updated = [self.optimizer_of(name) for name in names]
        # All are rescaled before any is applied, which may change the scales.
        own = [
            _rescaled(gradients[name], scaler, optimizer)
            for name, (optimizer, _) in zip(names, updated, strict=True)
        ]
        for (optimizer, variables), gradient in zip(updated, own, strict=True):
            if variables:
                optimizer.apply(gradient, variables)

    def _scaler(self, names):
        return self.optimizer_of("task" if "task" in names else "switcher")[0]

    def load_weights(self, filepath, skip_mismatch=False, **kwargs):
        """Loads weights, both optimizers' included; if that fails, nothing has changed.

        Args:
            filepath: A file that `save_weights` wrote.
            skip_mismatch: See `keras.Model.load_weights`.
            **kwargs: See `keras.Model.load_weights`.

        Raises:
            ValueError: If the file holds the weights of another network.
        """
        variables = [*self.variables]
        if self.compiled:
            variables += self.optimizer.variables + self.switcher_optimizer.variables
        before = [ops.convert_to_numpy(variable) for variable in variables]
        try:
            super().load_weights(filepath, skip_mismatch=skip_mismatch, **kwargs)
        except Exception as error:  # Whatever it is goes on, once the weights are back.
            for variable, value in zip(variables, before, strict=True):
                variable.assign(value)
            if isinstance(error, ValueError):
                raise ValueError(
                    f"{filepath} does not hold weights of '{self.name}', which were left as they "
                    f"were: {error}"
                ) from error
            raise


def _refuse_several(**optimizers):
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


def _is_mixed(task):
    layers = task._flatten_layers()
    return any(layer.dtype_policy.name == "mixed_float16" for layer in layers)


def _rescaled(gradients, scaler, optimizer):
    """Gradients as `optimizer` expects them, of a loss that `scaler` has scaled."""
    ratio = optimizer.scale_loss(1.0) / scaler.scale_loss(1.0)
    if optimizer is scaler or (isinstance(ratio, float) and ratio == 1):
        return gradients
    return [None if g is None else ops.cast(ratio, g.dtype) * g for g in gradients]
