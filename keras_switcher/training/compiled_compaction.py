"""Compaction of a compiled model: the optimizer comes along, its state cut like the weights."""

from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.pruning.plan import Plan
from keras_switcher.pruning.surgery import Surgery
from keras_switcher.training.entrywise import (
    ANEW,
    check_optimizer,
    check_outputs,
    check_weights,
)
from keras_switcher.training.optimizer_state import (
    built_with,
    copied,
    inner_of,
    slots_of,
    start_at_weights,
)


def check_carries_optimizer(optimizer: Any) -> None:
    """Raises ValueError for an `optimizer` of `compact` that is neither True nor False."""
    if not isinstance(optimizer, bool):
        raise ValueError(
            "`optimizer` says whether the optimizer that the model was compiled with comes "
            f"along: True or False. Received: optimizer={optimizer!r}. To train the result "
            "with another one, compile it."
        )


def compact_compiled(
    model: keras.Model,
    channel_graph: ChannelGraph,
    plan: Plan,
    factors: dict[str, np.ndarray] | None = None,
) -> keras.Model:
    """A compact model that goes on training where a `SwitcherModel` stopped.

    Args:
        model: The `SwitcherModel`, of which the optimizer, the loss and the other settings of
            `compile` are taken over.
        channel_graph: The `ChannelGraph` of its task network.
        plan: The `PruningPlan` of what to remove.
        factors: See `keras_switcher.pruning.surgery.compact`.

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
    check_optimizer(inner_of(model.optimizer))
    surgery = Surgery(channel_graph, plan, fold=False)
    check_outputs(channel_graph, surgery.remains.kept_along)
    small = surgery.operate(factors)
    variables = built_with(model.optimizer)
    trained = {id(variable) for variable in variables}
    cut = [(old, new) for old, new in surgery.counterparts if id(old) in trained]
    check_weights(channel_graph, cut, inner_of(model.optimizer))
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
    old_slots, old_others = slots_of(copied(optimizer, ANEW), variables)
    new = copied(optimizer, ANEW)
    left = [variable for variable in variables if id(variable) in smaller]
    # Private: Keras can be told which weights do not decay, and does not tell it again.
    undecayed = [v for v in left if not inner_of(optimizer)._use_weight_decay(v)]
    inner_of(new).exclude_from_weight_decay([smaller[id(variable)] for variable in undecayed])
    new_slots, new_others = slots_of(new, [smaller[id(variable)] for variable in left])
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
