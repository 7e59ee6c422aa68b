"""A factor per connection: the same gates, budget, metrics, files and surgery as for channels."""

import keras
import numpy as np
import pytest
from helpers.checks import check_close
from helpers.gradients import gradient_of
from helpers.toys import (
    convnet,
    data,
    fit,
    float64,
    furthest,
    mlp,
    randomize,
    same,
    started,
    stepped,
    switched,
    values,
)
from keras import layers, ops

from keras_switcher import Budget, SwitcherModel, switchers

BOTH_GRAINS = (True, "both")


class Given(switchers.Switcher):
    """Factors drawn once, of which many are zero."""

    def build(self, records):
        random = np.random.default_rng(0)
        self.drawn = [
            (random.uniform(0.3, 2, r.shape) * (random.random(r.shape) > 0.6)).astype("f4")
            for r in records
        ]

    def call(self, records):
        return [ops.convert_to_tensor(drawn) for drawn in self.drawn]


def given(task=None, connections=True, **kwargs):
    task = task or mlp()
    randomize(task.trainable_variables)
    return switched(task, Given(), connections=connections, **kwargs)


@pytest.mark.parametrize("connections", BOTH_GRAINS)
@pytest.mark.parametrize("make_task", [mlp, convnet])
def test_gated_equals_compact_equals_exported(make_task, connections, tmp_path):
    model = given(make_task(), connections)
    x, _ = data(shape=model.task.input_shape[1:])
    outputs = model(x)
    assert float(ops.max(ops.abs(outputs - model.task(x)))) > 1e-2
    check_close(model.compact()(x), outputs)
    if keras.backend.backend() != "tensorflow":
        return  # The others make no SavedModel without it.
    import tensorflow as tf

    model.export(tmp_path / "model", verbose=False)
    exported = tf.saved_model.load(tmp_path / "model")
    check_close(exported.serve(x), outputs)


def test_a_gate_multiplies_each_weight():
    model = given()
    x, _ = data()
    factors = model.scaling_factors()
    hidden, head = model.task.layers
    values = np.maximum(x @ (hidden.kernel * factors["hidden/connections"]) + hidden.bias, 0)
    expected = values @ (head.kernel * factors["head/connections"]) + head.bias
    check_close(model(x), expected)


def test_factors_of_channels_and_connections_multiply():
    model = given(connections="both")
    x, _ = data()
    factors = model.scaling_factors()
    assert list(factors) == ["hidden", "hidden/inputs", "hidden/connections", "head/connections"]
    hidden, head = model.task.layers
    first = factors["hidden/inputs"][:, None] * factors["hidden/connections"]
    second = factors["hidden"][:, None] * factors["head/connections"]
    values = np.maximum(x @ (hidden.kernel * first) + hidden.bias, 0)
    check_close(model(x), values @ (head.kernel * second) + head.bias)


@pytest.mark.parametrize("connections", BOTH_GRAINS)
def test_evaluate_and_predict_use_the_same_factors(connections):
    model = given(connections=connections)
    x, y = data()
    check_close(model.predict(x, verbose=0), model(x))
    result = model.evaluate(x, y, verbose=0, return_dict=True)
    kept = float(model.accounting.kept(model.factors(), "weights"))
    assert result["weights_removed"] == pytest.approx(1 - kept)


def test_metrics_count_connections():
    model = given()
    x, y = data()
    result = model.evaluate(x, y, verbose=0, return_dict=True)
    every = np.concatenate([f.ravel() for f in model.scaling_factors().values()])
    assert result["weights_removed"] == pytest.approx(np.mean(every == 0))


@pytest.mark.parametrize("of", ["weights", "macs"])
def test_the_kept_share_counts_what_lies_between_live_channels(of):
    model = given(connections="both")
    factors = {name: factor > 0 for name, factor in model.scaling_factors().items()}
    between = {
        "hidden": factors["hidden/connections"]
        & factors["hidden/inputs"][:, None]
        & factors["hidden"],
        "head": factors["head/connections"] & factors["hidden"][:, None],
    }
    left = sum(mask.sum() for mask in between.values()) / (4 * 8 + 8 * 3)
    assert float(model.accounting.kept(model.factors(), of)) == pytest.approx(left)


def test_structure_counts_what_is_left_after_surgery():
    model = given(mlp(units=40))
    structure = model.structure()
    small = model.compact()
    left = sum(np.count_nonzero(layer.kernel) for layer in small.layers if hasattr(layer, "units"))
    assert structure.after["weights"] == structure.after["macs"] == left
    assert structure.after["parameters"] >= small.count_params() - 3  # A bias may be new.
    assert [group.name for group in structure.groups] == ["hidden/connections", "head/connections"]
    assert sum(group.kept for group in structure.groups) == left
    assert [group.total for group in structure.groups] == [4 * 40, 40 * 3]


@pytest.mark.parametrize("switcher", ["row", "unet"])
@pytest.mark.parametrize("alternation", ["batch", "joint", "epoch"])
def test_both_networks_learn(switcher, alternation):
    model = started(switcher=switcher, connections=True, alternation=alternation)
    before = values(model.task.trainable_variables), values(model.switcher.trainable_variables)
    stepped(model, epochs=2)
    after = model.task.trainable_variables, model.switcher.trainable_variables
    for old, new in zip(before, after, strict=True):
        assert furthest(old, new) > 0


def test_the_gradient_flows_through_the_switchers_input():
    model = started(switcher=switchers.RowSwitcher(start="near_one"), connections=True)
    x, y = data()
    kernel = model.task.layers[0].kernel

    def loss(_):
        return model.compute_loss(x, y, model.call(x, training=True))

    def gradient(through):
        model.gradient_through_switcher = through
        return gradient_of(loss, kernel)

    assert float(ops.max(ops.abs(gradient(True) - gradient(False)))) > 1e-6


def test_a_budget_is_met():
    budget = Budget(0.3, start_epoch=0, end_epoch=10)
    model = started(lambda: mlp(units=40), connections=True, alternation="joint", budget=budget)
    history = fit(model, *data(96), epochs=30)
    assert history["weights_removed"][-1] == pytest.approx(0.7, abs=0.05)
    assert history["loss"][-1] < history["loss"][0]


def test_a_budget_out_of_reach_is_refused():
    with pytest.raises(ValueError, match=r"cannot bring the weights down to 1\.00%"):
        SwitcherModel(mlp(), connections=True, budget=Budget(0.01))


@pytest.mark.parametrize("connections", BOTH_GRAINS)
@pytest.mark.parametrize("switcher", ["row", "unet"])
def test_saving(switcher, connections, tmp_path):
    model = started(switcher=switcher, connections=connections, groups=["hidden"])
    stepped(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.connections == connections
    loaded.run_eagerly = True  # As the model: a graph rounds in another order.
    assert same(model, loaded)
    assert same(model.scaling_factors().values(), loaded.scaling_factors().values())
    stepped(model)
    stepped(loaded)
    assert same(model, loaded)


@pytest.mark.parametrize(
    "control",
    [
        lambda: switchers.FreeFactors(start="half_zeros", seed=0),
        lambda: switchers.FrozenSwitcher(switchers.RowSwitcher(start="near_one"), keep=0.25),
        lambda: switchers.ShuffledInput(switchers.RowSwitcher(start="half_zeros")),
        lambda: switchers.ConstantInput(switchers.RowSwitcher(start="half_zeros")),
    ],
)
def test_controls(control):
    model = started(switcher=control(), connections=True)
    stepped(model)
    for name, factor in model.scaling_factors().items():
        assert factor.shape == model.task.get_layer(name.split("/")[0]).kernel.shape
        assert (factor == 0).any()
        assert (factor > 0).any()


def test_a_frozen_switcher_keeps_the_share():
    row = switchers.RowSwitcher(start="near_one")
    model = started(switcher=switchers.FrozenSwitcher(row, keep=0.25), connections=True)
    for factor in model.scaling_factors().values():
        assert np.count_nonzero(factor) == round(0.25 * factor.size)


def test_no_optimizer_is_carried_over():
    with pytest.raises(ValueError, match="no place for a factor per connection"):
        given().compact(optimizer=True)


def test_mixed_precision():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = started(connections=True)
        fit(model)
    finally:
        keras.config.set_dtype_policy("float32")
    assert all(factor.dtype == "float32" for factor in model.scaling_factors().values())


def test_float64():
    with float64():
        model = given(connections="both")
        x, _ = data()
        difference = np.abs(model.compact()(x) - model(x)).max()
    assert difference < 1e-7  # Plans hold factors in float32.


def test_a_shared_layer_has_one_matrix():
    inputs = keras.Input((4,))
    shared = layers.Dense(4, "tanh", name="shared")
    task = keras.Model(inputs, layers.Dense(3, name="head")(shared(shared(inputs))))
    model = given(task)
    x, _ = data()
    assert list(model.scaling_factors()) == ["shared/connections", "head/connections"]
    kernel = shared.kernel * model.scaling_factors()["shared/connections"]
    once = np.tanh(x @ kernel + shared.bias)
    twice = np.tanh(once @ kernel + shared.bias)
    head = task.get_layer("head")
    expected = twice @ (head.kernel * model.scaling_factors()["head/connections"]) + head.bias
    check_close(model(x), expected)
    check_close(model.compact()(x), expected)
