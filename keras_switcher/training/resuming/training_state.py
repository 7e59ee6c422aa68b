"""All variables and settings of a training."""

from typing import Any, Protocol, runtime_checkable

import keras

from keras_switcher.graph.sublayers import with_sublayers


@runtime_checkable
class HasSettings(Protocol):
    """A model with settings that its layers do not tell, as a `SwitcherModel` has."""

    def training_settings(self) -> dict:
        """Settings by name."""


def state_of(model: keras.Model) -> list[keras.Variable]:
    """All variables that training changes, metrics aside: they start anew in every epoch.

    Those of the model and its layers, with the states of their random generators, and those of
    all optimizers that are attributes of the model.

    Args:
        model: A built, compiled model.

    Raises:
        ValueError: If it or an optimizer other than `optimizer`, which is built here, has no
            variables yet.
    """
    optimizer = model.optimizer
    if model.built and optimizer is not None and not optimizer.built:
        optimizer.build(model.trainable_variables)
    for name, part in [("model", model), *_optimizers(model)]:
        if not part.built:
            raise ValueError(
                f"The {name} has no variables yet that could be restored. Build it before fit(): "
                "a model by an Input or by calling it on a batch, an optimizer by build()."
            )
    return list({id(variable): variable for variable in all_variables(model)}.values())


def all_variables(model: keras.Model) -> list[keras.Variable]:
    """The variables of a model, then those of all optimizers that are attributes of it."""
    return [*model.variables, *(v for _, each in _optimizers(model) for v in each.variables)]


def settings_of(model: keras.Model) -> dict:
    """Settings by name: what kind of layers these are, how they, optimizers and loss are set.

    Names of layers do not count: Keras numbers them anew in every copy of a network.

    Args:
        model: A compiled model.

    Returns:
        Strings, numbers, booleans and None.
    """
    layers = [layer for layer in with_sublayers(model) if not isinstance(layer, keras.Model)]
    settings = {"loss": model.loss, **dict(_optimizers(model))}
    settings |= {f"layer {number}": layer for number, layer in enumerate(layers)}
    if isinstance(model, HasSettings):
        settings |= model.training_settings()
    found: dict[str, Any] = {}
    _collect("", settings, found)
    return found


def _optimizers(model: keras.Model) -> list[tuple[str, keras.optimizers.Optimizer]]:
    attributes = sorted(vars(model).items())
    return [pair for pair in attributes if isinstance(pair[1], keras.optimizers.Optimizer)]


def _collect(where: str, value: Any, found: dict[str, Any]) -> None:
    """Collects the plain values in nested ones."""
    if hasattr(value, "get_config"):
        found[where] = type(value).__name__
        value = _config(value)
    if isinstance(value, dict):
        if value.get("class_name") == "__lambda__":  # Its code knows in which line it stood.
            return
        for name in value.keys() - {"name"}:
            _collect(f"{where}.{name}" if where else str(name), value[name], found)
    elif isinstance(value, list | tuple):
        for number, entry in enumerate(value):
            _collect(f"{where}.{number}", entry, found)
    elif value is None or isinstance(value, str | bool | int | float):
        found[where] = value
    else:
        found[where] = getattr(value, "__name__", type(value).__name__)


def _config(described: Any) -> dict:
    try:
        return described.get_config()
    except Exception:  # An own layer may be unable to describe itself: training needs no config.
        return {}
