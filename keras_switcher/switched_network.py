"""A task network under a switcher: how it runs, what was learned, and the smaller network."""

from pathlib import Path

import keras
import numpy as np
from keras import ops

from keras_switcher import switchers
from keras_switcher.gating.gated_network import GatedNetwork
from keras_switcher.gating.inference import InferenceKernels
from keras_switcher.pruning.export import export_model
from keras_switcher.pruning.plan import PruningPlan
from keras_switcher.pruning.planning import plan_removal
from keras_switcher.pruning.remaking import warn_before_training
from keras_switcher.pruning.surgery import compact
from keras_switcher.pruning.verification import check_verify
from keras_switcher.reductions import in_full
from keras_switcher.switchers.records import check_shapes, map_weights, unique_weights
from keras_switcher.training.optimizer_state import compact_compiled
from keras_switcher.training.refusals import (
    refuse_other_backends,
    refuse_own_steps,
    refuse_to_train_inside,
)

# Attributes that the gated network is built with.
FIXED = ("task", "switcher", "groups", "connections")
# What `connections` means: what has factors.
GRANULARITY = {False: ("channels",), True: ("connections",), "both": ("channels", "connections")}


class SwitchedNetwork(keras.Model):
    """The half of `SwitcherModel` that does not train.

    Args:
        task: See `SwitcherModel`.
        switcher: See `SwitcherModel`.
        groups: See `SwitcherModel`.
        connections: See `SwitcherModel`.
        gradient_through_switcher: See `SwitcherModel`.
        **kwargs: `name` and `dtype`, as for any Keras model.
    """

    def __init__(
        self,
        task,
        switcher="row",
        groups="all",
        connections=False,
        gradient_through_switcher=True,
        **kwargs,
    ):
        kwargs.setdefault("name", f"switched_{getattr(task, 'name', 'task')}")
        kwargs.setdefault("dtype", getattr(task, "dtype_policy", None))
        super().__init__(**kwargs)
        refuse_other_backends()
        if not isinstance(connections, (bool, str)) or connections not in GRANULARITY:
            raise ValueError(
                f"`connections` must be one of {tuple(GRANULARITY)}. "
                f"Received: connections={connections!r}."
            )
        self.gated = GatedNetwork(task, groups, GRANULARITY[connections])
        refuse_own_steps(task)
        warn_before_training(self.gated.channel_graph)
        # The task comes before the switcher: averaged weights (use_ema) are set by position.
        self.task = task
        self.switcher = switchers.get(switcher)
        self.switcher.build_once(self.gated.records)
        self.groups = groups if isinstance(groups, str) else self.gated.names
        self.connections = connections
        self.gradient_through_switcher = gradient_through_switcher
        self.inference = InferenceKernels(self)
        self.built = True

    def __setattr__(self, name, value):
        if name in FIXED and name in vars(self):
            raise AttributeError(
                f"`{name}` cannot be changed: the gates and the switcher are built for it. Make "
                f"another model around the same task network: SwitcherModel(task, {name}=...)."
            )
        super().__setattr__(name, value)

    @property
    def gradient_through_switcher(self) -> bool:
        """Whether the switcher's input has a gradient; can be changed between fits."""
        return self._gradient_through_switcher

    @gradient_through_switcher.setter
    def gradient_through_switcher(self, value):
        if not isinstance(value, bool):
            raise ValueError(
                "`gradient_through_switcher` must be True or False. "
                f"Received: gradient_through_switcher={value!r}."
            )
        self._gradient_through_switcher = value

    @property
    def output_names(self):
        """The task network's, by which losses and metrics can be given per output."""
        return getattr(self.task, "output_names", None)

    def factors(self, training=None) -> dict:
        """The factors of the weights as they are now: tensors by name of group.

        Vectors with a factor per channel; matrices like the kernel for connections.
        """
        return self.acting(self.raw_factors(training))

    def acting(self, factors: dict) -> dict:
        """What the gates apply when the switcher decides on these factors."""
        return factors

    def as_graph(self, function):
        """A function as the backend runs it fastest; here, as it is."""
        return function

    def raw_factors(self, training=None) -> dict:
        """The factors as the switcher returns them."""
        records = self.gated.records
        if not self.gradient_through_switcher:
            records = map_weights(records, ops.stop_gradient)
        factors = self.switcher(records=records, training=training)
        check_shapes(factors, self.gated.records, self.switcher.name)
        return dict(zip(self.gated.names, factors, strict=True))

    def call(self, inputs, training=None):
        """The gated network, with the factors of the weights as they are now."""
        if training:
            refuse_to_train_inside(self)
        return self.gated.run(inputs, self.factors(training), training)

    def scaling_factors(self) -> dict[str, np.ndarray]:
        """The factors that inference uses: float32 arrays by name of group, float64 in float64.

        Of shape `(channels,)`, or `(inputs, outputs)` for connections.
        """
        return {name: in_full(factor) for name, factor in self.inference.factors().items()}

    def plan(self, round_to: int = 1) -> PruningPlan:
        """What `compact` will remove: printed, saved, and replayed on a copy of the task network.

        Args:
            round_to: Keep at least the next multiple of this number of channels per group.

        Raises:
            ValueError: If factors are negative or not finite, or `round_to` is not positive.
        """
        gated = self.gated
        factors = self.scaling_factors()
        # The weights too: where compiled code merges a ReLU, it makes zeros of NaN.
        broken = {id(w) for w in unique_weights(gated.records) if not _is_finite(w)}
        for record in gated.records:
            weights = map(id, record.weights)
            if not _is_finite(factors[record.name]) or not broken.isdisjoint(weights):
                raise ValueError(
                    f"The factors of '{record.name}' are not finite, or the weights that they "
                    "depend on: training diverged. Go back to an earlier checkpoint, or lower "
                    "the learning rate."
                )
            if (factors[record.name] < 0).any():
                raise ValueError(
                    f"Switcher '{self.switcher.name}' returned negative factors for "
                    f"'{record.name}'. Zero switches off, so end its call() with keras.ops.relu."
                )
        return plan_removal(gated.channel_graph, factors, round_to, gated.reads_every_dense)

    def compact(
        self, round_to: int = 1, optimizer: bool = False, verify: bool = True
    ) -> keras.Model:
        """A new, plain, smaller Keras model with the same outputs.

        What is switched off is removed, the other factors are folded into the weights. Nothing
        is shared with the task network, which stays as it is.

        Args:
            round_to: Keep at least the next multiple of this number of channels per group.
            optimizer: Compile the result with a copy of the task network's optimizer, its state
                cut like the weights, so that training goes on where it was. Factors then stay
                constants that multiply what the kernels read: folded into the kernels they would
                change the size of each update.
            verify: Compare the result with the gated network on one random batch, in inference
                (see `Verification`): that costs about a forward pass of each.

        Raises:
            ValueError: If nothing is left of a group whose branch cannot go, a weight is not
                finite, a layer of the task network cannot be made again, or an optimizer is asked
                for that is not there or cannot be cut; if the result computes something else.
        """
        check_verify(verify)
        if not isinstance(optimizer, bool):
            raise ValueError(
                "`optimizer` says whether the optimizer that the model was compiled with comes "
                f"along: True or False. Received: optimizer={optimizer!r}. To train the result "
                "with another one, compile it."
            )
        plan = self.plan(round_to)
        factors = self.scaling_factors() if verify else None
        if optimizer:
            return compact_compiled(self, plan, factors)
        return compact(self.gated.channel_graph, plan, factors)

    def export(
        self,
        filepath: str | Path,
        format: str = "tf_saved_model",
        round_to: int = 1,
        verify: bool = True,
        **kwargs,
    ):
        """Exports the compact model; it needs neither this package nor Keras to run.

        Args:
            filepath: Where to write; nothing may be there yet.
            format: `"tf_saved_model"`, `"onnx"`, `"litert"` or any other that Keras has.
            round_to: See `compact`.
            verify: See `compact`.
            **kwargs: See `keras.Model.export`.

        Raises:
            ValueError: As `compact`, and if there is something at `filepath`.
            ImportError: If the format needs a package that is not installed.
        """
        export_model(self.compact(round_to, verify=verify), filepath, format, **kwargs)

    def get_config(self):
        """The constructor's arguments, with the task network and the switcher serialized."""
        return {
            "name": self.name,
            "dtype": keras.saving.serialize_keras_object(self.dtype_policy),
            "task": keras.saving.serialize_keras_object(self.task),
            "switcher": keras.saving.serialize_keras_object(self.switcher),
            "groups": self.groups if isinstance(self.groups, str) else list(self.groups),
            "connections": self.connections,
            "gradient_through_switcher": self.gradient_through_switcher,
        }


def _is_finite(value):
    return np.isfinite(ops.convert_to_numpy(value)).all()
