"""Layers that are made of layers are opened, where what is inside computes the same."""

import keras
import numpy as np
import pytest
from helpers.checks import masks_for, with_random_weights
from helpers.composites import (
    Branches,
    ByHand,
    Composite,
    ConvNorm,
    Encoder,
    Join,
    Noisy,
    OtherInTraining,
    Residual,
    Split,
    Stateful,
    Tokens,
    pictures,
)
from helpers.exactness import check_exact_graph
from keras import layers, ops

import keras_switcher as ks
from keras_switcher.graph.tracing import trace


def prunable(model):
    return {group.name for group in ks.channel_groups(model) if group.prunable}


def twice():
    block = ConvNorm(6, name="block")
    return pictures(block, layers.MaxPooling2D(), block)


NETWORKS = {
    "a block": lambda: pictures(ConvNorm(8, name="block")),
    "blocks in a block": lambda: pictures(Residual(8, name="a"), Residual(5, name="b")),
    "several inputs and outputs": lambda: pictures(Split(5, name="split"), Join(7, name="join")),
    "kernels by hand": lambda: pictures(ByHand(9, name="hand")),
    "branches by arguments": lambda: pictures(Branches(6, name="branches")),
    "a block used twice": twice,
    "tokens": lambda: pictures(Tokens(8, name="tokens"), Encoder(12, name="encoder")),
}
PRUNABLE = {
    "a block": {"stem", "block/conv"},
    "blocks in a block": {"stem", "a/blocks_0/conv", "b/blocks_0/conv"},
    "several inputs and outputs": {"stem", "split/left", "split/right", "join/out"},
    "kernels by hand": {"stem", "hand/dense", "hand/einsum_dense"},
    "branches by arguments": {"stem", "branches/left", "branches/right"},
    "a block used twice": {"stem"},
    "tokens": {"stem", "encoder/mlp/dense"},
}


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_inside_is_pruned_exactly(name):
    model = NETWORKS[name]()
    assert prunable(model) >= PRUNABLE[name]
    for seed in range(2):
        small = check_exact_graph(model, *masks_for(model, 0.5, seed))
    own = {type(layer).__name__ for layer in small.layers if type(layer).__module__[:5] != "keras"}
    assert own == ({"DropPath"} if name == "blocks in a block" else set())


@pytest.mark.parametrize("name", NETWORKS)
def test_reading_leaves_nothing_behind(name):
    model = NETWORKS[name]()
    parts = model._flatten_layers()
    before = [(len(p._inbound_nodes), len(p._outbound_nodes), set(vars(p))) for p in parts]
    weights = [v.numpy() for v in model.variables]
    trace(model)
    after = [(len(p._inbound_nodes), len(p._outbound_nodes), set(vars(p))) for p in parts]
    assert after == before
    for value, variable in zip(weights, model.variables, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)


@pytest.mark.parametrize("name", NETWORKS)
def test_names_are_those_of_the_network_from_a_file(name, tmp_path):
    model = NETWORKS[name]()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    names, again = ([call.name for call in trace(each).calls] for each in (model, loaded))
    assert again == names
    assert len(set(names)) == len(names)


def test_a_small_network_has_the_names_of_what_is_inside():
    small = ks.prune_channels(pictures(ConvNorm(8, name="block")), {"stem": np.arange(6) < 3})
    assert [op.name for op in small.operations][1:5] == [
        *("stem", "block_conv", "block_norm", "block_relu")
    ]


def test_a_switcher_model_is_trained_saved_and_compacted(tmp_path):
    model = ks.SwitcherModel(pictures(Residual(8, name="a")), budget=ks.Budget(0.6, end_epoch=1))
    model.compile("sgd", switcher_optimizer="sgd", loss="mse")
    x, y = np.random.default_rng(0).normal(size=(2, 16, 8, 8, 3)), np.zeros((16, 4))
    model.fit(x[0], y, batch_size=8, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    expected = model.predict(x[1], verbose=0)
    np.testing.assert_allclose(loaded.predict(x[1], verbose=0), expected, atol=1e-6)
    np.testing.assert_allclose(loaded.compact().predict(x[1], verbose=0), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        (OtherInTraining(4, name="own"), "its call() takes other steps in training"),
        (Noisy(4, name="own"), "its call() draws random numbers or changes variables"),
        (Stateful(4, name="own"), "its call() cannot be followed on symbolic tensors"),
        (Branches(4, regularized=True, name="own"), "it has an activity regularizer"),
        (
            Branches(4, fixes=True, name="own"),
            "its call() fixes `training` of a BatchNormalization",
        ),
    ],
)
def test_what_stays_closed_says_why(block, reason):
    model = pictures(block)
    said = next(group.reason for group in ks.channel_groups(model) if group.name == "stem")
    wrapped = keras.Sequential([keras.Input((8, 8, 3)), *model.layers[1:]])
    assert {group.reason for group in ks.channel_groups(wrapped)} >= {said}
    assert f"no rule is known for {type(block).__name__}; it is not opened: {reason}" in said
    if not isinstance(block, (Noisy, Stateful)):
        check_exact_graph(with_random_weights(model), *masks_for(model), step=False)


def test_what_is_drawn_in_training_only_passes_channels_on():
    names = [call.name for call in trace(pictures(Residual(8, name="a"))).calls]
    assert "a/drop" in names


class Plain(keras.Model):
    """A subclassed model."""

    def __init__(self):
        super().__init__(name="plain")
        self.block, self.pool = ConvNorm(8), layers.GlobalAveragePooling2D()
        self.head = layers.Dense(3)

    def call(self, x, training=None):
        return self.head(self.pool(self.block(x, training=training)))


def test_a_subclassed_model_is_read_once_its_inputs_are_known():
    model, x = Plain(), np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    with pytest.raises(ValueError, match=r"whose inputs are not known. Call it on a batch"):
        ks.channel_groups(model)
    model(x)
    with_random_weights(model)
    assert prunable(model) == {"block/conv"}
    keep = np.arange(8) % 2 == 0
    small = ks.prune_channels(model, {"block/conv": keep})
    model.head.kernel.assign(model.head.kernel * keep[:, None])
    np.testing.assert_allclose(small(x), model(x), atol=1e-5)


def test_what_a_subclassed_model_may_be_called_with_beside_is_said():
    @keras.saving.register_keras_serializable("opening")
    class Two(keras.Model):
        def __init__(self):
            super().__init__()
            self.head = layers.Dense(2)

        def call(self, x, other=None, training=None, mask=None):
            return self.head(x if other is None else x + other)

    model = Two()
    model(np.ones((2, 3)), np.ones((2, 3)))
    with pytest.warns(UserWarning, match="first argument alone: `other` is left out"):
        ks.channel_groups(model)


@pytest.mark.only("tensorflow", reason="elsewhere Keras does not know what such a model reads")
def test_a_subclassed_model_that_cannot_be_read_is_refused_with_two_ways_in():
    class Eager(Plain):
        def call(self, x, training=None):
            return super().call(x, training) * float(np.asarray(x).sum())

    model = Eager()
    model(np.zeros((2, 8, 8, 3), "float32"))
    with pytest.raises(ValueError, match=r"cannot be read, as its call\(\) cannot be followed"):
        ks.channel_groups(model)


def test_blocks_of_mixed_precision_are_opened():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = pictures(Residual(8, name="a"))
    finally:
        keras.config.set_dtype_policy("float32")
    assert prunable(model) >= {"stem", "a/blocks_0/conv"}


@keras.saving.register_keras_serializable("opening")
class Resized(Composite):
    """A layer that trains unless it is told not to, made by each call(), before a convolution."""

    def build(self, shape):
        self.conv, self.drop = layers.Conv2D(self.width, 1), layers.Dropout(0.5, seed=1)
        self.conv.build(shape)

    def call(self, x):
        x = layers.Resizing(x.shape[1], x.shape[2], name="resizing")(x[:, ::2, ::2])
        return self.drop(self.conv(x))


def test_a_layer_that_trains_by_default_does_not_make_those_behind_it_train():
    model = pictures(Resized(5, name="resized"))
    assert prunable(model) == {"stem", "resized/conv"}
    check_exact_graph(model, *masks_for(model), step=False)


@keras.saving.register_keras_serializable("opening")
class Positions(Composite):
    """Adds an embedding of all positions, and gives each sample the same tokens to begin with."""

    def build(self, shape):
        self.positions = layers.Embedding(shape[1], shape[-1])
        self.tokens = layers.Embedding(2, shape[-1])
        self.mixed = layers.Dense(self.width, "gelu")
        for layer, of in ((self.positions, None), (self.tokens, None), (self.mixed, shape)):
            layer.build(of)

    def call(self, x):
        samples, length, width = ops.shape(x)
        tokens = ops.expand_dims(self.tokens(ops.arange(2)), 0)
        x = x + self.positions(ops.arange(length))
        x = ops.broadcast_to(x, (samples, length, width))
        x = ops.concatenate([ops.broadcast_to(tokens, (samples, 2, width)), x], axis=1)
        return self.mixed(x)


def test_layers_that_read_constants_only_are_followed():
    inputs = keras.Input((4, 3))
    x = layers.Dense(6, name="stem")(inputs)
    x = Positions(5, name="own")(x)
    outputs = layers.Dense(2, name="head")(layers.Flatten()(x))
    model = with_random_weights(keras.Model(inputs, outputs))
    (group,) = (g for g in ks.channel_groups(model) if g.name == "stem")
    assert group.prunable
    assert {"own/positions", "own/tokens"} <= {made.name for made in group.producers}
    for seed in range(2):
        check_exact_graph(model, *masks_for(model, 0.5, seed))


@keras.saving.register_keras_serializable("opening")
class Causal(Composite):
    """Means of what came before, by constants of which there is one for each sample."""

    def build(self, shape):
        self.first, self.second = layers.Dense(self.width, "gelu"), layers.Dense(shape[-1])
        self.first.build(shape)
        self.second.build((*shape[:-1], self.width))
        self.start = self.add_weight(shape=(1, 1, shape[-1]), name="start")

    def call(self, x):
        samples, length, _ = ops.shape(x)
        seen = ops.arange(length)[:, None] >= ops.arange(length)
        seen = ops.broadcast_to(seen[None], (samples, length, length))
        start = ops.multiply(ops.ones((samples, 1, 1), dtype=x.dtype), self.start)
        h = self.first(x + start)
        scores = ops.where(seen, ops.mean(h, axis=-1, keepdims=True), -1e9)
        return x + self.second(ops.matmul(ops.softmax(scores), h))

    def compute_output_shape(self, shape):
        return shape


def test_constants_for_each_sample_are_repeated():
    inputs = keras.Input((4, 6))
    x = Causal(5, name="own")(layers.Dense(6)(inputs))
    outputs = layers.Dense(2, name="head")(layers.Flatten()(x))
    model = with_random_weights(keras.Model(inputs, outputs))
    assert "own/second" in [call.name for call in trace(model).calls]
    x = np.random.default_rng(0).normal(size=(3, 4, 6)).astype("float32")
    keep, scale = masks_for(model)
    small = check_exact_graph(model, keep, scale)
    for number in (1, 2, 3):
        np.testing.assert_allclose(small(x[:number]), small(x)[:number], atol=1e-5)


@keras.saving.register_keras_serializable("opening")
class Sines(layers.Layer):
    """Embeddings of positions, one constant for each sample: nothing that it reads is in them."""

    def call(self, x):
        samples, length, width = ops.shape(x)
        places = ops.arange(length, dtype="float32")[None, :, None]
        periods = ops.arange(1, width + 1, dtype="float32")
        return ops.tile(ops.sin(places / periods), (samples, 1, 1))


@pytest.mark.parametrize("nested", [False, True])
def test_constants_for_each_sample_that_a_layer_returns_are_repeated(nested):
    @keras.saving.register_keras_serializable("opening")
    class WithSines(Composite):
        def build(self, shape):
            self.sines, self.first = Sines(name="sines"), layers.Dense(self.width, "relu")
            self.first.build(shape)

        def call(self, x):
            return self.first(x + self.sines(x))

    inputs = keras.Input((4, 6))
    x = layers.Dense(6, name="stem")(inputs)
    x = WithSines(5, name="own")(x) if nested else layers.Add()([x, Sines(name="sines")(x)])
    outputs = layers.Dense(2, name="head")(layers.Flatten()(x))
    model = with_random_weights(keras.Model(inputs, outputs))
    assert not trace(model).closed
    x = np.random.default_rng(0).normal(size=(3, 4, 6)).astype("float32")
    small = check_exact_graph(model, *masks_for(model))
    for number in (1, 2, 3):
        np.testing.assert_allclose(small(x[:number]), small(x)[:number], atol=1e-5)


def test_what_holds_no_layers_is_read_as_the_operations_that_it_does():
    @keras.saving.register_keras_serializable("opening")
    class Gate(Composite):
        def call(self, x):
            return x * ops.sigmoid(x)

    assert prunable(pictures(Gate(name="gate"))) == {"stem"}
