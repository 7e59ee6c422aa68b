"""Checks of what a SwitcherModel cannot train."""

import keras
from keras.src.backend.common import global_state

from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.counting import unknown_macs
from keras_switcher.training.budget import Budget

# What Keras calls of a model that is trained, evaluated or asked: of a task network it never is.
STEPS = (
    *("call", "train_step", "test_step", "predict_step", "compute_loss", "compute_metrics"),
    *("make_train_function", "make_test_function", "make_predict_function"),
)


def refuse_own_steps(task: keras.Model) -> None:
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
        # A Functional model's call() is not that of keras.Model: reading its graph has checked it.
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


def refuse_other_backends() -> None:
    """Raises where the training step has no backend.

    Raises:
        ValueError: If Keras does not run on TensorFlow.
    """
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise ValueError(
            f"SwitcherModel trains with TensorFlow only, and Keras runs on {backend!r}. Set "
            'KERAS_BACKEND="tensorflow" in the environment before Keras is imported. '
            "channel_groups(), prune_channels() and count_macs() need no training step."
        )


def refuse_to_train_inside(model: keras.Model) -> None:
    """Raises where another model calls this one in order to train it.

    Args:
        model: The model that is called.

    Raises:
        ValueError: If the call comes from another model, and there is something to train.
    """
    # Private: nothing else tells a layer which model called it.
    context = global_state.get_global_attribute("current_call_ctx")
    outer = None if context is None else context.entry_layer
    if outer is not None and outer is not model and model.trainable_variables:
        raise ValueError(
            f"'{model.name}' (of type {type(model).__name__}) is trained inside "
            f"'{outer.name}' (of type {type(outer).__name__}), where its switcher's turns, warm-up "
            "and budget would be lost: only its own fit() knows of them. Build the outer network "
            f"around the task network '{model.task.name}' and pass that one to SwitcherModel; or "
            f"train '{model.name}' alone and put its compact() inside; or set its `trainable` to "
            "False."
        )


def refuse_unknown_macs(budget: Budget, channel_graph: ChannelGraph) -> None:
    """Raises for a budget of MACs where some are not known, and none was told to leave them out.

    Args:
        budget: The budget.
        channel_graph: The task network's `ChannelGraph`.

    Raises:
        ValueError: With the reason for each layer whose MACs are not known.
    """
    if budget.of != "macs":
        return
    unknown = unknown_macs(channel_graph)
    none_known = not any(kernel.cost("macs") for kernel in channel_graph.kernels)
    if none_known or (unknown and budget.unknown == "refuse"):
        reasons = "; ".join(f"'{name}': {why}" for name, why in unknown.items()) or "any layer"
        leave_out = (
            "" if none_known else ' Or take a share of the others: Budget(unknown="leave_out").'
        )
        raise ValueError(
            f"A budget of MACs needs to know them, and it does not know those of {reasons}. Ask "
            'for a share of the weights, Budget(of="weights"), or build the task network with a '
            f"fixed keras.Input(shape), where an open size is the reason.{leave_out}"
        )
