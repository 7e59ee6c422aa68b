"""Slots of optimizers: found, started at the weights, and cut like them."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_switcher.graph.call import is_stock
from keras_switcher.pruning.plan import Plan
from keras_switcher.pruning.surgery import Surgery
from keras_switcher.training.whole_weights import (
    ANEW,
    check_optimizer,
    check_outputs,
    check_weights,
)


def compact_compiled(
    model: keras.Model, plan: Plan, verified_by: dict | None = None
) -> keras.Model:
    """A compact model that goes on training where a `SwitcherModel` stopped.

    Args:
        model: The `SwitcherModel`.
        plan: The `PruningPlan` of what to remove.
        verified_by: See `keras_switcher.pruning.surgery.compact`.

    Raises:
        ValueError: If the model is not compiled, its optimizer's state cannot be cut, its metrics
            cannot be copied, or something in its training looks at whole weights.
    """
    if not model.compiled:
        raise ValueError(
            f"'{model.name}' has no optimizer to carry over. Compile it, or compact without one."
        )
    if plan.connections:
        raise ValueError(
            "An optimizer can only be carried over where factors act on channels: stock layers "
            "have no place for a factor per connection. Compact without `optimizer`, and compile "
            "the result anew."
        )
    check_optimizer(_inner(model.optimizer))
    channel_graph = model.gated.channel_graph
    surgery = Surgery(channel_graph, plan, fold=False)
    check_outputs(channel_graph, surgery.remains.kept_along)
    small = surgery.operate(verified_by)
    variables = _built_with(model.optimizer)
    trained = {id(variable) for variable in variables}
    cut = [(old, new) for old, new in surgery.counterparts if id(old) in trained]
    check_weights(channel_graph, cut, _inner(model.optimizer))
    start_at_weights(model.optimizer)
    optimizer = carried_optimizer(model.optimizer, variables, surgery.counterparts, surgery.cut)
    # A loss has no state: it may be any function, and is shared. Metrics have, and are copied.
    small.compile(**{**_other_settings(model), "optimizer": optimizer, "loss": model.loss})
    return small


def _other_settings(model: keras.Model) -> dict:
    """The arguments that a model was compiled with, without losses and optimizers."""
    config = model.get_compile_config()
    for name in ("optimizer", "switcher_optimizer", "loss"):
        del config[name]
    try:
        return keras.saving.deserialize_keras_object(config)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"The metrics of '{model.name}' cannot be copied: {error} Register your own with "
            "keras.saving.register_keras_serializable, or compact without `optimizer` and compile "
            "the result anew."
        ) from error


def carried_optimizer(
    optimizer: keras.optimizers.Optimizer,
    variables: list[keras.Variable],
    counterparts: Iterable[tuple[keras.Variable, keras.Variable]],
    cut: Callable[[keras.Variable, np.ndarray], np.ndarray],
) -> keras.optimizers.Optimizer:
    """A new optimizer for a smaller model, its slots cut like the weights that they belong to.

    Args:
        optimizer: The optimizer of the larger model, built.
        variables: The variables that it was built with, in order.
        counterparts: Pairs of a variable and the smaller one that was cut out of it.
        cut: Called as `cut(variable, array)`; cuts an array of the shape of a larger variable.

    Raises:
        ValueError: If the optimizer has state that does not lie along its variables, or cannot be
            copied.
    """
    smaller = {id(old): new for old, new in counterparts}
    old_slots, old_others = _slots(copied(optimizer, ANEW), variables)
    new = copied(optimizer, ANEW)
    left = [variable for variable in variables if id(variable) in smaller]
    # Private: Keras can be told which weights do not decay, and does not tell it again.
    undecayed = [v for v in left if not _inner(optimizer)._use_weight_decay(v)]
    _inner(new).exclude_from_weight_decay([smaller[id(variable)] for variable in undecayed])
    new_slots, new_others = _slots(new, [smaller[id(variable)] for variable in left])
    values = [ops.convert_to_numpy(variable) for variable in optimizer.variables]
    for variable in left:
        pairs = zip(old_slots[id(variable)], new_slots[id(smaller[id(variable)])], strict=True)
        for old_place, place in pairs:
            new.variables[place].assign(cut(variable, values[old_place]))
    for old_place, place in zip(old_others, new_others, strict=True):
        if new.variables[place].shape != values[old_place].shape:
            raise ValueError(
                f"The state of {type(optimizer).__name__} cannot be cut: "
                f"'{new.variables[place].name}' does not have the shape of a weight. {ANEW}"
            )
        new.variables[place].assign(values[old_place])
    return new


def copied(optimizer: keras.optimizers.Optimizer, advice: str) -> keras.optimizers.Optimizer:
    """An optimizer like another one, without its state.

    Args:
        optimizer: The optimizer.
        advice: What to do where that is impossible, in words.

    Raises:
        ValueError: If it does not come back from its own configuration.
    """
    try:
        return type(optimizer).from_config(optimizer.get_config())
    except (NotImplementedError, TypeError, ValueError) as error:
        raise ValueError(
            f"{type(optimizer).__name__} cannot be made again from its get_config(): {error} "
            f"{advice}"
        ) from error


def start_at_weights(optimizer: keras.optimizers.Optimizer) -> None:
    """Starts what an optimizer keeps of the weights at the weights as they are now.

    Keras makes it in the first step; here it is made when the model is compiled, so that a file
    finds it, and weights may be loaded in between. After the first step nothing is changed.

    Args:
        optimizer: The optimizer, built.
    """
    inner = _inner(optimizer)
    if ops.convert_to_numpy(inner.iterations):
        return
    variables = _built_with(inner)
    own = not is_stock(inner)
    if own or isinstance(inner, keras.optimizers.ScheduleFreeAdamW):
        try:
            fresh = copied(inner, "")
        except ValueError:
            if not own:
                raise
            return  # Nothing is known of its state; it stays as the optimizer's build() made it.
        for places in _slots(fresh, variables)[0].values():
            for place in places:
                inner.variables[place].assign(fresh.variables[place])
    if inner.use_ema:
        # Private: among an optimizer's variables, averages are known by nothing but their names.
        for variable, average in zip(variables, inner._model_variables_moving_average, strict=True):
            average.assign(variable)


def _inner(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    return getattr(optimizer, "inner_optimizer", optimizer)


def _built_with(optimizer: keras.optimizers.Optimizer) -> list[keras.Variable]:
    """The variables that an optimizer was built with, in order: layers may be frozen since."""
    # Private: the model's own list is that of now, and users may build their optimizers.
    return _inner(optimizer)._trainable_variables


def _slots(
    optimizer: keras.optimizers.Optimizer, variables: list[keras.Variable]
) -> tuple[dict[int, list[int]], list[int]]:
    """Builds an optimizer, and finds out which of its variables belong to which of the model's.

    Returns:
        A pair: places in `optimizer.variables` by id of the model's variable, and the places of
        all other variables, such as the number of updates.
    """
    made = defaultdict(list)
    inner = _inner(optimizer)
    add = inner.add_variable_from_reference

    def recorded(reference_variable: keras.Variable, *args: Any, **kwargs: Any) -> keras.Variable:
        slot = add(reference_variable, *args, **kwargs)
        made[id(reference_variable)].append(id(slot))
        return slot

    inner.add_variable_from_reference = recorded
    optimizer.build(variables)
    del inner.add_variable_from_reference
    place = {id(variable): i for i, variable in enumerate(optimizer.variables)}
    slots = {key: [place[slot] for slot in ids] for key, ids in made.items()}
    taken = {number for places in slots.values() for number in places}
    others = [i for i in range(len(optimizer.variables)) if i not in taken]
    return defaultdict(list, slots), others
