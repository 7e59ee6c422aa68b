"""Checks of what a SwitcherModel cannot train."""

import importlib

import keras
from keras.src.backend.common import global_state

from keras_switcher.switchers.switcher import Switcher
from keras_switcher.user_warnings import warn_user

# What Keras calls of a model that is trained, evaluated or asked: of a task network it never is.
STEPS = (
    *("call", "train_step", "test_step", "predict_step", "compute_loss", "compute_metrics"),
    *("make_train_function", "make_test_function", "make_predict_function"),
)
# By name: TensorFlow is imported where the training step is.
TESTED = {
    "NoneType": "none",
    "_DefaultDistributionStrategy": "none",
    "OneDeviceStrategy": "OneDeviceStrategy",
    "MirroredStrategy": "MirroredStrategy",
}


def check_own_steps(task: keras.Model) -> None:
    """Raises for a task network whose own steps or loss would be ignored.

    Nested models may have some: Keras ignores them, too.

    Args:
        task: The task network.

    Raises:
        ValueError: If its class overrides one of `STEPS`, or one was set on it.
    """
    is_sequential = isinstance(task, keras.Sequential)
    stock = keras.Sequential if is_sequential else keras.Model
    own = [
        name
        for name in STEPS
        if name in vars(task)
        # A Functional model's call() is not that of keras.Model: reading its graph has followed it.
        or (name != "call" and getattr(type(task), name) is not getattr(stock, name))
    ]
    if own:
        named = " and ".join(f"{name}()" for name in own)
        ends = "task.inputs[0], task.outputs[0]" if is_sequential else "task.input, task.output"
        raise ValueError(
            f"The task network '{task.name}' (of type {type(task).__name__}) has its own {named}. "
            "SwitcherModel trains, evaluates and predicts with steps of its own, so it would be "
            f"ignored. Pass keras.Model({ends}), with the same layers and weights. "
            "Losses of your own go into compile(loss=...) or a layer's add_loss(); for a step of "
            "your own, subclass SwitcherModel."
        )


def check_not_trained_inside(model: keras.Model, task: keras.Model) -> None:
    """Raises where another model calls this one in order to train it.

    Args:
        model: The model that is called.
        task: Its task network.

    Raises:
        ValueError: If the call comes from another model, and there is something to train.
    """
    # Private: nothing else tells a layer which model called it.
    context = global_state.get_global_attribute("current_call_ctx")
    outer = None if context is None else context.entry_layer
    # Under JAX the outer model's own call() is no entry: it runs in a scope that holds its state.
    in_state = global_state.get_global_attribute("stateless_scope") is not None
    if outer is not None and (outer is not model or in_state) and model.trainable_variables:
        named = f"'{outer.name}' (of type {type(outer).__name__})"
        other = "another model" if outer is model else named
        raise ValueError(
            f"'{model.name}' (of type {type(model).__name__}) is trained inside {other}, where its "
            "switcher's turns, warm-up and budget would be lost: only its own fit() knows of them. "
            f"Build the outer network around the task network '{task.name}' and pass that one to "
            f"SwitcherModel; or train '{model.name}' alone and put its compact() inside; or set "
            "its `trainable` to False."
        )


def check_backend() -> None:
    """Raises where Keras was told to run on another backend after this package was imported.

    Raises:
        ValueError: If that is so.
    """
    made_with = keras.backend.backend()
    now = importlib.import_module("keras").backend.backend()  # set_backend() loads it anew.
    if now != made_with:
        raise ValueError(
            f"The model was made while Keras ran on {made_with}, and Keras runs on {now} now: its "
            "models cannot change the backend. Save the model, and load it in a new process with "
            f"KERAS_BACKEND={now} in its environment."
        )


def check_precision(task: keras.Model) -> None:
    """Raises where a backend computes with fewer digits than the task network asks for.

    Args:
        task: The task network.

    Raises:
        ValueError: If a variable in float64 has values of another type.
    """
    for variable in task.variables:
        found = keras.backend.standardize_dtype(variable.value.dtype)
        if variable.dtype == "float64" and found != "float64":
            raise ValueError(
                f"'{variable.path}' of the task network is to be in float64, and Keras's backend "
                f"({keras.backend.backend()}) holds it in {found}. JAX needs JAX_ENABLE_X64=1 in "
                "the environment, or jax.config.update('jax_enable_x64', True) before the network "
                "is built; or build it in float32."
            )


def check_devices(model: keras.Model) -> None:
    """Raises on several devices in a way whose results nobody has compared with one device's.

    Args:
        model: A `SwitcherModel`.

    Raises:
        ValueError: If that is so.
    """
    name = type(getattr(model, "distribute_strategy", None)).__name__  # TensorFlow's.
    if name not in TESTED:
        # The public name of MultiWorkerMirroredStrategy is not that of its class.
        name = {"CollectiveAllReduceStrategy": "MultiWorkerMirroredStrategy"}.get(name, name)
        tested = ", ".join(dict.fromkeys(TESTED.values()))
        raise ValueError(
            f"'{model.name}' was made under a {name}. A SwitcherModel is tested, and trained, "
            f"under these strategies: {tested}. Keras itself fails to train on several workers and "
            "was seen to report another loss under central storage."
        )
    distribution = keras.distribution.distribution()
    if type(distribution) not in (type(None), keras.distribution.DataParallel):
        raise ValueError(
            f"A SwitcherModel is trained on one device, or under keras.distribution.DataParallel. "
            f"Received: a distribution of type {type(distribution).__name__}, which splits "
            "weights: a switcher reads them whole. Pass DataParallel(devices=...) to "
            "keras.distribution.set_distribution() before the model is made."
        )


def check_follows_budget(switcher: Switcher) -> None:
    """Raises where a budget is given to a switcher that does not follow one.

    Args:
        switcher: The switcher.

    Raises:
        ValueError: If that is so.
    """
    if not switcher.follows_budget:
        raise ValueError(
            f"A {type(switcher).__name__} does not follow a budget: what it keeps is decided "
            "otherwise, see its arguments. Leave `budget` out, or choose a switcher that follows "
            "one, such as 'row'."
        )


def advise_on_fixed_weights(switcher: Switcher, alternation: str, advised: set[str]) -> None:
    """Warns, once for each model, where a method that leaves weights as they are trains them.

    Args:
        switcher: The switcher.
        alternation: Which networks are updated; `"task"` alone trains what was found.
        advised: What was said already, and need not be said again; added to.
    """
    trains_both = alternation not in ("task", "switcher")
    if switcher.fixes_weights and trains_both and "fixed weights" not in advised:
        advised.add("fixed weights")
        warn_user(
            f"A {type(switcher).__name__} looks for the best part of a network whose weights stay "
            f"as they are, and alternation={alternation!r} trains them as well, which is another "
            "method. Pass SwitcherModel(..., alternation='switcher')."
        )
