"""A SwitcherModel over networks with branches: trained, measured and compacted."""

import keras
import pytest
from helpers import toys
from helpers.checks import check_close
from keras import layers, ops

from keras_switcher import SwitcherModel, switchers


def inverted_bottlenecks():
    """Depthwise convolutions, squeeze-and-excite, a residual sum and a concatenation."""
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(6, 3, padding="same", name="stem")(inputs)
    y = layers.BatchNormalization()(layers.Conv2D(12, 1, name="expand")(x))
    y = layers.DepthwiseConv2D(3, padding="same", activation="relu6", name="depthwise")(y)
    gate = layers.GlobalAveragePooling2D(keepdims=True)(y)
    gate = layers.Conv2D(4, 1, activation="relu", name="squeeze")(gate)
    gate = layers.Conv2D(12, 1, activation="sigmoid", name="excite")(gate)
    y = layers.Conv2D(6, 1, name="project")(layers.Multiply()([y, gate]))
    x = layers.Add()([x, y])
    side = layers.SeparableConv2D(5, 3, padding="same", name="side")(x)
    x = layers.ReLU()(layers.Concatenate()([x, side]))
    x = layers.Dense(7, "relu", name="hidden")(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, layers.Dense(3, name="head")(x))


SWITCHERS = {
    "row": lambda: switchers.RowSwitcher(),
    "U-Net": lambda: switchers.UNetSwitcher(start="half_zeros"),
    "U-Net per group": lambda: switchers.UNetSwitcher(stacked=False),
    "free": lambda: switchers.FreeFactors(start="half_zeros"),
}


@pytest.mark.parametrize("name", SWITCHERS)
def test_trained_network_equals_its_compact_one(name):
    model = toys.started(inverted_bottlenecks, SWITCHERS[name](), alternation="joint")
    x, y = toys.data(shape=(8, 8, 1))
    history = toys.fit(model, x, y, epochs=3)
    assert history["loss"][-1] < history["loss"][0]
    small = model.compact()
    check_close(small.predict(x, verbose=0), model.predict(x, verbose=0), "trained backbone")
    check_close(small.predict(x, verbose=0), model(x, training=False), "trained backbone")


def test_coupled_producers_share_one_vector():
    model = SwitcherModel(inverted_bottlenecks())
    factors = model.scaling_factors()
    assert {name: len(vector) for name, vector in factors.items()} == {
        "stem": 6,
        "expand": 12,
        "squeeze": 4,
        "side": 5,
        "hidden": 7,
    }


def test_dense_gates_what_feeds_dense_layers_and_nothing_else():
    model = SwitcherModel(inverted_bottlenecks(), groups="dense")
    assert sorted(model.scaling_factors()) == ["hidden", "hidden/inputs"]


def test_size_of_the_row_switcher_does_not_depend_on_the_backbone():
    sizes = {
        SwitcherModel(task, switchers.RowSwitcher()).switcher.count_params()
        for task in (toys.mlp(), inverted_bottlenecks())
    }
    assert len(sizes) == 1


def test_gates_sit_where_kernels_read_and_nowhere_else():
    model = SwitcherModel(inverted_bottlenecks())
    edges = [edge.call.name for edge in model.gated.edges]
    assert sorted(edges) == ["excite", "expand", "head", "hidden", "project", "side", "squeeze"]
    ones = {group.name: ops.ones(group.size) for group in model.gated.groups}
    x, _ = toys.data(shape=(8, 8, 1))
    check_close(model.gated.run(x, ones, training=False), model.task(x, training=False), "ones")
