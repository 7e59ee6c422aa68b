"""Counts agree with closed forms, and what is not known is said with the reason."""

import re
from contextlib import nullcontext

import keras
import numpy as np
import pytest
from helpers.checks import with_random_weights
from helpers.networks import lenet5, mlp, twins_and_shared
from helpers.opaque import NOT_OPENED, Opaque
from keras import layers

from keras_switcher import (
    Budget,
    Structure,
    SwitcherModel,
    channel_groups,
    count_macs,
    count_parameters,
    prune_channels,
)
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.kernel_uses import UNCOUNTED
from keras_switcher.graph.rules import rule
from keras_switcher.pruning.costs import remaining
from keras_switcher.pruning.planning import plan_removal


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
    assert remaining(ChannelGraph(model)) == {
        "weights": weights,
        "parameters": weights,
        "macs": macs,
    }


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


def test_parameters_count_once_and_macs_with_every_call():
    model = twins_and_shared()
    assert count_parameters(model).total == model.count_params()
    assert count_macs(model) == {"dense": 16, "dense:1": 16, "shared": 2 * 16, "head": 8}


def test_a_kernel_that_another_layer_reads_is_not_counted_there():
    dense = layers.Dense(6, name="known")
    x = inputs = keras.Input((4,))
    x = layers.Lambda(
        lambda x: keras.ops.matmul(x, keras.ops.transpose(dense.kernel)), name="tied"
    )(dense(x))
    model = keras.Model(inputs, layers.Dense(2, name="head")(x))
    counts, reason = count_macs(model), "it reads the kernel of 'known', and no rule says how often"
    assert counts == {"known": 4 * 6, "head": 4 * 2}
    assert counts.unknown == {"tied": reason}
    assert ChannelGraph(model).kernels[0].unknown == {"tied": reason}


class Mixing(Opaque):
    """Has a kernel that no rule knows."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], 3), trainable=self.trainable)

    def call(self, inputs):
        return keras.ops.matmul(inputs, self.kernel)


def frozen_unknown():
    model = keras.Sequential([keras.Input((6, 4)), layers.Dense(5, name="known")])
    model.add(Mixing(trainable=False, name="unknown"))
    return model


def quantized():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(5, name="known")])
    model.add(layers.Dense(3, name="unknown"))
    model.get_layer("unknown").quantize("int8")
    return model


def open_size():
    inputs = keras.Input((None, None, 2))
    known = layers.Dense(5, name="known")(layers.GlobalMaxPooling2D()(inputs))
    return keras.Model(inputs, [known, layers.Conv2D(4, 3, name="unknown")(inputs)])


def repeated():
    inputs = keras.Input((4,))
    known = layers.Dense(5, name="known")(inputs)
    twice = keras.ops.concatenate([inputs, inputs], axis=0)
    return keras.Model(inputs, [known, layers.Dense(3, name="unknown")(twice)])


UNKNOWN = [
    (frozen_unknown, f"its input feeds 'unknown', and no rule is known for Mixing; {NOT_OPENED}"),
    (quantized, "its input feeds 'unknown', whose kernel is quantized"),
    (open_size, "the size of its input is open"),
    (repeated, "the samples that it reads are repeated, concatenated or reshaped"),
]


@pytest.mark.parametrize(("make", "reason"), UNKNOWN)
def test_macs_that_are_not_known_are_listed_with_the_reason(make, reason):
    model = make()
    positions = 6 if make is frozen_unknown else 1
    inputs = 2 if make is open_size else 4
    counts = count_macs(model)
    assert counts == {"known": positions * inputs * 5}
    assert counts.unknown == {"unknown": reason}
    assert str(counts).endswith(f"not counted:\nunknown  {reason}")
    channel_graph = ChannelGraph(model)
    assert remaining(channel_graph)["macs"] == counts.total
    structure = Structure(channel_graph, [], plan_removal(channel_graph, {}))
    assert structure.unknown_macs == counts.unknown
    assert structure.removed("macs") == 0
    assert f"Not among the macs: 'unknown': {reason}." in str(structure)


@pytest.mark.parametrize(("make", "reason"), UNKNOWN)
def test_a_budget_of_macs_that_are_not_known_needs_a_choice(make, reason):
    task = make()
    with pytest.raises(
        ValueError, match=rf"'unknown': {re.escape(reason)}.*Budget\(of=\"weights\"\)"
    ) as e:
        SwitcherModel(task, budget=Budget(0.5, of="macs"))
    assert 'Budget(unknown="leave_out")' in str(e.value)
    model = SwitcherModel(task, budget=Budget(0.5, of="macs", unknown="leave_out"))
    factors = {n: np.float32(np.arange(len(f)) < 1) for n, f in model.scaling_factors().items()}
    inputs = task.get_layer("known").kernel.shape[0]
    assert float(model.accounting.kept(factors, "macs")) == 1 / inputs  # Of the known MACs alone.
    SwitcherModel(task, budget=Budget(0.97, of="weights"))


def test_a_budget_of_macs_of_which_none_is_known_is_refused():
    task = keras.Sequential([keras.Input((None, 2)), layers.Conv1D(4, 3, name="first")])
    task.add(layers.Conv1D(2, 1))
    for unknown in ("refuse", "leave_out"):
        with pytest.raises(ValueError, match=r"'first': the size of its input is open") as error:
            SwitcherModel(task, budget=Budget(0.5, of="macs", unknown=unknown))
        assert "leave_out" not in str(error.value)


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (open_size, (8, 9, 2)),
        (open_size, [8, 9, 2]),
        (open_size, [(8, 9, 2)]),
        (open_size, {"image": (8, 9, 2)}),
    ],
)
def test_sizes_that_are_open_can_be_given(make, shape):
    model = make()
    if isinstance(shape, dict):
        shape = {model.input.name: shape["image"]}
    counts = count_macs(model, input_shape=shape)
    assert counts == {"known": 2 * 5, "unknown": 6 * 7 * 9 * 2 * 4}
    assert not counts.unknown
    assert count_macs(model).unknown, "the model is not changed"


def two_inputs():
    left, right = keras.Input((None, 3), name="left"), keras.Input((None, 5), name="right")
    ends = [layers.Dense(2, name="of_left")(left), layers.Dense(4, name="of_right")(right)]
    return left, right, ends


@pytest.mark.parametrize("arrange", [list, lambda tensors: {x.name: x for x in tensors}])
def test_sizes_of_several_inputs(arrange):
    left, right, ends = two_inputs()
    model = keras.Model(arrange([left, right]), ends)
    both = {"of_left": 7 * 3 * 2, "of_right": 6 * 5 * 4}
    assert count_macs(model, [(7, 3), (6, 5)]) == both
    assert count_macs(model, {"right": (6, 5), "left": (7, 3)}) == both
    counts = count_macs(model, {"right": (6, 5)})
    assert counts == {"of_right": both["of_right"]}
    assert list(counts.unknown) == ["of_left"]


@pytest.mark.parametrize(
    "shape",
    [(8, 9), (8, 9, 3), (8, -1, 2), (8, 2.5, 2), 8, {"picture": (8, 9, 2)}, [(8, 9, 2)] * 2],
)
def test_shapes_that_do_not_fit_are_named(shape):
    with pytest.raises(ValueError, match=r"`input_shape` must be a shape.*\(None, None, 2\)"):
        count_macs(open_size(), input_shape=shape)


def test_matrices_of_unknown_layers_count_as_weights():
    left = remaining(ChannelGraph(frozen_unknown()))
    assert left["weights"] == 4 * 5 + 5 * 3
    assert left["parameters"] == frozen_unknown().count_params()


def attention(*shapes, **options):
    """Attention between inputs of these shapes."""
    inputs = [keras.Input(shape) for shape in shapes]
    layer = layers.MultiHeadAttention(3, 4, name="layer", **options)
    return keras.Model(inputs, layer(*inputs) if len(inputs) > 1 else layer(*inputs * 2))


def grouped_attention():
    inputs = keras.Input((5, 8))
    layer = layers.GroupQueryAttention(4, 6, 2, name="layer")
    return keras.Model(inputs, layer(inputs, inputs))


def einsum(equation, shape, output_shape):
    layer = layers.EinsumDense(equation, output_shape, name="layer")
    return keras.Sequential([keras.Input(shape), layer])


def chain(layer, shape):
    return keras.Sequential([keras.Input(shape), layer])


def recurrent_cells():
    return [layers.LSTMCell(3), layers.GRUCell(4)]


CLOSED_FORMS = {
    "self-attention": (lambda: attention((5, 8)), 4 * 5 * 8 * 3 * 4),
    "attention": (
        lambda: attention((5, 8), (7, 6), value_dim=2),
        # Queries, values, keys, outputs.
        5 * 8 * 3 * 4 + 7 * 6 * 3 * 2 + 7 * 6 * 3 * 4 + 5 * 3 * 2 * 8,
    ),
    "attention with keys": (
        lambda: attention((5, 8), (7, 6), (7, 9), output_shape=10),
        5 * 8 * 12 + 7 * 6 * 12 + 7 * 9 * 12 + 5 * 12 * 10,
    ),
    "attention of images": (lambda: attention((4, 5, 8)), 4 * 20 * 8 * 12),
    "grouped attention": (grouped_attention, 5 * 8 * (6 + 2 + 2 + 6) * 4),
    "einsum of two kernels": (lambda: einsum("abc,cd->abd", (5, 8), (5, 3)), 5 * 8 * 3),
    "einsum to heads": (lambda: einsum("abc,cde->abde", (5, 8), (5, 3, 4)), 5 * 8 * 3 * 4),
    "einsum of heads": (lambda: einsum("abcd,cde->abe", (5, 3, 4), (5, 8)), 5 * 3 * 4 * 8),
    "einsum per position": (lambda: einsum("abc,bcd->abd", (5, 8), (5, 3)), 5 * 8 * 3),
    "einsum that sums": (lambda: einsum("abc,cd->ad", (5, 8), (3,)), 5 * 8 * 3),
    "einsum with ellipsis": (lambda: einsum("...x,xy->...y", (2, 5, 8), 3), 2 * 5 * 8 * 3),
    "SimpleRNN": (lambda: chain(layers.SimpleRNN(3, name="layer"), (6, 4)), 6 * (4 + 3) * 3),
    "LSTM": (lambda: chain(layers.LSTM(3, name="layer"), (6, 4)), 6 * (4 + 3) * 4 * 3),
    "GRU": (lambda: chain(layers.GRU(3, name="layer"), (6, 4)), 6 * (4 + 3) * 3 * 3),
    "Bidirectional": (
        lambda: chain(layers.Bidirectional(layers.GRU(3), name="layer"), (6, 4)),
        2 * 6 * (4 + 3) * 3 * 3,
    ),
    "RNN of cells": (
        lambda: chain(layers.RNN(recurrent_cells(), name="layer"), (6, 5)),
        6 * ((5 + 3) * 4 * 3 + (3 + 4) * 3 * 4),
    ),
    "ConvLSTM1D": (
        lambda: chain(layers.ConvLSTM1D(3, 2, name="layer"), (6, 9, 4)),
        6 * 8 * 2 * (4 + 3) * 4 * 3,
    ),
    "ConvLSTM2D": (
        lambda: chain(layers.ConvLSTM2D(3, 2, return_sequences=True, name="layer"), (6, 9, 8, 4)),
        6 * 8 * 7 * 4 * (4 + 3) * 4 * 3,
    ),
    "Embedding": (lambda: chain(layers.Embedding(20, 4, name="layer"), (6,)), 0),
    "Embedding of an open length": (
        lambda: chain(layers.Embedding(20, 4, name="layer"), (None,)),
        0,
    ),
}


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_layers_that_stay_whole_are_counted(name):
    make, macs = CLOSED_FORMS[name]
    model = make()
    counts = count_macs(model)
    assert counts.total == macs
    assert {name.split("/")[0] for name in counts} == {"layer"}
    assert not counts.unknown
    kernels = [w for w in model.weights if "kernel" in w.name or "embeddings" in w.name]
    left = remaining(ChannelGraph(model))
    assert left["macs"] == macs
    assert left["weights"] == sum(int(np.prod(weight.shape)) for weight in kernels)


@pytest.mark.parametrize("name", ["self-attention", "LSTM", "Bidirectional", "ConvLSTM1D"])
def test_layers_that_stay_whole_still_lock_what_they_read(name):
    layer = CLOSED_FORMS[name][0]().get_layer("layer")
    shape = (6, 9, 4) if name == "ConvLSTM1D" else (6, 4)
    inputs = keras.Input(shape)
    x = layers.Dense(8 if name == "self-attention" else 4, name="before")(inputs)
    x = layer(x, x) if name == "self-attention" else layer(x)
    model = with_random_weights(keras.Model(inputs, layers.Dense(2)(layers.Flatten()(x))))
    group = channel_groups(model)[0]
    if name == "self-attention":  # It is made of layers.
        assert group.reason is None
    else:
        assert group.reason.startswith("feeds 'layer', and no rule is known for ")
    assert count_macs(prune_channels(model, {})).total == count_macs(model).total


def test_an_unknown_cell_or_length_is_named():
    class Cell(layers.SimpleRNNCell):
        pass

    own = count_macs(chain(layers.RNN(Cell(3), name="layer"), (6, 4)))
    assert own.unknown == {"layer": "its input feeds 'layer', whose cells have no rule"}
    model = chain(layers.LSTM(3, name="layer"), (None, 4))
    assert count_macs(model).unknown == {"layer": "the size of its input is open"}
    assert count_macs(model, (6, 4)) == {"layer": 6 * 7 * 12}


def test_a_kernel_that_is_once_read_at_an_open_size_counts_where_it_is_known():
    shared = keras.layers.Dense(5, name="shared")
    open_size, fixed = keras.Input((None, 5)), keras.Input((5,))
    for inputs in ([fixed, open_size], [open_size, fixed]):
        counts = count_macs(keras.Model(inputs, [shared(x) for x in inputs]))
        assert counts == {"shared": 25}
        assert len(counts.unknown) == 1


def test_no_share_of_macs_is_made_up_where_none_is_known():
    model = keras.Sequential([keras.Input((None, 5)), layers.Dense(3, name="only")])
    structure = Structure(ChannelGraph(model), [], plan_removal(ChannelGraph(model), {}))
    with pytest.raises(ValueError, match=r"MACs are not known \('only': .*keras\.Input"):
        structure.removed("macs")
    assert "\nmacs:" not in str(structure)


class Uncounted(layers.Layer):
    """Multiplies with a kernel, and has a rule that does not count it."""

    def __init__(self, units, says=("consume", "produce"), **kwargs):
        super().__init__(**kwargs)
        self.units, self.says = units, tuple(says)

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.units), name="kernel")

    def call(self, x):
        return keras.ops.matmul(x, self.kernel)

    def compute_output_shape(self, shape):
        return (*shape[:-1], self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units, "says": self.says}


@rule(Uncounted)
def uncounted(call, reader):
    kernel = call.op.kernel
    if "consume" in call.op.says:
        reader.consume(call, kernel, 0, -1)
    if "produce" in call.op.says:
        channels = reader.produce(call, kernel, 1)
        reader.label(call.output, -1, channels)
        reader.resize(call, units=channels)
    if "count" in call.op.says:
        reader.count_kernel(call, kernel, call.output.shape[1:-1])


@pytest.mark.parametrize("shape", [(4,), (3, 4)])
@pytest.mark.parametrize(
    "says", [("consume",), ("produce",), ("consume", "produce"), ("consume", "produce", "count")]
)
def test_a_kernel_that_its_rule_forgets_to_count_has_unknown_macs(says, shape):
    parts = [layers.Dense(5, name="hidden"), Uncounted(6, says, name="mine"), layers.Dense(2)]
    model = keras.Sequential([keras.Input(shape), *parts])
    counts, rows = count_macs(model), int(np.prod(shape[:-1]))
    is_counted = "count" in says
    assert counts.unknown == ({} if is_counted else {"mine": UNCOUNTED})
    assert counts.total == rows * (4 * 5 + 6 * 2 + is_counted * 5 * 6)
    left = remaining(ChannelGraph(model))
    assert left["weights"] == 4 * 5 + 5 * 6 + 6 * 2
    with pytest.raises(ValueError, match="count_kernel") if not is_counted else nullcontext():
        SwitcherModel(model, budget=Budget(0.9, of="macs"))
