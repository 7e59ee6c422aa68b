"""Smaller networks that compute something else are not handed out, and no others are refused."""

from contextlib import nullcontext

import keras
import numpy as np
import pytest
from helpers import toys
from helpers.checks import draw_masks, weights_of, with_random_weights
from keras import layers, ops

from keras_switcher import PruningPlan, SwitcherModel, channel_groups, prune_channels, switchers
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.random_inputs import draws, limits_of
from keras_switcher.graph.rules import RULES
from keras_switcher.graph.tracing import trace
from keras_switcher.pruning.surgery import Surgery


def chain():
    return with_random_weights(
        keras.Sequential(
            [
                keras.Input((6,)),
                layers.Dense(8, "relu", name="first"),
                layers.Dense(7, "relu", name="second"),
                layers.Dense(3, name="head"),
            ]
        )
    )


KEEP = {"first": np.arange(8) > 2, "second": np.arange(7) > 1}


def wrong_weight(monkeypatch):
    cut = Surgery.cut
    more = {(8, 7): 1.001}
    monkeypatch.setattr(Surgery, "cut", lambda *a: cut(*a) * np.float32(more.get(a[1].shape, 1)))


def wrong_bias(monkeypatch, size=7):
    cut = Surgery.cut
    more = {(size,): 0.01}
    monkeypatch.setattr(Surgery, "cut", lambda *a: cut(*a) + np.float32(more.get(a[1].shape, 0)))


def wrong_channels(monkeypatch):
    """Others are taken from the reader than from the maker."""
    cut = Surgery.cut

    def turned(self, weight, value, fold=False):
        return cut(self, weight, value[::-1] if weight.shape == (8, 7) else value, fold)

    monkeypatch.setattr(Surgery, "cut", turned)


def wrong_activation(monkeypatch):
    cut, second = Surgery._assign, "second"

    def linear(self, layer, new):
        new.activation = keras.activations.linear if layer.name == second else new.activation
        cut(self, layer, new)

    monkeypatch.setattr(Surgery, "_assign", linear)


FAULTS = [wrong_weight, wrong_bias, wrong_channels, wrong_activation]


@pytest.mark.parametrize("fault", FAULTS)
def test_the_first_layer_that_differs_is_named(fault, monkeypatch, tmp_path):
    model = chain()
    switched = SwitcherModel(model, switchers.FreeFactors(start="half_zeros"))
    switched.plan().save(tmp_path / "plan.json")
    plan = PruningPlan.load(tmp_path / "plan.json")
    switched.compile("sgd", "mse")
    before = weights_of(model)
    fault(monkeypatch)
    makers = {
        "prune_channels": lambda **how: prune_channels(model, KEEP, **how),
        "apply": lambda **how: plan.apply(model, **how),
        "compact": switched.compact,
        "compact with its optimizer": lambda **how: switched.compact(optimizer=True, **how),
        "export": lambda **how: switched.export(tmp_path / "exported", **how),
    }
    for make in makers.values():
        with pytest.raises(ValueError, match=r"they differ from 'second' \(of type Dense\) on"):
            make()
        assert not (tmp_path / "exported").exists()
    for make in list(makers.values())[:4]:
        make(verify=False)
    for one, other in zip(before, weights_of(model), strict=True):
        np.testing.assert_array_equal(one, other)


class Mixes(layers.Layer):
    """Each channel is seen by its neighbour."""

    def call(self, inputs):
        return inputs + ops.roll(inputs, 1, axis=-1)

    def get_config(self):
        return super().get_config()


def test_rules_that_say_what_is_not_so_are_found(monkeypatch):
    monkeypatch.setitem(RULES, Mixes, lambda call, reader: reader.pass_on(call))
    model = chain()
    model = keras.Model(
        model.inputs, model.layers[2](model.layers[1](Mixes(name="mixes")(model.layers[0].output)))
    )
    with pytest.raises(ValueError, match=r"they differ from 'mixes' \(of type Mixes\) on"):
        prune_channels(model, {"first": np.arange(8) % 2 == 0})


@pytest.mark.parametrize("wrong", [1, None, "no"])
def test_verify_is_true_or_false(wrong):
    model = chain()
    switched = SwitcherModel(model)
    for make in (
        lambda: prune_channels(model, {}, verify=wrong),
        lambda: switched.plan().apply(model, verify=wrong),
        lambda: switched.compact(verify=wrong),
        lambda: switched.export("nowhere", verify=wrong),
    ):
        with pytest.raises(ValueError, match=f"`verify` says .* Received: verify={wrong!r}"):
            make()


if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    normal = tf.random.normal
elif keras.backend.backend() == "torch":
    import torch

    normal = torch.randn
else:
    normal = keras.random.normal


UNSEEDED = pytest.mark.only("tensorflow", "torch", reason="JAX draws nothing without a seed.")


class Noise(layers.Layer):
    """Adds numbers of which no seed is known."""

    def call(self, inputs):
        return inputs + normal(ops.shape(inputs))


class Seeded(layers.Layer):
    """Adds numbers that a seed tells."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seeds = keras.random.SeedGenerator()

    def call(self, inputs):
        return inputs + keras.random.normal(ops.shape(inputs), seed=self.seeds)


class Demanding(layers.Layer):
    """Takes large numbers only."""

    def call(self, inputs):
        tf.debugging.assert_greater(inputs, 9.0)
        return inputs


def built(middle, size=(6,), dtype=None):
    """A network with something in its middle."""
    inputs = keras.Input(size, dtype=dtype)
    x = middle(inputs)
    x = layers.Dense(7, "relu", name="hidden")(x)
    return keras.Model(inputs, layers.Dense(2, name="head")(x))


def conv(x, size=3, **kwargs):
    return layers.BatchNormalization()(layers.Conv2D(8, size, activation="relu", **kwargs)(x))


def half(policy):
    def make():
        keras.config.set_dtype_policy(policy)
        model = built(lambda x: layers.GlobalAveragePooling2D()(conv(conv(x))), (9, 9, 3))
        keras.config.set_dtype_policy("float32")
        return model

    return make


HARD = {
    "seeds": lambda: built(Seeded()),
    "dropout in inference": lambda: built(lambda x: layers.Dropout(0.5)(x, training=True)),
    "logarithms": lambda: built(ops.log),
    "never finite": lambda: built(lambda x: ops.sqrt(-1 - ops.abs(x))),
    "float16": half("mixed_float16"),
    "bfloat16": half("mixed_bfloat16"),
    "float16 weights": half("float16"),
    "float64": half("float64"),
    "tables": lambda: built(lambda x: layers.LSTM(4)(layers.Embedding(5, 3)(x)), (None,), "int32"),
    "truth values": lambda: built(
        lambda x: ops.where(x, ops.ones((6,)), ops.zeros((6,))), (6,), "bool"
    ),
    "open sizes": lambda: built(
        lambda x: layers.GlobalAveragePooling2D()(
            conv(layers.MaxPooling2D(4)(conv(x, 5)), padding="valid")
        ),
        (None, None, 3),
    ),
    "state": lambda: keras.Sequential(
        [
            keras.Input((5, 4), batch_size=3),
            layers.LSTM(6, stateful=True),
            layers.Dense(7, "relu", name="hidden"),
            layers.Dense(2),
        ]
    ),
}


@pytest.mark.parametrize("kind", HARD)
def test_no_network_is_refused_without_cause_and_none_is_changed(kind):
    with toys.in_double() if kind == "float64" else nullcontext():
        _check_unchanged(HARD[kind]())


def _check_unchanged(model):
    before, nodes = weights_of(model), [len(each._inbound_nodes) for each in model.layers]
    prune_channels(model, *draw_masks(channel_groups(model), 0.4))
    for one, other in zip(before, weights_of(model), strict=True):
        np.testing.assert_array_equal(one, other)
    assert [len(each._inbound_nodes) for each in model.layers] == nodes
    assert not any(layer._losses for layer in model.layers)


@pytest.mark.parametrize(
    ("middle", "why"),
    [
        pytest.param(Noise(), "draws numbers at random", marks=UNSEEDED),
        pytest.param(
            *(layers.Lambda(lambda x: x + normal((6,))), "draws numbers at random"), marks=UNSEEDED
        ),
        pytest.param(
            *(Demanding(), "does not run on random inputs"),
            marks=pytest.mark.only("tensorflow", reason="Others have no checks inside of layers."),
        ),
    ],
)
def test_what_cannot_be_compared_is_said(middle, why):
    model = with_random_weights(built(middle))
    with pytest.warns(UserWarning, match=f"could not be compared .*{why}") as seen:
        prune_channels(model, {"hidden": np.arange(7) > 2})
    assert __file__ in [each.filename for each in seen]


def noisy():
    task = with_random_weights(built(Noise()))
    return SwitcherModel(task, switchers.FreeFactors("half_zeros", seed=0), groups=["hidden"])


def compiled(model):
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return model


@UNSEEDED
@pytest.mark.parametrize(
    "smaller",
    [
        lambda model, path: model.compact(),
        lambda model, path: compiled(model).compact(optimizer=True),
        pytest.param(
            lambda model, path: model.export(path, format="tf_saved_model", verbose=False),
            marks=pytest.mark.only("tensorflow", reason="TensorFlow writes SavedModel."),
        ),
        lambda model, path: model.plan().apply(model.task),
        lambda model, path: prune_channels(model.task, {"hidden": np.arange(7) > 2}),
    ],
    ids=["compact", "with the optimizer", "export", "apply", "prune_channels"],
)
def test_warnings_point_at_the_users_line(smaller, tmp_path):
    with pytest.warns(UserWarning, match="could not be compared") as seen:
        smaller(noisy(), tmp_path / "small")
    ours = [each for each in seen if "could not be compared" in str(each.message)]
    assert {each.filename for each in ours} == {__file__}  # An export says it of the file, too.


def test_networks_that_make_much_of_rounding_are_not_refused(monkeypatch):
    inputs = keras.Input((8,))
    x = layers.Dense(64, name="wide")(inputs)
    x = ops.sin(1e4 * layers.Dense(64, name="mixing")(x))
    model = with_random_weights(keras.Model(inputs, layers.Dense(2)(x)))
    keep, cut = {"wide": np.arange(64) > 20}, Surgery.cut
    # As if it were added up in another order.
    monkeypatch.setattr(Surgery, "cut", lambda *a: np.nextafter(cut(*a), np.float32(9)))
    prune_channels(model, keep)
    monkeypatch.setattr("keras_switcher.pruning.verification.smaller_network._MARGIN", 0)
    with pytest.raises(ValueError, match="does not compute what"):
        prune_channels(model, keep)
    monkeypatch.undo()
    wrong_bias(monkeypatch, size=64)
    with pytest.raises(ValueError, match="does not compute what"):
        prune_channels(model, keep)


def test_whole_numbers_are_drawn_from_the_tables_that_they_reach():
    one, other = (keras.Input((4,), dtype="int32") for _ in range(2))
    small, large = layers.Embedding(3, 2), layers.Embedding(50, 2)
    x = [small(one), large(layers.Reshape((4,))(one)), large(other + 0)]
    graph = trace(keras.Model([one, other], layers.Concatenate()(x)))
    limits = limits_of(graph)
    assert [limits[id(x)] for x in graph.inputs] == [3, 50]
    first = next(draws(graph.inputs, (1000,))).values(graph.inputs, limits)
    assert [int(ops.max(values)) for values in first] == [2, 49]


def test_open_sizes_are_the_smallest_that_run():
    model = HARD["open sizes"]()
    sizes = []
    model.layers[1].call = lambda x, call=model.layers[1].call: sizes.append(x.shape) or call(x)
    prune_channels(model, {})
    assert {tuple(size[1:3]) for size in sizes if size[0]} == {(16, 16)}


def test_factors_that_a_plan_forgets_are_found():
    model = SwitcherModel(toys.mlp(), switchers.FreeFactors(start="half_zeros"), ["hidden"])
    channel_graph, factors = ChannelGraph(model.task), model.scaling_factors()
    plan = model.plan()
    plan.groups["hidden"].scale[:] = 1
    with pytest.raises(ValueError, match="does not compute what"):
        Surgery(channel_graph, plan).operate(factors)
