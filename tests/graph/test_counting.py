"""Counts agree with closed forms, and what is said to be left with what is left."""

import keras
import numpy as np
import pytest
from checks import masks_for, randomise
from keras import layers
from networks import lenet5, mlp

from keras_switcher import Structure, count_macs, count_parameters, prune_channels
from keras_switcher.graph.anatomy import Anatomy
from keras_switcher.graph.compaction import compact
from keras_switcher.graph.counting import remaining
from keras_switcher.graph.planning import plan_removal


def vgg_cov2():
    """Two convolutions and three dense layers, without biases."""

    def conv(name):
        return layers.Conv2D(64, 3, padding="same", use_bias=False, name=name)

    dense = [
        layers.Dense(n, use_bias=False, name=f"fc{n}_{i}") for i, n in enumerate((256, 256, 10))
    ]
    parts = [conv("conv1"), conv("conv2"), layers.MaxPooling2D(), layers.Flatten(), *dense]
    return keras.Sequential([keras.Input((32, 32, 3)), *parts])


@pytest.mark.parametrize(
    ("make", "weights", "macs"),
    [
        (mlp, 266_200, 266_200),
        (lenet5, 430_500, 2_293_000),
        (vgg_cov2, 4_300_992, 43_780_608),
    ],
)
def test_the_papers_networks(make, weights, macs):
    model = make()
    assert count_parameters(model).total == weights
    assert count_macs(model).total == macs
    assert remaining(Anatomy(model)) == {"weights": weights, "parameters": weights, "macs": macs}


@pytest.mark.parametrize(
    ("kept", "removed"),
    [([456, 134, 45], 74.61), ([756, 287, 92], 8.23)],
)
def test_kept_units_of_the_papers_tables_give_its_share_of_removed_weights(kept, removed):
    sizes = {"fc1/inputs": 784, "fc1": 300, "fc2": 100}
    keep = {n: np.arange(size) < k for (n, size), k in zip(sizes.items(), kept, strict=True)}
    anatomy = Anatomy(mlp())
    left = remaining(anatomy, plan_removal(anatomy, keep))["weights"]
    assert 100 * (1 - left / 266_200) == pytest.approx(removed, abs=0.05)


def test_per_layer():
    assert count_macs(lenet5()) == {
        "conv1": 24 * 24 * 5 * 5 * 20,
        "conv2": 8 * 8 * 5 * 5 * 20 * 50,
        "fc1": 800 * 500,
        "fc2": 500 * 10,
    }
    model = keras.Sequential([keras.Input((6, 4)), layers.Dense(3, name="steps")])
    model.add(layers.BatchNormalization(name="norm"))
    assert count_macs(model) == {"steps": 6 * 4 * 3}
    assert count_parameters(model) == {"steps": 4 * 3 + 3, "norm": 4 * 3}
    assert str(count_parameters(model)).split() == ["steps", "15", "norm", "12", "total", "27"]


def twins_and_shared():
    """Two layers of one name in nested models, and a layer that is used twice."""

    def nested(name):
        return keras.Sequential([keras.Input((4,)), layers.Dense(4, name="dense")], name=name)

    inputs, shared = keras.Input((4,)), layers.Dense(4, name="shared")
    outputs = layers.Dense(2, name="head")(shared(shared(nested("one")(nested("two")(inputs)))))
    return randomise(keras.Model(inputs, outputs))


def test_parameters_count_once_and_macs_with_every_call():
    model = twins_and_shared()
    assert count_parameters(model).total == model.count_params()
    assert count_macs(model) == {"dense": 16, "dense:1": 16, "shared": 2 * 16, "head": 8}


def conv_chain():
    parts = [
        keras.Input((10, 10, 2)),
        layers.Conv2D(6, 3, strides=2, padding="same"),
        layers.BatchNormalization(),
        layers.PReLU(),
        layers.Conv2D(5, 2, dilation_rate=2),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(7),
        layers.Dense(3),
    ]
    return randomise(keras.Sequential(parts))


def mixer():
    """Layers that mix positions: the channels of another layer lie along theirs."""
    x = inputs = keras.Input((4, 6))
    x = y = layers.Dense(8, "relu", name="embed")(x)
    shared = layers.Dense(4, name="mix_back")
    y = layers.Dense(16, "gelu", name="mix")(layers.Permute((2, 1))(y))
    y = shared(layers.Dense(16, name="mix_again")(y))
    y = layers.EinsumDense("abc,cd->abd", (8, 4), bias_axes="d", name="einsum")(y)
    outputs = layers.Dense(3)(layers.GlobalAveragePooling1D()(layers.Permute((2, 1))(y)))
    return randomise(keras.Model(inputs, [outputs, layers.Dense(2)(layers.Flatten()(x))]))


@pytest.mark.parametrize("make", [conv_chain, twins_and_shared, mixer])
@pytest.mark.parametrize("removed", [0.3, 0.6])
def test_remaining_is_what_the_compact_model_has(make, removed):
    model = make()
    keep, scale = masks_for(model, removed, seed=2)
    small, anatomy = prune_channels(model, keep, scale), Anatomy(model)
    factors = {name: keep[name] * scale[name] for name in keep}
    left = remaining(anatomy, plan_removal(anatomy, factors))
    assert left["parameters"] == small.count_params() < model.count_params()
    assert left["parameters"] == count_parameters(small).total
    kernels = [layer.kernel for layer in small._flatten_layers() if hasattr(layer, "kernel")]
    assert left["weights"] == sum(int(np.prod(kernel.shape)) for kernel in kernels)
    assert left["macs"] == count_macs(small).total


def frozen_unknown():
    model = keras.Sequential([keras.Input((6, 4)), layers.Dense(5, name="known")])
    model.add(layers.LSTM(3, trainable=False, name="unknown"))
    return model


def quantized():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(5, name="known")])
    model.add(layers.Dense(3, name="unknown"))
    model.get_layer("unknown").quantize("int8")
    return model


def open_size():
    return keras.Sequential([keras.Input((None, None, 2)), layers.Conv2D(4, 3, name="unknown")])


@pytest.mark.parametrize("make", [frozen_unknown, quantized, open_size])
def test_macs_that_are_not_known_are_not_made_up(make):
    with pytest.raises(ValueError, match="The MACs of 'unknown' are not known"):
        count_macs(make())
    assert remaining(Anatomy(make()))["macs"] is None


def test_matrices_of_unknown_layers_count_as_weights():
    left = remaining(Anatomy(frozen_unknown()))
    assert left["weights"] == 4 * 5 + 5 * 4 * 3 + 3 * 4 * 3
    assert left["parameters"] == frozen_unknown().count_params()


def test_alphas_are_no_weights():
    model = conv_chain()
    kernels = [layer.kernel for layer in model.layers if hasattr(layer, "kernel")]
    total = sum(int(np.prod(kernel.shape)) for kernel in kernels)
    assert remaining(Anatomy(model))["weights"] == total


def test_a_kernel_that_is_once_read_at_an_open_size_has_no_known_macs():
    shared = keras.layers.Dense(5, name="shared")
    open_size, fixed = keras.Input((None, 5)), keras.Input((5,))
    for order in (1, -1):
        outputs = [shared(x) for x in [fixed, open_size][::order]]
        model = keras.Model([fixed, open_size], outputs)
        with pytest.raises(ValueError, match="not known"):
            count_macs(model)
        structure = Structure(Anatomy(model), [], plan_removal(Anatomy(model), {}))
        with pytest.raises(ValueError, match=r"MACs are not known.*keras\.Input"):
            structure.removed("macs")


def test_layers_of_a_branch_that_is_folded_away_do_not_count():
    inputs = keras.Input((8, 8, 3))
    stem = keras.layers.Conv2D(4, 3, padding="same", name="stem")(inputs)
    inner = keras.layers.BatchNormalization()(keras.layers.Conv2D(5, 1, name="inner")(stem))
    inner = keras.layers.Conv2D(6, 3, padding="same", name="behind")(inner)
    back = keras.layers.Conv2D(4, 1, name="back")(keras.layers.ReLU()(inner))
    outputs = keras.layers.Add()([stem, back])
    outputs = keras.layers.Dense(2, name="dense")(keras.layers.Flatten()(outputs))
    model = randomise(keras.Model(inputs, outputs))
    anatomy = Anatomy(model)
    plan = plan_removal(anatomy, {"inner": np.zeros(5)})
    small = plan.apply(model)
    left = remaining(anatomy, plan)
    assert left["parameters"] == small.count_params()
    kernels = [small.get_layer(name).kernel for name in ("stem", "dense")]
    assert left["weights"] == sum(int(np.prod(kernel.shape)) for kernel in kernels)
    assert left["macs"] == count_macs(small).total


def unread():
    """A product is read by a convolution alone, of which nothing may be left."""
    inputs = keras.Input((4, 4, 3))
    x = layers.Conv2D(6, 3, padding="same", activation="relu", name="stem")(inputs)
    gate = layers.Conv2D(6, 1, name="gate")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    y = layers.Conv2D(5, 3, padding="same", name="side")(layers.Multiply()([x, gate]))
    x = layers.GlobalAveragePooling2D()(layers.Concatenate()([x, y]))
    return randomise(keras.Model(inputs, layers.Dense(3, name="head")(x)))


def test_what_nothing_reads_any_more_does_not_count():
    model = unread()
    anatomy = Anatomy(model)
    plan = plan_removal(anatomy, {"side": np.zeros(5), "stem": np.float32([1, 0, 1, 1, 1, 1])})
    small = plan.apply(model)
    assert {"gate", "side"}.isdisjoint(layer.name for layer in small.layers)
    left = remaining(anatomy, plan)
    assert left["parameters"] == small.count_params()
    assert left["weights"] == sum(int(np.prod(w.shape)) for w in small.weights if w.ndim > 1)
    assert left["macs"] == count_macs(small).total


def test_new_biases_of_what_is_folded_away_do_not_count():
    inputs = keras.Input((4,))
    x = layers.Dense(3, name="stem")(inputs)
    y = layers.Dense(5, "relu", name="mid")(x)
    y = layers.Dense(3, use_bias=False, name="out")(y)
    model = randomise(keras.Model(inputs, layers.Dense(2)(layers.Add()([x, y]))))
    cut = np.zeros((3, 5), "float32")
    cut[0, 0] = 1
    factors = {"mid": np.float32([0, 1, 1, 1, 1]), "mid/connections": cut}
    anatomy = Anatomy(model)
    plan = plan_removal(anatomy, factors)
    assert remaining(anatomy, plan)["parameters"] == compact(anatomy, plan).count_params()
