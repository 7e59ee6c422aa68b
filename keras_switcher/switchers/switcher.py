"""Switcher: the base class of all switchers."""

from typing import Any

import keras
from keras import ops

from keras_switcher.switchers.heads import SPREAD
from keras_switcher.switchers.records import Record
from keras_switcher.tensors import Tensor


class Switcher(keras.layers.Layer):
    """Reads the weights of a network and returns factors: per channel, or per connection.

    A switcher of your own is a subclass with two methods:

    * `build(records)`: creates weights; the records hold the network's variables.
    * `call(records)`: returns a list with one non-negative tensor of shape `record.shape` per
      record; 0 prunes a channel (or connection), below 1 weakens it, 1 and above strengthens it.

    Register it with `keras.saving.register_keras_serializable` so that it can be saved. It
    computes in `keras.config.floatx()`, also where the task network runs in mixed precision. It
    must depend on weights only, not on batches: the factors at the end of training are those that
    inference uses.

    What else a switcher may do:

    * Noise: `call(records, training=False)` draws it where `training` is true, by a
      `keras.random.SeedGenerator` that is an attribute, whose state is saved. What it returns
      otherwise is computed once, for inference, and must be deterministic.
    * A loss of its own: `self.add_loss(penalty)` in `call` adds a scalar to the loss of each
      update; losses of `evaluate()` are without it.
    * Class attributes (or attributes that its constructor sets) say what it does otherwise.

    Args:
        **kwargs: `name` and `dtype`, as for any Keras layer.

    Attributes:
        straight_through: Whether the gradient on the task network's kernels is that on the scaled
            kernels, as if all factors were one, so that what is switched off goes on learning (as
            in DPF, Lin et al. 2020, arXiv 2006.07253). False by default.
        follows_budget: Whether a `Budget` drives it. One that is given to a switcher with a
            criterion of its own is refused. True by default.
        fixes_weights: Whether the method leaves the task network's weights as they are, so that
            it is trained with `alternation="switcher"`; `fit()` warns where it is not. False by
            default.
        equivariant: Whether it promises that permuting the channels of a group (or the rows and
            columns of a kernel) permutes its factors. False by default.

    Call arguments:
        records: List of `GroupRecord`s, in the order of the network's groups; where connections
            have factors, then of `ConnectionRecord`s.
        training: Whether the model is being trained; only for a `call` that takes it.

    Example, a channel's mean outgoing magnitude as its factor, for networks of Dense layers:

    >>> import keras_switcher as ks
    >>> @keras.saving.register_keras_serializable(package="example")
    ... class MeanMagnitude(Switcher):
    ...     def call(self, records):
    ...         return [ops.mean(ops.abs(r.consumers[0].rows()), axis=1) for r in records]
    >>> hidden = keras.layers.Dense(2, kernel_initializer="ones", name="hidden")
    >>> scores = keras.layers.Dense(1, kernel_initializer="zeros")
    >>> task = keras.Sequential([keras.Input((2,)), hidden, scores])
    >>> model = ks.SwitcherModel(task, MeanMagnitude())
    >>> {name: factors.tolist() for name, factors in model.scaling_factors().items()}
    {'hidden': [0.0, 0.0], 'hidden/inputs': [1.0, 1.0]}
    """

    straight_through = False
    follows_budget = True
    fixes_weights = False
    equivariant = False
    # How many weights come with the initial spread, which older files lack; they are made last.
    later_weights = 1

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("dtype", keras.config.floatx())
        super().__init__(**kwargs)
        self.initial_spread = None

    def build(self, records: list[Record]) -> None:
        """Creates the switcher's weights for these records."""

    def call(self, records: list[Record]) -> list[Tensor]:
        raise NotImplementedError(f"{type(self).__name__} must implement call(records).")

    def build_once(self, records: list[Record]) -> None:
        """Builds the switcher for one model, and for no second one.

        Raises:
            ValueError: If it was built before.
        """
        if self.built:
            raise ValueError(
                f"Switcher '{self.name}' belongs to another model already. Pass a new one."
            )
        self.build(records)

    def add_initial_spread(self, start: str) -> None:
        """Creates the progress that `spread` sets, for a switcher whose factors start at one."""
        if start == "one":
            self.initial_spread = self.add_weight(
                shape=(),
                initializer="zeros",
                trainable=False,
                aggregation="only_first_replica",
                name="initial_spread",
            )

    def added_spread(self) -> Tensor:
        """The standard deviation added to raw values that started at one, 0 to `heads.SPREAD`."""
        return 0.0 if self.initial_spread is None else SPREAD * self.initial_spread

    def start_anew(self) -> None:
        """Takes note of another budget; a switcher of your own need not do anything."""

    def spread(self, progress: Tensor) -> None:
        """Spreads factors that started at one, as a budget's target begins to fall.

        Called before each update under a budget; a switcher of your own need not do anything.

        Args:
            progress: A scalar tensor: 0 before the target falls, 1 soon after.
        """
        if self.initial_spread is not None:
            self.initial_spread.assign(ops.cast(progress, self.initial_spread.dtype))

    def save_own_variables(self, store: Any) -> None:
        """Saves the switcher's own weights, and where its noise is: Keras leaves that out."""
        super().save_own_variables(store)
        for name, generator in self._generators().items():
            store[name] = generator.state

    def load_own_variables(self, store: Any) -> None:
        """Loads the switcher's own weights; older files lack those of the initial spread."""
        own: dict[str, Tensor] = {}
        super().save_own_variables(own)
        found = {name: store[name] for name in store.keys()}  # noqa: SIM118 (no mapping)
        for name, generator in self._generators().items():
            if name in found:
                generator.state.assign(found.pop(name))
        is_older = self.initial_spread is not None and len(found) == len(own) - self.later_weights
        super().load_own_variables({**own, **found} if is_older else found)

    def _generators(self) -> dict[str, keras.random.SeedGenerator]:
        """The seed generators among the attributes, by name."""
        kind = keras.random.SeedGenerator
        return {name: value for name, value in vars(self).items() if isinstance(value, kind)}

    def get_build_config(self) -> None:
        """Nothing: a `SwitcherModel` builds its switcher from the task network."""
