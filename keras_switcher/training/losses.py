"""The task's loss of a batch, as it is reported and as a budget compares it."""

import inspect
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import keras
from keras import ops

from keras_switcher.layers.variable_override import ForgottenUpdates
from keras_switcher.tensors import Tensor


def check_labels(model: keras.Model, y: Any) -> None:
    """Raises ValueError if a model's loss lacks its labels.

    Args:
        model: A compiled model.
        y: The labels of a batch, or None.
    """
    if y is None and model.loss is not None:
        raise ValueError(
            "A batch without labels was passed to fit() or evaluate(). The task network and "
            "the switcher are trained on the task's loss: pass y, or a dataset of (x, y) pairs."
        )


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
    loss += sum(map(ops.sum, added)) / model.replicas
    first = next(values for values in keras.tree.flatten(x) if values is not None)
    mean_loss.update_state(loss * model.replicas, sample_weight=ops.shape(first)[0])
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
    # The loss's own metrics stay as they are; regularizers look for their weights in the scope.
    regularized = [(w, w.value) for w in model.variables if getattr(w, "regularizer", None)]
    with ForgottenUpdates(regularized):
        others = keras.tree.map_structure(_shifted, y_pred)
        shuffled = _loss(model, x, y, others, sample_weight, training=True)
        shuffled -= _added(model, loss.dtype)
    return {"loss": loss - _added(model, loss.dtype), "shuffled": shuffled}


def forget_losses(layer: keras.layers.Layer) -> None:
    """Forgets the losses that a layer has added in an earlier pass.

    Keras does that where a layer is called. A switcher is not called in the warm-up, nor by the
    steps of evaluate(), and its losses belong to those passes in which it is.

    Args:
        layer: The layer.
    """
    layer._clear_losses()  # Private: there is no other way to them but a call of the layer.


def _added(model: keras.Model, dtype: str) -> Tensor:
    """What layers and regularizers add: those that the model tells of in this scope."""
    return ops.cast(sum(map(ops.sum, model.losses)), dtype) / model.replicas


def _shifted(outputs: Any) -> Any:
    """Gives each sample the outputs of the one before it."""
    return ops.roll(outputs, 1, axis=0) if len(outputs.shape) else outputs


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
