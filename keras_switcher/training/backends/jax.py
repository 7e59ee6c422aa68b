"""Training and evaluation under JAX: all state goes into a step and comes out of it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial, wraps
from typing import Any

import jax
import keras
from keras import StatelessScope, Variable

from keras_switcher.tensors import Tensor
from keras_switcher.training.forward_pass import ForwardPass
from keras_switcher.training.trainer import Trainer

# Keras passes the values of lists of variables: see `_parts`.
State = Sequence[list[Tensor]]


class JAXTrainer(Trainer):
    """Runs the steps of all backends in scopes that catch what they assign."""

    # Its own three steps take a state and return one, as Keras has it under JAX alone: to mypy they
    # are no overrides.

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """With the switcher's optimizer, the scaled kernels and the loss: Keras carries these."""
        optimizer = getattr(self, "switcher_optimizer", None)
        carried = [*(optimizer.variables if optimizer else ()), *self.inference.variables]
        if self.compiled and self.mean_loss not in self.metrics:  # As a subclass may have it.
            carried += self.mean_loss.variables
        found = super().non_trainable_variables + carried
        known = {id(variable) for variable in [*self.trainable_variables, *found]}
        # What no optimizer gets, though it has gradients, like masks: else a step would keep them
        # as they were when it was compiled.
        return found + [v for v in self.switcher.variables if id(v) not in known]

    def __setattr__(self, name: str, value: Any) -> None:
        """Sets an attribute; the state of a step is not searched for layers after each batch."""
        if name == "_jax_state":
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def synchronize(self) -> None:
        """Gives the variables what a running fit() has reached."""
        self.jax_state_sync()  # As Keras does for callbacks that ask for `self.model`.

    def apply_update(
        self, optimizer: keras.optimizers.Optimizer, gradients: list, variables: list[Variable]
    ) -> None:
        """Updates variables; an optimizer's conditions (float16) must not assign."""
        updated = [*variables, *optimizer.variables]
        given = [v.value for v in optimizer.variables], gradients, [v.value for v in variables]
        values = optimizer.stateless_apply(*given)
        for variable, value in zip(updated, [*values[0], *values[1]], strict=True):
            variable.assign(value)

    def train_step(self, state: State, data: Any) -> tuple[dict, State]:  # type: ignore[override]
        """One batch of fit()."""
        parts = self._parts(of_optimizer=True)
        return self._in_state(parts, state, partial(super().train_step, data))

    def test_step(self, state: State, data: Any) -> tuple[dict, State]:  # type: ignore[override]
        """One batch of evaluate()."""
        return self._in_state(self._parts(), state, partial(super().test_step, data))

    def predict_step(self, state: State, data: Any) -> tuple[Any, list]:  # type: ignore[override]
        """One batch of predict()."""
        parts, step = self._parts()[:2], partial(super().predict_step, data)
        outputs, (_, left) = self._in_state(parts, state, step)
        return outputs, left

    def gradients(
        self, forward: Callable[[dict], ForwardPass], sources: dict[str, list[Variable]]
    ) -> tuple[ForwardPass, dict[str, list], dict[str, Tensor]]:
        """A forward and a backward pass, see `Trainer`."""
        before = [(v, v.value) for part in self._parts(of_optimizer=True) for v in part]
        differentiated = {id(variable) for of in sources.values() for variable in of}
        assigned = [variable for variable, _ in before if id(variable) not in differentiated]

        def objective(values: dict, added: dict) -> tuple[Tensor, tuple]:
            own = [pair for n in sources for pair in zip(sources[n], values[n], strict=True)]
            with StatelessScope([*before, *own], collect_losses=True) as scope:
                passed = forward(added)
            after = [scope.get_current_value(variable) for variable in assigned]
            return passed.objective, (vars(passed), after)

        values = {name: [variable.value for variable in of] for name, of in sources.items()}
        # The gradient on what is added to the factors, which is nothing, is that on the factors.
        is_pulled = self.budget is not None and not self.schedule.warms_up
        shapes = self.gated.shapes if is_pulled else {}
        added = {name: jax.numpy.zeros(shape, float) for name, shape in shapes.items()}
        differentiate = jax.grad(objective, argnums=(0, 1), has_aux=True)
        (gradients, of_factors), (passed, after) = differentiate(values, added)
        for variable, value in zip(assigned, after, strict=True):
            variable.assign(value)
        return ForwardPass(**passed), gradients, of_factors

    @staticmethod
    def gradient(function: Callable, factors: dict[str, Tensor]) -> tuple[Tensor, dict]:
        """The scalar that a function makes of factors, and its gradient on them, by name."""
        return jax.value_and_grad(function)(factors)

    def compiled_function(self, function: Callable) -> Callable:
        """A function that makes factors, compiled with the model's variables as its arguments."""

        @jax.jit
        def compiled(values: list[Tensor]) -> dict[str, Tensor]:
            with StatelessScope(list(zip(self.variables, values, strict=True))):
                return function()

        def in_order() -> dict[str, Tensor]:
            found = compiled([variable.value for variable in self.variables])
            return {name: found[name] for name in self.gated.names}  # JAX sorts a dict.

        return in_order

    def renewal(self, renew: Callable[[dict], None]) -> Callable:
        """What renews the scaled kernels, which are part of the state."""

        def assigned(state: State, factors: dict) -> State:
            parts = self._parts()[: len(state)]
            return self._in_state(parts, state, partial(renew, factors))[1]

        assigned = assigned if self.run_eagerly else jax.jit(assigned)

        def renewed(state: State, iterator: Any) -> tuple:
            with StatelessScope(_pairs(self._parts(), state)):
                factors = self.inference_factors()
            return assigned(state, factors), iterator

        return renewed

    def make_train_function(self, force: bool = False) -> Callable:
        """Builds the function behind fit()."""
        self.inference.prepare()  # Part of the state: a later one would need a step of its own.
        return super().make_train_function(force)

    def new_train_function(self) -> Callable:
        """The function behind fit(), compiled for the settings of now."""
        with _as_new(self, "train_step"):
            return super().new_train_function()

    def make_test_function(self, force: bool = False) -> None:
        """Builds the function behind evaluate()."""
        with _as_new(self, "test_step"):
            super().make_test_function(force)

    @wraps(keras.Model.fit)
    def fit(self, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        with self._kept():
            return super().fit(*args, **kwargs)

    @wraps(keras.Model.evaluate)
    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        with self._kept():
            return super().evaluate(*args, **kwargs)

    @wraps(keras.Model.predict)
    def predict(self, *args: Any, **kwargs: Any) -> Any:
        with self._kept():
            return super().predict(*args, **kwargs)

    @contextmanager
    def _kept(self) -> Iterator[None]:
        """A context in which Keras takes the variables' values: an error gives them back."""
        self.inference.prepare()  # Part of the state: a later one would need a step of its own.
        # Private: `value` would make one where there is none.
        before = [(v, v._value) for part in self._parts(self.compiled) for v in part]
        try:
            yield
        except BaseException:
            self.jax_state_sync()
            for variable, value in before:
                # A step that has begun has used up old values; metrics start anew by themselves.
                if variable._value is None and value is not None and not value.is_deleted():
                    variable.assign(value)
            raise

    def _parts(self, of_optimizer: bool = False) -> list[list[Variable]]:
        """The variables of a state: in training those of the optimizer come third."""
        parts = [self.trainable_variables, self.non_trainable_variables]
        if of_optimizer:
            parts.append(self.optimizer.variables)
        return [*parts, self.metrics_variables]

    def _in_state(
        self, parts: list[list[Variable]], state: State, function: Callable
    ) -> tuple[Any, State]:
        """What a function returns in a state, and the state that it leaves."""
        with StatelessScope(_pairs(parts, state)) as scope:
            result = function()
        return result, tuple([scope.get_current_value(v) for v in part] for part in parts)


def _pairs(parts: list[list[Variable]], state: State) -> list[tuple[Variable, Tensor]]:
    """The variables of a state and their values; a state may have fewer parts."""
    pairs = zip(parts, state, strict=False)
    return [pair for of, values in pairs for pair in zip(of, values, strict=True)]


@contextmanager
def _as_new(model: keras.Model, name: str) -> Iterator[None]:
    """A context in which a model's method is a new object: JAX knows functions by equality.

    It would take a step for one that it has compiled, though the model's settings are others now.
    """
    setattr(model, name, partial(getattr(model, name)))
    try:
        yield
    finally:
        delattr(model, name)
