"""The fused batch normalization is Keras's: outputs, gradients, statistics, surgery."""

import keras
import numpy as np
import pytest

import keras_switcher as ks
from recipes.networks.normalization import FusedBatchNormalization

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

LAYERS = (keras.layers.BatchNormalization, FusedBatchNormalization)


def random_weights(layer):
    random = np.random.default_rng(0)
    layer.set_weights([random.uniform(0.5, 2, w.shape) for w in layer.weights])


@pytest.mark.only("tensorflow", reason="Its kernel is compared, on its tape.")
@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_training_is_that_of_keras_layer(precision):
    random = np.random.default_rng(1)
    policy = keras.DTypePolicy(precision)
    x = tf.constant(random.normal(1, 2, (4, 5, 5, 6)), policy.compute_dtype)
    weights = tf.constant(random.normal(size=x.shape), "float32")
    results = []
    for kind in LAYERS:
        layer = kind(momentum=0.9, epsilon=1e-5, dtype=policy)
        layer.build(x.shape)
        random_weights(layer)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=True)
            loss = tf.reduce_sum(tf.cast(y, "float32") * weights)
        assert y.dtype == policy.compute_dtype
        gradients = tape.gradient(loss, [x, layer.gamma.value, layer.beta.value])
        results.append([tf.cast(v, "float32") for v in (y, *gradients, *layer.variables)])
    for of_keras, fused in zip(*results, strict=True):
        np.testing.assert_allclose(fused, of_keras, rtol=1e-5, atol=1e-5)


def test_a_call_in_training_moves_the_statistics_as_keras_layer_does():
    x = np.random.default_rng(1).normal(1, 2, (4, 5, 5, 6)).astype("float32")
    results = []
    for kind in LAYERS:
        layer = kind(momentum=0.9)
        layer.build(x.shape)
        random_weights(layer)
        y = layer(x, training=True)
        results.append([keras.ops.convert_to_numpy(v) for v in (y, *layer.variables)])
    for of_keras, fused in zip(*results, strict=True):
        np.testing.assert_allclose(fused, of_keras, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("frozen", [False, True])
def test_inference_and_frozen_layers_take_the_statistics(frozen):
    x = np.random.default_rng(0).normal(size=(4, 5, 5, 6)).astype("float32")
    outputs = []
    for kind in LAYERS:
        layer = kind()
        layer.build(x.shape)
        random_weights(layer)
        layer.trainable = not frozen
        outputs.append(keras.ops.convert_to_numpy(layer(x, training=frozen)))
    np.testing.assert_array_equal(*outputs)


def test_channels_are_cut_from_it():
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(6, 3, use_bias=False, name="conv")(image)
    x = keras.layers.ReLU()(FusedBatchNormalization(name="norm")(x))
    network = keras.Model(image, keras.layers.Dense(2)(keras.layers.Flatten()(x)))
    random_weights(network.get_layer("norm"))
    compact = ks.prune_channels(network, {"conv": np.arange(6) % 2 == 0})
    assert compact.get_layer("norm").gamma.shape == (3,)
