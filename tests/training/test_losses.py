"""The losses that a budget compares: of outputs and of shuffled ones, without what is added."""

import keras
import numpy as np
import pytest
from helpers.toys import data, mlp, started
from keras import layers, ops

from keras_switcher.training.losses import compared_losses


@keras.saving.register_keras_serializable("tests")
class Adding(layers.Layer):
    """Adds a loss."""

    def call(self, inputs):
        self.add_loss(100 * ops.ones(()))
        return inputs


ADDED = {
    "nothing": mlp,
    "a layer's": lambda: keras.Sequential([keras.Input((4,)), Adding(), mlp()]),
    "of outputs": lambda: mlp(activity_regularizer=keras.regularizers.L2(10.0)),
    "of weights": lambda: mlp(kernel_regularizer=keras.regularizers.L2(10.0)),
    "of two kinds": lambda: mlp(
        activity_regularizer=keras.regularizers.L1(1.0), bias_regularizer=keras.regularizers.L2(1.0)
    ),
}


@pytest.mark.only("tensorflow", "torch", reason="Under JAX added losses are there in a step alone.")
@pytest.mark.parametrize("added", ADDED)
def test_compared_losses_are_without_what_is_added(added):
    x, y = data()
    model = started(ADDED[added])
    outputs = model(x, training=True)
    loss = model.compute_loss(x, y, outputs, None, training=True)
    found = compared_losses(model, loss, x, ops.convert_to_tensor(y), outputs, None)
    scores = ops.convert_to_numpy(outputs)
    for name, values in {"loss": scores, "shuffled": np.roll(scores, 1, axis=0)}.items():
        each = keras.losses.sparse_categorical_crossentropy(y, values, from_logits=True)
        expected = float(np.mean(ops.convert_to_numpy(each)))
        assert float(ops.convert_to_numpy(found[name])) == pytest.approx(expected, abs=1e-4)
