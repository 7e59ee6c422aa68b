"""Slots of optimizers: found, and started at the weights."""

from collections import defaultdict
from typing import Any

import keras
from keras import ops

from keras_switcher.graph.call import is_stock


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


def portable(config: Any) -> Any:
    """A serialized optimizer as any backend reads it; nested ones, too.

    Keras makes optimizers for PyTorch of classes of their own, and writes their names down.

    Args:
        config: What `keras.saving.serialize_keras_object` returned.
    """
    if isinstance(config, dict):
        config = {name: portable(value) for name, value in config.items()}
        if str(config.get("module")).startswith("keras.src.backend."):
            config |= {"module": "keras.optimizers", "registered_name": None}
    return config


def start_at_weights(optimizer: keras.optimizers.Optimizer) -> None:
    """Starts what an optimizer keeps of the weights at the weights as they are now.

    Keras makes it in the first step; here it is made when the model is compiled, so that a file
    finds it, and weights may be loaded in between. After the first step nothing is changed.

    Args:
        optimizer: The optimizer, built.
    """
    inner = inner_of(optimizer)
    if ops.convert_to_numpy(inner.iterations):
        return
    variables = built_with(inner)
    own = not is_stock(inner)
    if own or isinstance(inner, keras.optimizers.ScheduleFreeAdamW):
        try:
            fresh = copied(inner, "")
        except ValueError:
            if not own:
                raise
            return  # Nothing is known of its state; it stays as the optimizer's build() made it.
        for places in slots_of(fresh, variables)[0].values():
            for place in places:
                inner.variables[place].assign(ops.copy(fresh.variables[place]))
    if inner.use_ema:
        # Private: among an optimizer's variables, averages are known by nothing but their names.
        for variable, average in zip(variables, inner._model_variables_moving_average, strict=True):
            average.assign(ops.copy(variable))  # Not the same array: JAX gives arrays away.


def inner_of(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """An optimizer, without a `LossScaleOptimizer` around it."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def built_with(optimizer: keras.optimizers.Optimizer) -> list[keras.Variable]:
    """The variables that an optimizer was built with, in order: layers may be frozen since."""
    # Private: the model's own list is that of now, and users may build their optimizers.
    return inner_of(optimizer)._trainable_variables


def slots_of(
    optimizer: keras.optimizers.Optimizer, variables: list[keras.Variable]
) -> tuple[dict[int, list[int]], list[int]]:
    """Builds an optimizer, and finds out which of its variables belong to which of the model's.

    Args:
        optimizer: The optimizer.
        variables: What it will update.

    Returns:
        A pair: places in `optimizer.variables` by id of the model's variable, and the places of
        all other variables, such as the number of updates.
    """
    made = defaultdict(list)
    inner = inner_of(optimizer)
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
