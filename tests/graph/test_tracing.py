"""A model is read call by call, and left as it was."""

import keras
import numpy as np
import pytest
from helpers.checks import draw_inputs, masks_for, with_random_weights
from helpers.exactness import check_exact_graph
from keras import layers, ops

from keras_switcher import channel_groups, count_macs
from keras_switcher.gating.gated_network import gated_network
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.tracing import trace


def network_of_many_kinds():
    """A Functional model with a nested model, a shared layer, a raw operation and dicts."""
    inputs = {"left": keras.Input((4,), name="left"), "right": keras.Input((4,), name="right")}
    shared = layers.Dense(4, activation="tanh", name="shared")
    nested = keras.Sequential([keras.Input((4,)), layers.Dense(5, name="inner")], name="nested")
    total = keras.ops.add(shared(inputs["left"]), shared(inputs["right"]))
    hidden = layers.BatchNormalization(name="norm")(nested(inputs=total))
    outputs = {"a": layers.Dense(2, name="a")(hidden), "b": layers.Dense(3, name="b")(hidden)}
    return with_random_weights(keras.Model(inputs, outputs, name="many"))


def nodes(model):
    return {operation.name: len(operation._inbound_nodes) for operation in model.operations}


def test_calls_come_in_order_with_one_name_each():
    names = [call.name for call in trace(network_of_many_kinds()).calls]
    order = {name: place for place, name in enumerate(names)}
    assert len(order) == len(names) == 7
    assert order["shared"] < order["inner"] < order["norm"] < order["a"]
    assert order["shared:1"] < order["inner"]
    assert order["norm"] < order["b"]


def test_nested_sequential_is_read_in_place():
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="b"), layers.ReLU(name="c")])
    outer = keras.Sequential([keras.Input((2,)), layers.Dense(4, name="a"), inner])
    outer.add(layers.Dense(1, name="d"))
    graph = trace(outer)
    assert [call.name for call in graph.calls] == ["a", "b", "c", "d"]
    for before, after in zip(graph.calls, graph.calls[1:], strict=False):
        assert after.input is before.output
    assert graph.outputs is graph.calls[-1].output


def test_replay_computes_the_same():
    model = network_of_many_kinds()
    graph = trace(model)
    inputs = graph.new_inputs()
    again = keras.Model(inputs, graph.replay(inputs, lambda call, a, k: call.op(*a, **k)))
    x = draw_inputs(model)
    for name, expected in model(x).items():
        np.testing.assert_array_equal(again(x)[name], expected)


def test_reading_leaves_the_model_as_it_was():
    model = network_of_many_kinds()
    config, before = model.get_config(), nodes(model)
    output = model.get_layer("norm").output
    trace(model)
    assert nodes(model) == before
    assert model.get_config() == config
    assert model.get_layer("norm").output is output


def test_gating_leaves_config_and_outputs_of_layers():
    model = network_of_many_kinds()
    config, output = model.get_config(), model.get_layer("norm").output
    gated_network(ChannelGraph(model), [group.name for group in ChannelGraph(model).groups])
    assert model.get_config() == config
    assert model.get_layer("norm").output is output


@pytest.mark.parametrize("training", [True, False])
def test_nested_model_hands_training_down(training):
    nested = keras.Sequential([keras.Input((4,)), layers.BatchNormalization(), layers.ReLU()])
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(2)(nested(inputs, training=training)))
    norm, relu, dense = trace(model).calls
    assert norm.kwargs["training"] is training
    assert "training" not in {**relu.kwargs, **dense.kwargs}


def test_model_built_by_calling_build_is_read():
    model = keras.Sequential([layers.Dense(3, name="only")])
    model.build((None, 2))
    assert [call.name for call in trace(model).calls] == ["only"]


class Subclassed(keras.Model):
    def call(self, inputs):
        return inputs


class Overriding(keras.Model):
    def call(self, inputs, training=None, mask=None):
        return 2 * super().call(inputs, training, mask)


class Doubled(keras.Model):
    def __call__(self, *args, **kwargs):
        return 2 * super().__call__(*args, **kwargs)


def overriding(kind=Overriding):
    x = keras.Input((3,))
    return kind(x, layers.Dense(1)(x), name="doubling")


class WithoutShape(layers.Layer):
    def call(self, inputs):
        return 2 * inputs


def without_shapes():
    wrapped = layers.TimeDistributed(WithoutShape())
    return keras.Sequential([keras.Input((4, 6)), layers.Dense(8), wrapped], name="wrapping")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: keras.Sequential([layers.Dense(3)], name="open"), "'open' is not built"),
        (lambda: keras.Sequential(name="empty"), "'empty' is not built"),
        (lambda: Subclassed(name="own"), "'own' .of type Subclassed. is a subclassed model whose"),
        (lambda: overriding(Doubled), "'doubling' .of type Doubled. overrides __call__"),
        (without_shapes, "'wrapping' .of type Sequential. has no graph"),
        (lambda: layers.Dense(3), "Expected a Functional or Sequential keras.Model"),
    ],
)
def test_models_that_cannot_be_read_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        trace(make())


@keras.saving.register_keras_serializable("tracing")
class Forwarding(keras.Model):
    def __call__(self, *args, **kwargs):
        return super().__call__(*args, **kwargs)


@pytest.mark.parametrize("kind", [Forwarding, Overriding])
@pytest.mark.parametrize("is_nested", [False, True])
def test_models_with_a_graph_whose_calls_can_be_followed_are_read(kind, is_nested):
    x = inputs = keras.Input((6,))
    x = layers.Dense(4, name="head")(layers.Dense(5, "relu", name="before")(x))
    model = with_random_weights(kind(inputs, x, name="kind"))
    if is_nested:
        model = keras.Model(inputs, layers.Dense(2, name="last")(model(inputs)))
    names = [group.name for group in channel_groups(model) if group.producers]
    assert names[0] == ("kind/before" if is_nested else "before")
    if kind is Forwarding:  # Keras cannot copy the other one.
        check_exact_graph(model, *masks_for(model), step=False)


def test_nested_model_has_the_sizes_of_its_call():
    inner = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(4, 3, name="inner")])
    inputs = keras.Input((8, 8, 3))
    x = layers.Dense(5)(layers.Flatten()(inner(inputs)))
    model = with_random_weights(keras.Model(inputs, layers.Dense(2)(x)))
    assert trace(model).calls[0].output.shape == (None, 6, 6, 4)
    assert count_macs(model)["inner"] == 6 * 6 * 3 * 3 * 3 * 4
    check_exact_graph(model, *masks_for(model))


def test_open_size_is_the_reason_where_it_is():
    x = inputs = keras.Input((None, 8, 3))
    x = layers.Flatten()(layers.Conv2D(4, 3, name="conv")(x))
    model = keras.Model(inputs, ops.sum(x, axis=1))
    assert "open size" in channel_groups(model)[0].reason


class Doubling(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = layers.Dense(4)

    def call(self, inputs):
        return 2 * self.inner(inputs)

    def get_config(self):
        return {"name": self.name}


def test_nested_model_without_a_graph_is_opened():
    x = inputs = keras.Input((6,))
    x = Doubling(name="doubling")(layers.Dense(5, name="before")(x))
    model = with_random_weights(
        keras.Model(inputs, layers.Dense(2, name="head")(layers.Dense(3)(x)))
    )
    assert {group.name: group.reason for group in channel_groups(model)}["before"] is None
    check_exact_graph(model, *masks_for(model))


def test_operations_come_once_and_makers_make_what_they_are_said_to():
    inputs, shared = keras.Input((4,)), layers.Dense(4, name="shared")
    model = keras.Model(inputs, layers.Dense(2, name="head")(shared(shared(inputs))))
    graph = trace(model)
    assert [op.name for op in graph.operations] == ["shared", "head"]
    makers = graph.makers
    assert [makers[id(call.output)].name for call in graph.calls] == ["shared", "shared:1", "head"]
    assert id(graph.inputs) not in makers
