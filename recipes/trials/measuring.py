"""Measuring a trial that has ended: accuracy, costs, widths, and what compaction changes."""

import keras
import numpy as np

import keras_switcher as ks
from keras_switcher.graph.channel_graph import ChannelGraph
from recipes.drawing import dense_inputs
from recipes.rows import surroundings
from recipes.trials.costs import costs_of
from recipes.trials.encoding import encode_counts, encode_structure
from recipes.trials.trial import Outcome, Trial

# Factors of more inputs would be most of a row.
MOST_FACTORS = 1024
# Outputs nearer than this, as a share of the largest, count as equal.
TIE = 1e-5


def row_of(trial: Trial, outcome: Outcome) -> dict:
    """The row of a trial that has ended, with what decided on it."""
    row = {"experiment": trial.experiment.name, "seed": trial.seed, **measure(trial, outcome)}
    row |= costs_of(trial.phases, row["macs"], trial.settings.epochs)
    row |= {"seconds": round(trial.seconds, 1), **surroundings()}
    row["settings"] = trial.experiment.described()
    if outcome.history:
        row["counts"] = encode_counts(outcome.history.epochs)
    return row


def measure(trial: Trial, outcome: Outcome) -> dict:
    """Fields of a row, measured on the held-out samples.

    A switched network is measured with its gates and again compacted; without a compact network,
    because a group has become empty, those fields are None.
    """
    held_out, model = trial.data.held_out, outcome.model
    outputs = _outputs(model, held_out)
    loss = keras.losses.sparse_categorical_crossentropy(held_out.y, outputs, from_logits=True)
    row = {
        "measured_on": trial.data.split,
        "accuracy": held_out.accuracy(outputs),
        "loss": round(float(keras.ops.mean(loss)), 6),
        "epochs": outcome.epochs,
        "weights_removed": 0.0,
        "macs_removed": 0.0,
        "widths": "",
    }
    network = trial.network()
    row["macs"] = ks.count_macs(network).total  # Of the dense network.
    if outcome.keep is not None:
        row["structure"] = encode_structure(outcome.keep)
        row["widths"] = _widths(model, network, outcome.keep)
        if isinstance(model, ks.SwitcherModel):
            costs = dict.fromkeys(("weights", "macs", trial.settings.budget_of))
            removed = {of: model.structure().removed(of) for of in costs}
            row |= _compacted(model, network, outputs, held_out)
            if trial.settings.groups == "dense":
                row |= _factors(model)
        else:
            removed = {"weights": 1 - _weights(model) / _weights(network)}
            removed["macs"] = 1 - ks.count_macs(model).total / row["macs"]
        row |= {f"{of}_removed": round(share, 6) for of, share in removed.items()}
    return row


def _widths(model, network, keep):
    """Numbers of channels or connections that are kept, from the input to the output.

    A switched network may have groups that no other has: the inputs of each dense layer.
    """
    is_switched = isinstance(model, ks.SwitcherModel)
    graph = model.gated.channel_graph if is_switched else ChannelGraph(network)
    groups = sorted([*graph.groups, *graph.connections], key=lambda group: group.depth)
    return "-".join(str(int(keep[g.name].sum())) for g in groups if g.name in keep)


def _weights(model):
    """Number of the weights of all kernels, as the papers count: no biases."""
    return sum(int(np.prod(w.shape)) for w in model.trainable_variables if len(w.shape) > 1)


def _dense_weights(model):
    """Number of the weights of dense layers."""
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    return sum(int(np.prod(layer.kernel.shape)) for layer in dense)


def _factors(model):
    """Those of what the first dense layer reads, where they are not too many."""
    factors = model.scaling_factors().get(dense_inputs(model), ())
    if not 0 < len(factors) <= MOST_FACTORS:
        return {}
    return {"factors": [round(float(factor), 3) for factor in factors]}


def _compacted(model, network, outputs, held_out):
    try:
        small = model.compact()
    except ValueError:  # A group is empty, which the widths show.
        return {"compact_accuracy": None, "classes_changed": None}
    compact = _outputs(small, held_out)
    best, second = -np.sort(-outputs, axis=1)[:, :2].T
    tied = best - second <= TIE * np.abs(outputs).max()
    changed = (outputs.argmax(axis=1) != compact.argmax(axis=1)) & ~tied
    row = {"compact_accuracy": held_out.accuracy(compact), "classes_changed": int(changed.sum())}
    if dense := _dense_weights(network):  # What the papers count where only these have factors.
        row["dense_weights_removed"] = round(1 - _dense_weights(small) / dense, 6)
    return row


def _outputs(model, held_out):
    return model.predict(held_out.x, verbose=0, batch_size=500).astype("float32")
