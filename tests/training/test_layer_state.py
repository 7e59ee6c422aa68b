"""State that layers keep besides their weights goes on everywhere, as in the task network."""

import keras
import numpy as np
import pytest
from helpers.toys import data, fit, mlp, stepped, switched
from keras import layers, ops

from keras_switcher.layers import Gated
from keras_switcher.switchers import FreeFactors, RowSwitcher

NO_TRACERS = pytest.mark.only(
    "tensorflow", "torch", reason="JAX's conditions and loops cannot assign, whoever's layer it is."
)


class Noise(layers.Layer):
    """Draws in inference too, from a seed that moves with each call."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed = keras.random.SeedGenerator(0)

    def call(self, inputs):
        return inputs + keras.random.normal(ops.shape(inputs), seed=self.seed)


class Counting(layers.Dense):
    """Counts its calls, and measures what passes."""

    def build(self, shape):
        super().build(shape)
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False, name="calls")
        self.size = keras.metrics.Mean(name="size")

    def call(self, inputs):
        self.calls.assign_add(1)
        outputs = super().call(inputs)
        self.size.update_state(ops.mean(ops.abs(outputs)))
        return outputs


def network(layer):
    inputs = keras.Input((4,))
    return keras.Model(inputs, layers.Dense(3)(layer(layers.Dense(8, "relu")(inputs))))


@pytest.mark.parametrize("eager", [True, False])
def test_predict_draws_anew_for_each_batch(eager):
    model = switched(network(Noise()), compiled={"run_eagerly": eager})
    x = np.repeat(data()[0][:1], 8, axis=0)
    outputs = [model.predict(x, batch_size=4, verbose=0) for _ in range(2)]
    first, second, third, _ = np.split(np.concatenate(outputs), 4)
    assert not np.allclose(first, second)
    assert not np.allclose(first, third)


def test_metrics_of_layers_see_validation():
    model = switched(network(Counting(5, name="counting")), rate=0.0)
    x, y = data()
    history = fit(model, x, y, validation_data=(x, y), batch_size=32)
    assert history["size"][0] > 0
    assert history["val_size"] == pytest.approx(history["size"], rel=1e-5)


@pytest.mark.only("tensorflow", "torch", reason="Keras's predict() keeps no such state under JAX.")
def test_recurrent_layers_keep_their_state():
    inputs = keras.Input(batch_shape=(4, 3, 2))
    recurrent = layers.GRU(5, stateful=True)
    x = layers.Dense(4, "relu")(recurrent(inputs))
    model = switched(keras.Model(inputs, layers.Dense(3)(x)))
    x = np.ones((4, 3, 2), "float32")
    first, second = (model.predict(x, verbose=0) for _ in range(2))
    assert not np.allclose(first, second)
    recurrent.reset_state()
    np.testing.assert_array_equal(model.predict(x, verbose=0), first)


def test_gated_layers_keep_their_state():
    gate = Gated(Counting(3, name="counting"))
    for _ in range(3):
        gate(np.ones((2, 4), "float32"), np.ones(4, "float32"))
    assert float(gate.layer.calls) == 3


class Conditional(layers.Dense):
    """Counts in a branch of a condition."""

    def build(self, shape):
        super().build(shape)
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False, name="calls")

    def call(self, inputs):
        count = ops.cond(ops.size(inputs) > 0, self.count, lambda: 0.0)
        return super().call(inputs) + 0 * count

    def count(self):
        self.calls.assign_add(1)
        return 1.0


class NoisyCell(layers.SimpleRNNCell):
    """Draws in the loop over time."""

    def __init__(self, units):
        super().__init__(units)
        self.seed = keras.random.SeedGenerator(0)

    def call(self, sequence, states, training=False):
        noisy = sequence + keras.random.normal(ops.shape(sequence), seed=self.seed)
        return super().call(noisy, states, training=training)


@NO_TRACERS
def test_state_may_be_assigned_in_conditions():
    task = network(Conditional(5, name="conditional"))
    model = switched(task, rate=0.0, alternation="joint")
    x, y = data()
    fit(model, x, y, batch_size=8)
    model.predict(x, batch_size=8, verbose=0)
    assert float(task.get_layer("conditional").calls) == 8


@NO_TRACERS
def test_state_may_be_assigned_in_loops():
    inputs = keras.Input((3, 2))
    x = layers.Dense(4, "relu")(layers.RNN(NoisyCell(5))(inputs))
    model = switched(keras.Model(inputs, layers.Dense(3)(x)))
    x = np.ones((4, 3, 2), "float32")
    first, second = (model.predict(x, verbose=0) for _ in range(2))
    assert not np.allclose(first, second)


@pytest.mark.only("tensorflow", reason="JAX cannot assign in conditions; PyTorch compiles nothing.")
def test_gated_layers_may_assign_in_conditions():
    import tensorflow as tf

    gate = Gated(Conditional(3, name="conditional"))
    gate.build((None, 4))
    run = tf.function(lambda inputs: gate(inputs, np.ones(4, "float32")))
    for _ in range(3):
        run(tf.ones((2, 4)))
    assert float(gate.layer.calls) == 3


@keras.saving.register_keras_serializable(package="tests")
class Sparse(RowSwitcher):
    def call(self, records):
        factors = super().call(records)
        self.add_loss(0.1 * sum(map(ops.mean, factors)))
        return factors


@pytest.mark.parametrize("alternation", ["batch", "joint"])
def test_a_loss_of_the_switcher_counts_in_training(alternation):
    x, y = data()
    losses = {}
    for switcher in (Sparse(), RowSwitcher()):
        keras.utils.set_random_seed(1)
        model = switched(mlp(), switcher, rate=0.0, alternation=alternation)
        losses[type(switcher)] = stepped(model, x, y, validation_data=(x, y), batch_size=32)
    factors = model.scaling_factors().values()
    difference = losses[Sparse]["loss"][0] - losses[RowSwitcher]["loss"][0]
    assert difference == pytest.approx(0.1 * sum(f.mean() for f in factors), rel=1e-4)
    assert losses[Sparse]["val_loss"] == pytest.approx(losses[RowSwitcher]["val_loss"])


class Penalised(layers.Layer):
    def call(self, inputs):
        self.add_loss(ops.abs(ops.mean(inputs, axis=0)))
        return inputs


def test_losses_that_are_vectors_are_summed_everywhere():
    model = switched(network(Penalised()), FreeFactors(start="one"), rate=0.0)
    x, y = data()
    loss = fit(model, x, y, batch_size=32)["loss"][0]
    assert model.evaluate(x, y, batch_size=32, verbose=0) == pytest.approx(loss, rel=1e-5)
