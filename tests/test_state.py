"""State that layers keep besides their weights goes on everywhere, as in the task network."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from toys import data, fit, mlp, switched

from keras_switcher.layers import Gated
from keras_switcher.switchers import FreeFactors, RowSwitcher


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


class Failing(layers.Dense):
    def call(self, inputs):
        self.bias.assign_add(ops.ones_like(self.bias))
        raise RuntimeError("after an assignment")


def test_nothing_is_kept_of_a_call_that_failed():
    gate = Gated(Failing(3))
    gate.build((None, 4))
    with pytest.raises(RuntimeError, match="after an assignment"):
        gate(np.ones((2, 4), "float32"), np.ones(4, "float32"))
    assert not gate.layer.bias.numpy().any()


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
        losses[type(switcher)] = fit(model, x, y, validation_data=(x, y), batch_size=32)
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
    assert model.evaluate(x, y, batch_size=32, verbose=0)[0] == pytest.approx(loss, rel=1e-5)
