"""The task's loss of a batch, as it is reported and as a budget compares it."""

import inspect
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import keras
from keras import ops

from keras_switcher.tensors import Tensor


def unpacked(model: keras.Model, data: Any) -> tuple:
    """Inputs, labels and sample weights of a batch.

    Args:
        model: A compiled model.
        data: What Keras passes to a step.

    Raises:
        ValueError: If a loss lacks its labels.
    """
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    if y is None and model.loss is not None:
        raise ValueError(
            "A batch without labels was passed to fit() or evaluate(). The task network and "
            "the switcher are trained on the task's loss: pass y, or a dataset of (x, y) pairs."
        )
    return x, y, sample_weight


def reported_loss(
    model: keras.Model,
    mean_loss: keras.metrics.Metric,
    x: Any,
    y: Any,
    y_pred: Any,
    sample_weight: Any,
    training: bool,
    added: Iterable = (),
) -> Tensor:
    """The task's loss, and its report: that of every pass.

    Both networks are trained on it: equations 5 to 7 of arXiv 2110.05954 are its gradients.

    Args:
        model: A compiled model.
        mean_loss: Takes in what is reported, as Keras does per output.
        x: Inputs.
        y: Labels.
        y_pred: Outputs.
        sample_weight: Weights of the samples, or None.
        training: Whether the model is being trained.
        added: Losses that layers have added in a scope of their own.
    """
    # Without a loss of its own and without labels, Keras knows of none.
    has_own = model.loss is not None or not added
    loss = _loss(model, x, y, y_pred, sample_weight, training) if has_own else 0.0
    replicas = model.distribute_strategy.num_replicas_in_sync
    loss += sum(map(ops.sum, added)) / replicas
    first = next(values for values in keras.tree.flatten(x) if values is not None)
    mean_loss.update_state(loss * replicas, sample_weight=ops.shape(first)[0])
    return loss


def compared_losses(
    model: keras.Model, loss: Tensor, x: Any, y: Any, y_pred: Any, sample_weight: Any
) -> dict[str, Tensor]:
    """The task's `loss` and that of `shuffled` outputs, without what layers and regularizers add.

    Shuffled, each sample has the outputs of the one before it. A network that has learned something
    of its inputs does much better than that.

    Args:
        model: A compiled model.
        loss: What `reported_loss` returned.
        x: Inputs.
        y: Labels.
        y_pred: Outputs.
        sample_weight: Weights of the samples, or None.

    Returns:
        This replica's part of both.
    """
    added = ops.cast(sum(map(ops.sum, model.losses)), loss.dtype)
    added = added / model.distribute_strategy.num_replicas_in_sync
    shuffled = _shuffled_loss(model, x, y, y_pred, sample_weight)
    return {"loss": loss - added, "shuffled": shuffled - added}


def _shuffled_loss(model: keras.Model, x: Any, y: Any, y_pred: Any, sample_weight: Any) -> Tensor:

    def other(outputs: Any) -> Any:
        return ops.roll(outputs, 1, axis=0) if len(outputs.shape) else outputs

    # In a scope the loss's own metrics stay as they are; regularizers look for weights there.
    regularized = [(w, w.value) for w in model.variables if getattr(w, "regularizer", None)]
    with keras.StatelessScope(regularized):
        others = keras.tree.map_structure(other, y_pred)
        return _loss(model, x, y, others, sample_weight, training=True)


def _loss(
    model: keras.Model, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool
) -> Tensor:
    """What `compute_loss` returns; that of a subclass may have no argument `training`."""
    function = getattr(model.compute_loss, "__func__", model.compute_loss)
    arguments = {"training": training} if _takes_training(function) else {}
    return model.compute_loss(x, y, y_pred, sample_weight, **arguments)


@lru_cache(maxsize=16)  # Bounded: a function of a model that is gone need not be kept.
def _takes_training(compute_loss: Callable) -> bool:
    return "training" in inspect.signature(compute_loss).parameters
