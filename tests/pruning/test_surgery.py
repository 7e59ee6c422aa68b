"""The smaller model: plain, exact where chains are odd, and nothing of it is shared."""

import keras
import numpy as np
import pytest
from helpers.checks import (
    check_close,
    check_depends,
    check_exact,
    check_independent,
    check_plain,
    copy_of,
    draw_inputs,
    masks_for,
    run_gated,
    with_random_weights,
)
from helpers.networks import lenet5
from keras import layers, ops

from keras_switcher import prune_channels


def check_against(model, copy, keep, scale, x):
    """Gated and compact network equal a copy of the model that was changed by hand."""
    expected = copy(x, training=False)
    check_depends(expected, on=[np.asarray(model(x, training=False))])
    factors = {name: np.float32(keep[name] * scale[name]) for name in keep}
    check_close(run_gated(model, factors, x), expected)
    small = prune_channels(model, keep, scale)
    check_close(small(x, training=False), expected)
    return small


def rows(kernel, factor):
    kernel.assign(kernel * factor[:, None])


def test_dead_positions_are_gathered_and_dead_channels_removed():
    model = with_random_weights(lenet5((6, 8), (9, 4), size=20))
    positions = np.ones((4, 8), bool)
    positions[:, 2] = positions[1, 5] = positions[3, 0] = False
    small = check_exact(model, {"fc1/inputs": positions.reshape(-1)})
    assert small.get_layer("conv2").filters == 7
    assert small.get_layer("fc1").kernel.shape == (26, 9)
    assert small.input_shape == model.input_shape


def test_shared_layer():
    inputs, shared = keras.Input((5,)), layers.Dense(8, activation="tanh", name="shared")
    hidden = layers.Dense(8, name="first")(inputs)
    model = keras.Model(inputs, layers.Dense(3, name="head")(shared(shared(hidden))))
    keep, scale = masks_for(with_random_weights(model))
    copy = copy_of(model)
    rows(copy.get_layer("first").kernel, keep["first/inputs"] * scale["first/inputs"])
    for name in ("shared", "head"):
        rows(copy.get_layer(name).kernel, keep["first"] * scale["first"])
    small = check_against(model, copy, keep, scale, draw_inputs(model))
    assert small.get_layer("shared").kernel.shape == (4, 4)
    check_plain(small, draw_inputs(model))


def test_shared_layer_on_raw_inputs():
    inputs, shared = keras.Input((6,)), layers.Dense(6, activation="tanh", name="shared")
    model = keras.Model(inputs, layers.Dense(3, name="head")(shared(shared(inputs))))
    keep, scale = masks_for(with_random_weights(model))
    copy = copy_of(model)
    rows(copy.get_layer("shared").kernel, keep["shared/inputs"] * scale["shared/inputs"])
    small = check_against(model, copy, keep, scale, draw_inputs(model))
    assert small.get_layer("shared").kernel.shape == (3, 6)


def test_nested_model_that_is_called_twice():
    nested = keras.Sequential([keras.Input((4,)), layers.Dense(7, "relu", name="in")], name="nest")
    nested.add(layers.Dense(4, activation="tanh", name="out"))
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(2, name="head")(nested(nested(inputs))))
    keep, scale = masks_for(with_random_weights(model))
    copy = copy_of(model)
    read = {"in": "out", "in/inputs": "in"}
    assert set(keep) == set(read)
    for name, reader in read.items():
        rows(copy.get_layer("nest").get_layer(reader).kernel, keep[name] * scale[name])
    check_against(model, copy, keep, scale, draw_inputs(model))


TOKENS = np.array([[1, 2, 0, 0, 0, 0], [3, 4, 5, 0, 0, 0], [1, 2, 3, 4, 5, 6]])


def test_masks_of_an_embedding_reach_the_layers_behind_it():
    inputs = keras.Input((6,), dtype="int32")
    x = layers.Embedding(10, 5, mask_zero=True, name="words")(inputs)
    x = layers.Dense(7, activation="tanh", name="mixed")(x)
    model = keras.Model(inputs, layers.Dense(2, name="head")(layers.GlobalAveragePooling1D()(x)))
    keep, scale = masks_for(with_random_weights(model))
    copy = copy_of(model)
    rows(copy.get_layer("mixed").kernel, keep["words"] * scale["words"])
    rows(copy.get_layer("head").kernel, keep["mixed"] * scale["mixed"])
    small = check_against(model, copy, keep, scale, TOKENS)
    assert small.get_layer("words").output_dim == keep["words"].sum()


def test_masks_reach_the_layers_behind_a_gather():
    inputs = keras.Input((6, 5))
    x = layers.Dense(7, activation="tanh", name="mixed")(layers.Masking()(inputs))
    model = keras.Model(inputs, layers.Dense(2, name="head")(layers.GlobalAveragePooling1D()(x)))
    keep, scale = masks_for(with_random_weights(model))
    copy = copy_of(model)
    rows(copy.get_layer("mixed").kernel, keep["mixed/inputs"] * scale["mixed/inputs"])
    rows(copy.get_layer("head").kernel, keep["mixed"] * scale["mixed"])
    x = np.random.default_rng(0).normal(size=(3, 6, 5)) * (TOKENS > 0)[..., None]
    check_against(model, copy, keep, scale, np.float32(x))


def test_dicts_of_inputs_and_outputs():
    inputs = {"b": keras.Input((3,), name="b"), "a": keras.Input((4,), name="a")}
    heads = {
        name: layers.Dense(2, name=f"head_{name}")(layers.Dense(6, name=f"hidden_{name}")(tensor))
        for name, tensor in inputs.items()
    }
    model = with_random_weights(keras.Model(inputs, heads))
    keep, scale = masks_for(model)
    copy = copy_of(model)
    for name in keep:
        reader = name[:-7] if name.endswith("/inputs") else name.replace("hidden", "head")
        rows(copy.get_layer(reader).kernel, keep[name] * scale[name])
    x = draw_inputs(model)
    small, expected = prune_channels(model, keep, scale)(x), copy(x)
    assert set(small) == {"a", "b"}
    for name in small:
        check_close(small[name], expected[name])


def test_adapted_normalization_goes_on_normalizing():
    normalization = layers.Normalization()
    normalization.adapt(np.random.default_rng(0).normal(3, 5, size=(100, 4)))
    model = keras.Sequential([keras.Input((4,)), normalization, layers.Dense(6, name="hidden")])
    model.add(layers.Dense(2, name="head"))
    x = draw_inputs(model)
    keep = np.array([1, 1, 0, 1, 0, 1], bool)
    expected = (model.get_layer("hidden")(normalization(x)) * keep) @ model.get_layer("head").kernel
    check_close(prune_channels(model, {"hidden": keep})(x), expected)


MODES = {"call": {}, "train": {"training": True}, "infer": {"training": False}}


@pytest.mark.parametrize("training", [True, False, None])
def test_training_flag_of_a_nested_call_stays(training):
    nested = keras.Sequential([keras.Input((4,)), layers.Dense(5), layers.BatchNormalization()])
    inputs = keras.Input((4,))
    flag = {} if training is None else {"training": training}
    model = with_random_weights(keras.Model(inputs, layers.Dense(2)(nested(inputs, **flag))))
    small = prune_channels(model, {})
    x = draw_inputs(model)
    expected = {mode: model(x, **options) for mode, options in MODES.items()}
    check_depends(expected["train"], on=[np.asarray(expected["infer"])])
    for mode, options in MODES.items():
        check_close(small(x, **options), expected[mode])


def test_settings_of_layers_stay():
    model = keras.Sequential(
        [keras.Input((4,)), layers.Dense(5, kernel_regularizer="l2", name="a")]
    )
    model.add(layers.BatchNormalization(trainable=False, momentum=0.9, name="norm"))
    model.add(layers.Dense(2, trainable=False, bias_constraint="non_neg", name="head"))
    small = prune_channels(with_random_weights(model), {"a": np.array([1, 0, 1, 1, 0], bool)})
    sizes = {"units": 3}
    for layer in model.layers:
        config, new = layer.get_config(), small.get_layer(layer.name).get_config()
        assert new == {**config, **(sizes if layer.name == "a" else {})}


@pytest.mark.parametrize(
    ("layer", "weight"), [("hidden", "kernel"), ("norm", "moving_variance"), ("norm", "gamma")]
)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_broken_weights_are_named(layer, weight, value):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(5, name="hidden")])
    model.add(layers.BatchNormalization(name="norm"))
    model.add(layers.Dense(2, name="head"))
    broken = getattr(model.get_layer(layer), weight)
    values = np.asarray(ops.convert_to_numpy(broken)).copy()
    values.flat[1] = value
    broken.assign(values)
    with pytest.raises(ValueError, match=f"'{weight}' of layer '{layer}' has 1 NaN or infinite"):
        prune_channels(model, {"hidden": np.array([1, 1, 1, 1, 0], bool)})


def test_compact_model_reloads_and_is_pruned_again_in_a_new_process(tmp_path):
    keras.utils.clear_session()  # Names of operations are counted from zero, as in a new process.
    model = with_random_weights(lenet5((6, 8), (9, 4), size=20))
    positions = np.arange(32) % 5 > 0
    prune_channels(model, {"fc1/inputs": positions}).save(tmp_path / "small.keras")
    keras.utils.clear_session()
    small = keras.saving.load_model(tmp_path / "small.keras")
    keep = np.arange(positions.sum()) > 4
    smaller = prune_channels(small, {"fc1/inputs": keep})
    both = positions.copy()
    both[positions] = keep
    x = draw_inputs(model)
    check_close(smaller(x), prune_channels(model, {"fc1/inputs": both})(x))


def test_nothing_is_shared_with_a_model_that_trained():
    model = with_random_weights(lenet5((6, 8), (9, 4), size=20))
    x = draw_inputs(model)
    model.compile("sgd", "mse", run_eagerly=True)
    model.train_on_batch(x, np.ones((len(x), 4), "float32"))
    config = model.get_config()
    small = prune_channels(model, *masks_for(model))
    check_independent(model, small, x)
    assert model.get_config() == config


def test_compact_model_can_start_again_from_its_own_initializers():
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, kernel_initializer="he_normal", name="hidden"),
            layers.BatchNormalization(gamma_initializer=keras.initializers.Constant(0.5)),
            layers.Dense(3, bias_initializer="ones"),
        ]
    )
    small = prune_channels(model, *masks_for(model))
    for old, new in zip(model.layers, small.layers[1:], strict=True):
        initializers = {k: v for k, v in old.get_config().items() if k.endswith("initializer")}
        assert initializers.items() <= new.get_config().items()
    fresh = keras.models.clone_model(small)
    assert np.std(fresh.get_layer("hidden").kernel) > 0


def test_a_single_frozen_weight_stays_frozen():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(5, name="half"), layers.Dense(2)])
    model.get_layer("half").kernel.trainable = False
    small = prune_channels(with_random_weights(model), {"half": np.arange(5) > 1})
    assert [v.path for v in small.non_trainable_variables] == ["half/kernel"]
    assert [v.name for v in small.trainable_variables] == ["bias", "kernel", "bias"]
