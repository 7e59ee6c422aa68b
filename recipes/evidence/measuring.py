"""What a row says about the network that a trial ended with."""

import keras
import numpy as np

import keras_switcher as ks
from keras_switcher.graph.channel_graph import ChannelGraph
from recipes.evidence.outcome import Outcome
from recipes.evidence.treatments import Trial
from recipes.evidence.written import write_structure

TIE = 1e-5


def measure(trial: Trial, outcome: Outcome) -> dict:
    """Measures on the held-out samples.

    Returns:
        Fields of a row. A switched network is measured with its gates and again compacted;
        without a compact network, because a group has become empty, those fields are None.
    """
    held_out = trial.data.held_out
    x, y = held_out
    outputs = outcome.model.predict(x, verbose=0, batch_size=500)
    row = {
        "measured_on": trial.data.split,
        "accuracy": held_out.accuracy(outputs),
        "loss": round(_cross_entropy(outputs, y), 6),
        "epochs": outcome.epochs,
        "weights_removed": 0.0,
        "macs_removed": 0.0,
    }
    if outcome.keep is not None:
        row["structure"] = write_structure(outcome.keep)
        row["widths"] = _widths(trial.network(), outcome.keep)
        switched = isinstance(outcome.model, ks.SwitcherModel)
        weights, macs = _learned(outcome.model) if switched else _given(trial, outcome.model)
        row |= {"weights_removed": round(weights, 6), "macs_removed": round(macs, 6)}
        if switched:
            row |= _compacted(outcome.model, outputs, held_out)
    return row


def _widths(network, keep):
    """Numbers of channels or connections that are kept, from the input to the output."""
    channel_graph = ChannelGraph(network)
    groups = sorted(
        [*channel_graph.groups, *channel_graph.connections], key=lambda group: group.depth
    )
    return "-".join(str(int(keep[g.name].sum())) for g in groups if g.name in keep)


def _learned(model):
    structure = model.structure()
    return structure.removed("weights"), structure.removed("macs")


def _given(trial, model):
    network = trial.network()
    weights = _weights(model) / _weights(network)
    return 1 - weights, 1 - ks.count_macs(model).total / ks.count_macs(network).total


def _weights(model: keras.Model):
    """Number of the weights of all kernels, as the papers count: no biases."""
    return sum(int(np.prod(w.shape)) for w in model.trainable_variables if len(w.shape) > 1)


def _compacted(model, outputs, held_out):
    try:
        compact = model.compact().predict(held_out.x, verbose=0, batch_size=500)
    except ValueError:  # A group is empty, which the widths show.
        return {"compact_accuracy": None, "classes_changed": None}
    best, second = -np.sort(-outputs, axis=1)[:, :2].T
    tied = best - second <= TIE * np.abs(outputs).max()
    changed = (outputs.argmax(axis=1) != compact.argmax(axis=1)) & ~tied
    return {"compact_accuracy": held_out.accuracy(compact), "classes_changed": int(changed.sum())}


def _cross_entropy(logits, y):
    loss = keras.losses.sparse_categorical_crossentropy(y, logits, from_logits=True)
    return float(keras.ops.mean(loss))
