"""The model that trains a task network and the switcher that decides on its structure."""

from functools import partial

import keras
import tensorflow as tf
from keras import ops

from keras_switcher.callbacks import Progress
from keras_switcher.scheduled_network import ScheduledNetwork
from keras_switcher.training.budget import Budget
from keras_switcher.training.budget_advice import advise_before
from keras_switcher.training.budget_turns import BudgetSteps
from keras_switcher.training.strategies import check_strategy
from keras_switcher.training.train_functions import TrainFunctions
from keras_switcher.training.turns import SharedSteps, graph_of

FORMAT = 1


@keras.saving.register_keras_serializable(package="keras_switcher")
class SwitcherModel(ScheduledNetwork):
    """Learns a task network's structure while it trains it, then hands back a smaller network.

    A switcher reads the task network's weights and returns one factor per channel (or, with
    `connections`, per single weight of the Dense layers): 0 prunes,
    below 1 weakens, 1 and above strengthens. Gates on the edges between layers apply the factors;
    both networks are trained in turn on the task's loss (algorithm 1 of arXiv 2110.05954).
    `fit`, `evaluate` and `predict` work as for any Keras model; then `compact()` returns a plain,
    smaller one with the same outputs.

    Args:
        task: The task network: a built Functional or Sequential model. Its variables are shared,
            not copied.
        switcher: `"row"`, `"unet"` (the paper's), or a `keras_switcher.switchers.Switcher`.
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
            switcher's input (second term of equation 6). False is an ablation.
        **kwargs: `name` and `dtype`, as for any Keras model.

    Raises:
        ValueError: If the task network cannot be read, an argument is not one of its choices, or
            the budget cannot be reached by the chosen groups.

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
    >>> sorted(model.scaling_factors())
    ['hidden', 'hidden/inputs']
    >>> small = model.compact()
    >>> bool(np.allclose(small(x), model(x), atol=1e-5))
    True
    """

    def __init__(
        self,
        task: keras.Model,
        switcher="row",
        groups="all",
        alternation: str = "batch",
        budget: Budget | None = None,
        connections: bool | str = False,
        warmup_epochs: int = 0,
        gradient_through_switcher: bool = True,
        **kwargs,
    ):
        network = (task, switcher, groups, connections, gradient_through_switcher)
        super().__init__(alternation, budget, warmup_epochs, *network, **kwargs)
        self._graphs = TrainFunctions()
        self._budget_turns = BudgetSteps(self)

    @property
    def trainable_variables(self):
        """The task network's variables, then the switcher's."""
        return self.task.trainable_variables + self.switcher.trainable_variables

    trainable_weights = trainable_variables

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        validation_split=0.0,
        validation_data=None,
        shuffle=True,
        class_weight=None,
        sample_weight=None,
        initial_epoch=0,
        steps_per_epoch=None,
        validation_steps=None,
        validation_batch_size=None,
        validation_freq=1,
    ):
        """Trains for a number of epochs, as any Keras model; the arguments are Keras's own.

        An epoch's line has `weights_removed`, the share of the weights that is switched off, and
        `budget_waited` while a budget waits until the network learns. It warns once where nothing
        need be removed, because there is no budget, and where training ends before the budget is
        reached.

        Raises:
            ValueError: If a batch has no labels, a loss or weight is no longer finite, or the model
                was made under a strategy that nobody has tested.
        """
        check_strategy(self)
        seen = int(ops.convert_to_numpy(self.epochs_seen))
        advise_before(self, seen + max(0, epochs - initial_epoch))
        progress = Progress()
        if isinstance(callbacks, keras.callbacks.CallbackList):
            progress.set_model(self)
            progress.set_params(callbacks.params)
            if not any(isinstance(each, Progress) for each in callbacks.callbacks):
                callbacks.callbacks.insert(0, progress)
        else:
            # First in the list: what others save at an epoch's end has the epoch counted.
            callbacks = [progress, *keras.tree.flatten(callbacks or [])]
        return super().fit(
            x=x,
            y=y,
            batch_size=batch_size,
            epochs=epochs,
            verbose=verbose,
            callbacks=callbacks,
            validation_split=validation_split,
            validation_data=validation_data,
            shuffle=shuffle,
            class_weight=class_weight,
            sample_weight=sample_weight,
            initial_epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch,
            validation_steps=validation_steps,
            validation_batch_size=validation_batch_size,
            validation_freq=validation_freq,
        )

    def train_step(self, data):
        """One batch: a backward pass for each network whose turn it is."""
        batch = self.unpacked(data)
        for names in self.updates:
            self._end_turn(names, *self._backward(*batch), *batch)
        return self.get_metrics_result()

    def make_train_function(self, force=False):
        """Builds the function behind fit(), for those networks whose turn it is now."""
        if force or self.train_function is None:  # As compile() leaves it.
            self._graphs.clear()
        self.look_ahead()
        # By value: a new Budget object per fit, with the same settings, needs no graph of its own.
        budget = tuple(sorted(self.budget.get_config().items())) if self.budget else None
        settings = budget, self.warmup_epochs, self.gradient_through_switcher
        traced_with = self.updates, self.warms_up, *settings
        self.train_function = self._graphs.get(traced_with, self._new_function)
        return self.train_function

    def _new_function(self):
        if self._shares_turns():
            return SharedSteps(self._take_turn, len(self.updates))
        super().make_train_function(force=True)
        return self.train_function

    def as_graph(self, function):
        """A function as one TensorFlow graph."""
        return graph_of(function)

    def _shares_turns(self):
        """Whether fit() runs one graph for all turns of a batch, see `SharedSteps`.

        XLA gets both turns at once: it leaves out of each what it does not need.
        """
        with self.distribute_strategy.scope():
            distributed = tf.distribute.has_strategy()
        apart = self.run_eagerly or self.jit_compile or distributed or self.steps_per_execution > 1
        own_step = type(self).train_step is not SwitcherModel.train_step
        return len(self.updates) > 1 and not apart and not own_step

    def _take_turn(self, number, data):
        """One of the turns of a batch."""
        batch = self.unpacked(data)
        passed = self._backward(*batch)
        ends = [partial(self._end_turn, names, *passed, *batch) for names in self.updates]
        tf.switch_case(number, ends)
        return self.get_metrics_result()

    def _backward(self, x, y, sample_weight):
        """A forward and a backward pass for all networks that this step updates."""
        due = sorted({name for names in self.updates for name in names})
        with tf.GradientTape() as tape:
            decided = self.raw_factors_to_train()
            factors = self.acting(decided)
            y_pred = self.gated.run(x, factors, training=True)
            objective = self.reported_loss(x, y, y_pred, sample_weight, training=True)
            pulls = {}
            if self.budget is not None:
                with tape.stop_recording():
                    pulls = self._budget_turns.begin(
                        decided, objective, x, y, y_pred, sample_weight
                    )
                # Its gradient on the factors is `pulls`, whatever their units.
                pulled = sum(ops.sum(pulls[name] * decided[name]) for name in pulls)
                objective += ops.cast(pulled, objective.dtype)
            scaled = self.scale_loss(objective, due)
        sources = {name: self.optimizer_of(name)[1] for name in due}
        gradients, of_factors = tape.gradient(scaled, (sources, decided if pulls else {}))
        if pulls:
            gradients = self._budget_turns.end(of_factors, pulls, decided, gradients)
        return y_pred, factors, gradients

    def _end_turn(self, names, y_pred, factors, gradients, x, y, sample_weight):
        self.apply_gradients(names, gradients)
        if names is self.updates[-1]:
            self.epoch_share.assign_add(self.step_share)
            self.structure_shares.update_state(self.gated.shares(factors))
            self.compute_metrics(x, y, y_pred, sample_weight)

    def get_config(self):
        """The constructor's arguments, and the version of the file format."""
        budget = keras.saving.serialize_keras_object(self.budget) if self.budget else None
        return {
            **super().get_config(),
            "alternation": self.alternation,
            "budget": budget,
            "warmup_epochs": self.warmup_epochs,
            "format": FORMAT,
        }

    @classmethod
    def from_config(cls, config):
        """A model from `get_config`.

        Raises:
            ValueError: If the file was written by a newer version of this package, or its format
                is no number of one.
        """
        config = dict(config)
        _check_format(config.pop("format", FORMAT))
        for name in ("task", "switcher", "budget", "dtype"):
            config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config)


def _check_format(version):
    if type(version) is not int or version < 1:  # True is no format, though it equals 1.
        raise ValueError(
            f"A model's format is a whole number from 1 on. Received: format={version!r}. The file "
            "was not written by keras_switcher, or was changed since."
        )
    if version > FORMAT:
        raise ValueError(
            f"This model was saved in format {version}; this version of keras_switcher reads "
            f"{FORMAT}. Install a newer one."
        )
