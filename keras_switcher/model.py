"""SwitcherModel: a Keras model that trains a task network and its switcher."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_switcher import switchers
from keras_switcher.gating.gated_network import GatedNetwork, granularity_of
from keras_switcher.gating.inference import InferenceKernels
from keras_switcher.graph.attributes import attributes_of
from keras_switcher.graph.groups import ChannelGroup, ConnectionGroup
from keras_switcher.layers.variable_override import VariableOverride
from keras_switcher.pruning.allocation.projection import Projected, project
from keras_switcher.pruning.export import ExportReport, Reference, export_model
from keras_switcher.pruning.planning import check_round_to, plan_removal
from keras_switcher.pruning.pruning_plan import PruningPlan
from keras_switcher.pruning.replicas import warn_of_unreplicable
from keras_switcher.pruning.surgery import compact
from keras_switcher.pruning.verification import check_verify
from keras_switcher.structure import Structure
from keras_switcher.switchers.reading import read_records
from keras_switcher.switchers.records import check_finite, check_shapes, map_weights
from keras_switcher.tensors import Tensor, in_full, precision
from keras_switcher.training.accounting import Accounting
from keras_switcher.training.backends import BackendTrainer
from keras_switcher.training.budget.advice import TrainingSoFar, advise_before_fit
from keras_switcher.training.budget.budget import Budget
from keras_switcher.training.budget.feasibility import check_feasible
from keras_switcher.training.budget.few_macs import warn_of_few_macs
from keras_switcher.training.budget.gradient import BudgetGradient
from keras_switcher.training.budget.sensitivity import Sensitivities
from keras_switcher.training.budget.state import BudgetState
from keras_switcher.training.compiled_compaction import check_carries_optimizer, compact_compiled
from keras_switcher.training.epoch_counter import EpochCounter, with_own
from keras_switcher.training.loading import MODEL_FORMAT, check_format, unchanged_on_failure
from keras_switcher.training.mask_renewal import MaskRenewal, renewal_of
from keras_switcher.training.metrics import WeightsRemoved
from keras_switcher.training.optimizer_state import portable
from keras_switcher.training.optimizers import OptimizerPair, check_optimizers, complete_pair
from keras_switcher.training.schedule import Schedule
from keras_switcher.training.supported import (
    advise_on_fixed_weights,
    check_backend,
    check_devices,
    check_follows_budget,
    check_not_trained_inside,
    check_own_steps,
    check_precision,
)
from keras_switcher.user_warnings import warn_user

# Attributes that the gated network is built with.
FIXED = ("task", "switcher", "groups", "connections")


@keras.saving.register_keras_serializable(package="keras_switcher")
class SwitcherModel(BackendTrainer):
    """Learns a task network's structure while it trains it, then hands back a smaller network.

    A switcher reads the task network's weights and returns one factor per channel (or, with
    `connections`, per single weight of the Dense layers): 0 prunes, below 1 weakens, 1 and above
    strengthens. Gates on the edges between layers apply the factors; both networks are trained in
    turn on the task's loss (algorithm 1 of arXiv 2110.05954). `fit`, `evaluate` and `predict` work
    as for any Keras model; then `compact()` returns a plain, smaller one with the same outputs.

    Args:
        task: The task network: a built Functional or Sequential model. Its variables are shared,
            not copied.
        switcher: `"row"`, `"unet"` (the paper's), the name of another published method (see
            `keras_switcher.switchers.get`), or a `keras_switcher.switchers.Switcher`.
        groups: Which channel groups get factors: `"all"`, `"dense"`, `"conv"`, a list of group or
            layer names, or a predicate on `ChannelGroup`.
        alternation: `"batch"` (each batch updates the switcher, then the task network), `"epoch"`
            (whole epochs in turn, the switcher first), `"joint"` (one backward pass updates
            both), `"task"` or `"switcher"` (only that network). Can be changed between fits.
        budget: A `Budget`, or None for the paper's method, which has no sparsity term.
        connections: False: a factor per channel. True: a factor per connection, which are the
            single weights of Dense layers (arXiv 2103.15590). `"both"`: both, multiplied.
        warmup_epochs: Number of first epochs in which all factors are one and only the task
            network is trained.
        gradient_through_switcher: Whether the task network's gradient also flows through the
            switcher's input (second term of equation 6 of arXiv 2110.05954). False is an ablation.
        **kwargs: `name` and `dtype`, as for any Keras model.

    Attributes:
        task: The task network, whose weights are trained.
        switcher: The `Switcher`.
        gated: The `GatedNetwork`: the task network with its kernels scaled by factors, and the
            groups that have factors (`gated.groups`, `gated.connections`).
        records: What the switcher reads: a `GroupRecord` or `ConnectionRecord` per group.
        switcher_optimizer: The switcher's optimizer, once the model is compiled; `optimizer` is
            that of the task network.
        epochs_seen: A variable: the number of whole epochs over all fits.

    Raises:
        ValueError: If the task network cannot be read, an argument is not one of its choices, or
            the budget cannot be reached by the chosen groups, or is not followed by the switcher.

    Example:

    >>> import numpy as np
    >>> task = keras.Sequential([
    ...     keras.Input((4,)),
    ...     keras.layers.Dense(8, "relu", name="hidden"),
    ...     keras.layers.Dense(2, name="head"),
    ... ])
    >>> model = SwitcherModel(task)
    >>> loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    >>> model.compile(keras.optimizers.SGD(0.1), loss, metrics=["accuracy"])
    >>> x, y = np.eye(4, dtype="float32"), np.array([0, 1, 0, 1])
    >>> history = model.fit(x, y, verbose=0)
    >>> int(model.epochs_seen), [record.shape for record in model.records]
    (1, [(8,), (4,)])
    >>> {name: factors.shape for name, factors in model.scaling_factors().items()}
    {'hidden': (8,), 'hidden/inputs': (4,)}
    >>> model.structure().before["weights"]
    48
    >>> small = model.compact()
    >>> bool(np.allclose(small.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-5))
    True
    """

    def __init__(
        self,
        task: keras.Model,
        switcher: str | switchers.Switcher = "row",
        groups: str | Sequence[str] | Callable[[ChannelGroup | ConnectionGroup], bool] = "all",
        alternation: str = "batch",
        budget: Budget | None = None,
        connections: bool | str = False,
        warmup_epochs: int = 0,
        gradient_through_switcher: bool = True,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("name", f"switched_{getattr(task, 'name', 'task')}")
        kwargs.setdefault("dtype", getattr(task, "dtype_policy", None))
        super().__init__(**kwargs)
        switcher = switchers.get(switcher)
        self.gated = GatedNetwork(
            task, groups, granularity_of(connections), switcher.straight_through
        )
        check_own_steps(task)
        check_precision(task)
        warn_of_unreplicable(self.gated.channel_graph)
        # The task comes before the switcher: averaged weights (use_ema) are set by position.
        self.task = task
        self.records = read_records(
            self.gated.channel_graph, self.gated.groups, self.gated.connections
        )
        self.switcher = switcher
        self.switcher.build_once(self.records)
        self.groups = groups if isinstance(groups, str) else self.gated.names
        self.connections = connections
        self.gradient_through_switcher = gradient_through_switcher
        # Whole epochs over all fits; the share of the current one that is done; a step's share.
        self.epochs_seen = self._add_state("epochs_seen")
        self.epoch_share = self._add_state("epoch_share")
        self.step_share = self._add_state("step_share")
        clock = self.epochs_seen, self.epoch_share, self.step_share
        self.schedule = Schedule(alternation, warmup_epochs, *clock)
        self.inference = InferenceKernels(self.gated)
        self._compiled_raw_factors = self.compiled_function(self.raw_factors)
        self.accounting = Accounting(self.gated)
        self.weights_removed = WeightsRemoved()
        self.budget_progress = BudgetState()  # The attribute's name is in saved files.
        self.sensitivities = Sensitivities([*self.gated.groups, *self.gated.connections])
        self.budget_gradient = BudgetGradient(
            self.gated,
            self.switcher,
            self.schedule,
            self.accounting,
            self.budget_progress,
            self.sensitivities,
        )
        self.budget = budget
        self.advised: set[str] = set()  # What fit() has said already.
        self.built = True

    def _add_state(self, name: str) -> keras.Variable:
        return self.add_weight(
            name=name,
            shape=(),
            initializer="zeros",
            trainable=False,
            dtype=precision(),
            aggregation="only_first_replica",
        )

    def __setattr__(self, name: str, value: Any) -> None:
        if name in FIXED and name in attributes_of(self):
            raise AttributeError(
                f"`{name}` cannot be changed: the gates and the switcher are built for it. Make "
                f"another model around the same task network: SwitcherModel(task, {name}=...)."
            )
        super().__setattr__(name, value)

    @property
    def alternation(self) -> str:
        """Which network is updated when; see the constructor. Can be changed between fits."""
        return self.schedule.alternation

    @alternation.setter
    def alternation(self, value: str) -> None:
        self.schedule.alternation = value

    @property
    def warmup_epochs(self) -> int:
        """Epochs with factors of one; see the constructor. Can be changed between fits."""
        return self.schedule.warmup_epochs

    @warmup_epochs.setter
    def warmup_epochs(self, value: int) -> None:
        self.schedule.warmup_epochs = value

    @property
    def budget(self) -> Budget | None:
        """The share to keep; see the constructor. Can be changed between fits."""
        return self._budget

    @budget.setter
    def budget(self, value: Budget | None) -> None:
        if value is not None:
            check_follows_budget(self.switcher)
            check_feasible(value, self.gated, self.accounting)
        self._budget = value
        self.budget_progress.start_anew()
        self.switcher.start_anew()

    @property
    def optimizers(self) -> OptimizerPair:
        """Both optimizers, as they are now: `optimizer` may be exchanged after compile()."""
        return OptimizerPair(
            {
                "task": (self.optimizer, self.task),
                "switcher": (self.switcher_optimizer, self.switcher),
            }
        )

    @property
    def gradient_through_switcher(self) -> bool:
        """Whether the switcher's input has a gradient; can be changed between fits."""
        return self._gradient_through_switcher

    @gradient_through_switcher.setter
    def gradient_through_switcher(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise ValueError(
                "`gradient_through_switcher` must be True or False. "
                f"Received: gradient_through_switcher={value!r}."
            )
        self._gradient_through_switcher = value

    @property
    def trainable_variables(self) -> list[keras.Variable]:
        """The task network's variables, then the switcher's."""
        return self.task.trainable_variables + self.switcher.trainable_variables

    trainable_weights = trainable_variables

    @property
    def output_names(self) -> list[str] | None:
        """The task network's, by which losses and metrics can be given per output."""
        return getattr(self.task, "output_names", None)

    def raw_factors(self, training: bool | None = None) -> dict[str, Tensor]:
        """The factors as the switcher returns them, by name of group: tensors with gradients.

        Args:
            training: Whether the model is being trained.

        Example, in the warm-up:

        >>> hidden, head = keras.layers.Dense(8, name="hidden"), keras.layers.Dense(2)
        >>> task = keras.Sequential([keras.Input((4,)), hidden, head])
        >>> factors = switchers.FreeFactors("half_zeros", seed=0)
        >>> model = SwitcherModel(task, factors, warmup_epochs=1)
        >>> [bool(keras.ops.any(raw == 0)) for raw in model.raw_factors().values()]
        [True, True]
        >>> [bool((factor == 1).numpy().all()) for factor in model.factors().values()]
        [True, True]
        """
        records = self.records
        if not self.gradient_through_switcher:
            records = map_weights(records, ops.stop_gradient)
        # What is assigned stays; losses that the switcher adds belong to training.
        with nullcontext() if training else VariableOverride([]):
            factors = self.switcher(records=records, training=training)
        check_shapes(factors, self.records, self.switcher.name)
        return dict(zip(self.gated.names, factors, strict=True))

    def effective_factors(self, raw: dict[str, Tensor]) -> dict[str, Tensor]:
        """Factors as the gates apply them: ones in the warm-up; zero near zero under a budget."""
        factors = self.schedule.after_warmup(raw)
        return self.budget.effective_factors(factors) if self.budget else factors

    def factors(self, training: bool | None = None) -> dict[str, Tensor]:
        """The factors of the weights as they are now: tensors by name of group.

        Vectors with a factor per channel; matrices like the kernel for connections.
        """
        return self.effective_factors(self.raw_factors(training))

    def scaling_factors(self) -> dict[str, np.ndarray]:
        """The factors that inference uses: float32 arrays by name of group, float64 in float64.

        Of shape `(channels,)`, or `(inputs, outputs)` for connections.
        """
        self.synchronize()
        return {name: in_full(factor) for name, factor in self.inference_factors().items()}

    def inference_factors(self) -> dict[str, Tensor]:
        """The factors of the weights as they are now, as inference and compaction use them.

        Inference, `structure()` and `compact()` call one compiled function: another one may round
        differently, and where factors jump from zero, another channel would be kept.
        """
        raw = self.raw_factors() if self.run_eagerly else self._compiled_raw_factors()
        return self.effective_factors(raw)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The gated network, with the factors of the weights as they are now."""
        if training:
            check_not_trained_inside(self, self.task)
        return self.gated.run(inputs, self.factors(training), training)

    def compile(
        self,
        optimizer: str | dict | keras.optimizers.Optimizer = "rmsprop",
        loss: Any = None,
        *args: Any,
        switcher_optimizer: str | dict | keras.optimizers.Optimizer | None = None,
        **kwargs: Any,
    ) -> None:
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

        Example:

        >>> hidden, head = keras.layers.Dense(8, name="hidden"), keras.layers.Dense(2)
        >>> task = keras.Sequential([keras.Input((4,)), hidden, head])
        >>> model = SwitcherModel(task)
        >>> model.compile(keras.optimizers.SGD(0.1), "mse", switcher_optimizer="adam")
        >>> [type(o).__name__ for o in (model.optimizer, model.switcher_optimizer)]
        ['SGD', 'Adam']
        """
        check_optimizers(optimizer, switcher_optimizer)
        super().compile(optimizer, loss, *args, **kwargs)
        self.optimizer, self.switcher_optimizer = complete_pair(
            self.optimizer, switcher_optimizer, self.task, kwargs.get("auto_scale_loss", True)
        )
        with self.device_scope():
            self.optimizers.build()

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: dict | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | list[int] = 1,
    ) -> keras.callbacks.History:
        """Trains for a number of epochs, as any Keras model; the arguments are Keras's own.

        See the example of `SwitcherModel`.

        An epoch's line has `weights_removed`, the share of the weights that is switched off, and
        `budget_waited` while a budget waits until the network learns. It warns once where nothing
        need be removed, because there is no budget, and where training ends before the budget is
        reached, as far as that is known before; masks that follow a budget (see
        `switchers.Gradual`) which waited, so that they do not meet it yet, are told of afterwards.

        Raises:
            ValueError: If a batch has no labels, a loss or weight is no longer finite, the switcher
                needs a budget and there is none, or the model was made under a strategy that nobody
                has tested.
        """
        arguments = {n: value for n, value in locals().items() if n not in ("self", "__class__")}
        check_backend()
        check_devices(self)
        seen = int(ops.convert_to_numpy(self.epochs_seen))
        advise_on_fixed_weights(self.switcher, self.alternation, self.advised)
        if self.switcher.follows_budget:
            advise_before_fit(self.budget, seen + max(0, epochs - initial_epoch), self.advised)
        if not self.compiled:
            return super().fit(**arguments)  # Keras says so.
        counter = EpochCounter(
            self.schedule, self.optimizers, self.budget, self.budget_progress, self.advised
        )
        own: list[EpochCounter | MaskRenewal] = [counter, *renewal_of(self)]
        arguments["callbacks"] = with_own(callbacks, own, self)
        with self.optimizers.finishing_own():
            history = super().fit(**arguments)
        for advice in filter(None, [callback.advice for callback in own]):
            warn_user(advice)
        return history

    def train_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """Trains on one batch, as for any Keras model."""
        if self.compiled:
            self.optimizers.start_at_weights()
        return super().train_on_batch(*args, **kwargs)

    def _flatten_metrics_in_order(self, logs: dict) -> Any:
        """Lists of results are those of the task network; `weights_removed` is in dicts alone."""
        # Private: what is left out of `metrics` is in no dict of results and no progress bar.
        name = self.weights_removed.name
        return super()._flatten_metrics_in_order({n: v for n, v in logs.items() if n != name})

    def structure(self, budget: Budget | None = None, round_to: int = 1) -> Structure:
        """What was learned: per group the channels kept, strengthened, weakened and pruned.

        Args:
            budget: Tell what `compact(budget=...)` would keep, and what it would switch off beside.
            round_to: Tell what `compact(round_to=...)` would keep.

        Raises:
            ValueError: If factors are negative or not finite, or cannot meet the budget, or
                `round_to` is not positive.

        Example, before any training:

        >>> hidden, head = keras.layers.Dense(8, name="hidden"), keras.layers.Dense(2)
        >>> task = keras.Sequential([keras.Input((4,)), hidden, head])
        >>> SwitcherModel(task, switchers.FreeFactors("half_zeros", seed=0)).structure()
        group                 kept           of strengthened     weakened       pruned
        hidden                   4            8            0            4            4
        hidden/inputs            2            4            2            0            2
        weights: 48 -> 16 (66.67% removed)
        parameters: 58 -> 22 (62.07% removed)
        macs: 48 -> 16 (66.67% removed)
        """
        channel_graph = self.gated.channel_graph
        projected = self._projected(budget, round_to)
        plan = PruningPlan.of(plan_removal(channel_graph, projected.factors, round_to))
        so_far = TrainingSoFar.of(self.epochs_seen, self.budget_progress)
        of_budget = (budget, projected) if budget else None
        return Structure(channel_graph, self.gated.names, plan, self.budget, so_far, of_budget)

    def plan(self, round_to: int = 1, budget: Budget | None = None) -> PruningPlan:
        """The plan of what `compact` removes: printed, saved, replayed on a copy of the network.

        Args:
            round_to: Keep at least the next multiple of this number of channels per group.
            budget: See `compact`.

        Raises:
            ValueError: If factors are negative or not finite, or cannot meet the budget, or
                `round_to` is not positive.

        Example:

        >>> hidden, head = keras.layers.Dense(8, name="hidden"), keras.layers.Dense(2)
        >>> task = keras.Sequential([keras.Input((4,)), hidden, head])
        >>> factors = switchers.FreeFactors("half_zeros", seed=0)
        >>> model = SwitcherModel(task, factors, groups=["hidden"])
        >>> model.plan(round_to=8).keep["hidden"].sum().item()  # All of 8, though four are zero.
        8
        """
        projected = self._projected(budget, round_to)
        return PruningPlan.of(plan_removal(self.gated.channel_graph, projected.factors, round_to))

    def _projected(self, budget: Budget | None, round_to: int = 1) -> Projected:
        factors = self.scaling_factors()
        check_finite(factors, self.records, self.switcher.name)
        if budget is None:
            return Projected(factors)
        check_feasible(budget, self.gated, self.accounting)
        check_round_to(round_to)
        return project(self.gated.channel_graph, factors, budget.keep, budget.measure, round_to)

    def compact(
        self,
        round_to: int = 1,
        optimizer: bool = False,
        verify: bool = True,
        budget: Budget | None = None,
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
            budget: A `Budget` that holds whatever training has reached: the weakest factors that
                are on are switched off, until at most its share is left and no further channel
                fits. Its epochs are of no use here. `structure(budget=...)` says what that takes.

        Warns:
            UserWarning: If a budget of latency leaves far fewer MACs than its share.

        Raises:
            ValueError: If nothing is left of a group whose branch cannot go, a weight is not
                finite, the factors cannot meet the budget, or a layer of the task network cannot be
                made again; for `optimizer=True`
                where there is no optimizer or its state cannot be cut; if the result computes
                something else.

        Example:

        >>> hidden, head = keras.layers.Dense(8, name="hidden"), keras.layers.Dense(2)
        >>> task = keras.Sequential([keras.Input((4,)), hidden, head])
        >>> factors = switchers.FreeFactors("half_zeros", seed=0)
        >>> model = SwitcherModel(task, factors, groups=["hidden"])
        >>> [weight.shape for weight in model.compact().get_weights()]
        [(4, 4), (4,), (4, 2), (2,)]
        """
        check_verify(verify)
        check_carries_optimizer(optimizer)
        factors = self._projected(budget, round_to).factors
        channel_graph = self.gated.channel_graph
        plan = plan_removal(channel_graph, factors, round_to)
        compared = factors if verify else None
        warn_of_few_macs(budget or self.budget, channel_graph, plan)
        if optimizer:
            return compact_compiled(self, channel_graph, plan, compared)
        return compact(channel_graph, plan, compared)

    def export(
        self,
        filepath: str | Path,
        format: str = "tf_saved_model",
        round_to: int = 1,
        verify: bool = True,
        quantize: str | None = None,
        representative: Any = None,
        **kwargs: Any,
    ) -> ExportReport:
        """Exports the compact model; it needs neither this package nor Keras to run.

        The file is run, and compared with the gated network, before it comes to its place.

        Args:
            filepath: Where to write; nothing may be there yet.
            format: `"tf_saved_model"`, `"litert"`, `"onnx"`, `"openvino"`, or, with `verify=False`,
                any other format of `keras.Model.export`.
            round_to: See `compact`.
            verify: Compare the compact network with the gated one, as `compact` does, and the file
                with the gated one, see `export_model`.
            quantize: For LiteRT, `"float16"`, `"dynamic_int8"` or `"int8"`, see `export_model`.
            representative: For `"int8"`, samples of the data, see `export_model`.
            **kwargs: See `keras.Model.export`.

        Returns:
            An `ExportReport`: the size of the file, and its difference from the network.

        Warns:
            UserWarning: As `compact`.

        Raises:
            ValueError: As `compact`; if there is something at `filepath`; if the file does not run
                or computes something else.
            ImportError: If a package is missing that writes the format or runs it.

        Example:

        >>> import tempfile
        >>> import tensorflow as tf
        >>> hidden, head = keras.layers.Dense(8, name="hidden"), keras.layers.Dense(2)
        >>> task = keras.Sequential([keras.Input((4,)), hidden, head])
        >>> folder = Path(tempfile.mkdtemp()) / "small"
        >>> report = SwitcherModel(task).export(folder)
        >>> report.difference < 1e-4
        True
        >>> served = tf.saved_model.load(folder)
        >>> served.serve(tf.ones((3, 4))).shape
        TensorShape([3, 2])
        """
        check_verify(verify)
        factors = self._projected(None, round_to).factors
        channel_graph = self.gated.channel_graph
        plan = plan_removal(channel_graph, factors, round_to)
        warn_of_few_macs(self.budget, channel_graph, plan)
        small = compact(channel_graph, plan, factors if verify else None)
        reference = Reference(channel_graph, factors)
        return export_model(
            small, filepath, format, verify, quantize, representative, reference, **kwargs
        )

    def save(self, filepath: str | Path, *args: Any, **kwargs: Any) -> None:
        """Saves everything, as any Keras model; `keras.saving.load_model` brings it back.

        Raises:
            ValueError: If it is to be an HDF5 file, which has no place for two optimizers.
        """
        if str(filepath).endswith((".h5", ".hdf5")):
            raise ValueError(
                "HDF5 files have no place for the switcher's optimizer. Save as a .keras file. "
                f"Received: filepath={str(filepath)!r}."
            )
        self.synchronize()
        super().save(filepath, *args, **kwargs)

    def load_weights(
        self, filepath: str | Path, skip_mismatch: bool = False, **kwargs: Any
    ) -> None:
        """Loads weights, both optimizers' included; if that fails, nothing has changed.

        Args:
            filepath: A file that `save_weights` wrote.
            skip_mismatch: See `keras.Model.load_weights`.
            **kwargs: See `keras.Model.load_weights`.

        Raises:
            ValueError: If the file holds the weights of another network.
        """
        with unchanged_on_failure(self, filepath):
            super().load_weights(filepath, skip_mismatch=skip_mismatch, **kwargs)

    def training_settings(self) -> dict:
        """Settings of training that its layers do not tell, for `ResumeTraining`."""
        return {
            "alternation": self.alternation,
            "budget": self.budget,
            "connections": self.connections,
            "warmup_epochs": self.warmup_epochs,
            "gradient_through_switcher": self.gradient_through_switcher,
            "sizes of groups": [group.size for group in self.gated.groups],
        }

    def get_compile_config(self) -> dict:
        """The arguments of `compile`, serialized, with the switcher's optimizer."""
        config = super().get_compile_config()
        if config and self.compiled:
            optimizer = keras.saving.serialize_keras_object(self.switcher_optimizer)
            config = portable({**config, "switcher_optimizer": optimizer})
        return config

    def compile_from_config(self, config: dict) -> None:
        """Compiles with what `get_compile_config` returned."""
        self.compile(**keras.saving.deserialize_keras_object(config))

    def get_config(self) -> dict:
        """The constructor's arguments, serialized, and the version of the file format."""
        serialize = keras.saving.serialize_keras_object
        return {
            "name": self.name,
            "dtype": serialize(self.dtype_policy),
            "task": serialize(self.task),
            "switcher": serialize(self.switcher),
            "groups": self.groups if isinstance(self.groups, str) else list(self.groups),
            "connections": self.connections,
            "gradient_through_switcher": self.gradient_through_switcher,
            "alternation": self.alternation,
            "budget": serialize(self.budget) if self.budget else None,
            "warmup_epochs": self.warmup_epochs,
            "format": MODEL_FORMAT,
        }

    @classmethod
    def from_config(cls, config: dict) -> "SwitcherModel":
        """A model from `get_config`.

        Raises:
            ValueError: If the file was written by a newer version of this package, or its format
                is no number of one.
        """
        config = dict(config)
        check_format(config.pop("format", MODEL_FORMAT))
        for name in ("task", "switcher", "budget", "dtype"):
            config[name] = keras.saving.deserialize_keras_object(config[name])
        if not config["switcher"].follows_budget:
            config["budget"] = None  # Older versions took one, which nothing followed.
        return cls(**config)
