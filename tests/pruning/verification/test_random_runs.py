"""Networks with functions that nobody knows are compared on more than one batch."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_switcher import prune_channels
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.pruning.verification.random_runs import RandomRuns

tf = pytest.importorskip("tensorflow")
pytestmark = pytest.mark.only("tensorflow", reason="Its functions are TensorFlow's.")


def further_runs(*parts):
    runs = RandomRuns(ChannelGraph(keras.Sequential([keras.Input((4,)), *parts])), {}, [])
    draw, _, _ = runs.first()
    return list(runs.more(draw))


@pytest.mark.parametrize(
    "part",
    [
        layers.Lambda(tf.tanh),
        layers.Activation(tf.nn.gelu),
        layers.Dense(3, activation=lambda x: x / 2),
        layers.Activation(layers.Activation(tf.nn.relu6)),
    ],
)
def test_further_samples_are_run_one_by_one_larger_and_smaller(part):
    found = further_runs(layers.Dense(5), part)
    assert [len(inputs) for inputs, _ in found] == [1, 1, 1, 1]
    sizes = [float(np.abs(inputs).max()) for inputs, _ in found]
    assert sizes[2] > 10 > 5 > sizes[0] > 0.2 > sizes[3]


@pytest.mark.parametrize("known", ["relu", keras.activations.softmax, layers.ReLU(), None])
def test_one_batch_is_enough_where_all_is_known(known):
    assert further_runs(layers.Dense(5, activation=known), layers.Dense(2)) == []


def largest(x):
    return tf.reduce_max(tf.abs(x))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: tf.where(largest(x) > 50, 2 * x, x),
        lambda x: x + tf.nn.relu(largest(x) - 50),
        lambda x: tf.cond(tf.reduce_any(tf.abs(x) > 50), lambda: -x, lambda: x),
        lambda x: tf.clip_by_norm(x, 40.0),
    ],
)
def test_further_samples_show_what_one_batch_hides(function, monkeypatch):
    """Were the trial wrong: only what is removed is ever large, and in no usual batch."""
    monkeypatch.setattr("keras_switcher.graph.elementwise.why_not_elementwise", lambda *args: None)
    made, inputs = layers.Dense(3, name="made"), keras.Input((3,))
    model = keras.Model(inputs, layers.Dense(2)(layers.Lambda(function, name="odd")(made(inputs))))
    made.kernel.assign(np.diag([0.1, 0.1, 5]))
    keep = {"made": np.arange(3) < 2}
    with pytest.raises(ValueError, match=r"they differ from 'odd' \(of type Lambda\) on"):
        prune_channels(model, keep)
    monkeypatch.setattr("keras_switcher.pruning.verification.random_runs._SCALES", ())
    prune_channels(model, keep)
