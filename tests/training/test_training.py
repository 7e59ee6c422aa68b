"""fit(): the kinds of data, weights and precision that it takes, and what it minimises."""

import keras
import numpy as np
import pytest
from helpers.gradients import value_and_gradient
from helpers.toys import (
    crossentropy,
    data,
    fit,
    float64,
    furthest,
    mlp,
    same,
    started,
    switched,
    values,
)
from keras import layers, ops

from keras_switcher import SwitcherModel
from keras_switcher.switchers import FreeFactors, RowSwitcher


class Batches(keras.utils.PyDataset):
    """The batches that `fit` makes of `data()`."""

    def __init__(self):
        super().__init__()
        self.x, self.y = data()

    def __len__(self):
        return len(self.x) // 4

    def __getitem__(self, i):
        return self.x[4 * i : 4 * i + 4], self.y[4 * i : 4 * i + 4]


def generator():
    batches = Batches()
    while True:
        yield from (batches[i] for i in range(len(batches)))


@pytest.fixture(scope="module")
def by_numpy():
    """Weights after two epochs on NumPy arrays."""
    model = started()
    fit(model, epochs=2)
    return values(model)


def dataset(arrays, size=4):
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices(arrays).batch(size)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(
            lambda: {"x": dataset(data())},
            marks=pytest.mark.only("tensorflow", reason="tf.data is TensorFlow's."),
        ),
        lambda: {"x": generator(), "steps_per_epoch": 8},
        lambda: {"x": Batches()},
    ],
    ids=["tf.data", "generator", "PyDataset"],
)
def test_any_source_of_the_same_batches_trains_the_same(arguments, by_numpy):
    model = started()
    model.fit(**arguments(), epochs=2, shuffle=False, verbose=0)
    assert furthest(by_numpy, values(model)) < 1e-6


@pytest.mark.parametrize("alternation", ["joint", "batch"])
def test_weighted_samples_weigh_loss_and_gradients(alternation):
    x, y = data()
    weight = np.linspace(0, 2, len(x)).astype("float32")
    model = started(alternation=alternation, rate=1.0)
    if alternation == "batch":  # A switcher that stands still leaves one gradient to compare.
        model.switcher_optimizer.learning_rate = 0.0
    variables = model.task.trainable_variables

    def weighted(variables):
        each = keras.losses.sparse_categorical_crossentropy(y, model(x), from_logits=True)
        return ops.sum(each * weight) / len(x)

    loss, expected = value_and_gradient(weighted, variables)
    before = values(variables)
    history = fit(model, x, y, sample_weight=weight, batch_size=len(x))
    moved = [old - new for old, new in zip(before, values(variables), strict=True)]
    assert furthest(moved, expected) < 1e-6
    assert history["loss"] == [pytest.approx(float(loss), rel=1e-6)]


def test_class_weights_are_sample_weights():
    x, y = data()
    by_class, by_sample = started(), started()
    fit(by_class, x, y, class_weight={0: 0.2, 1: 1.0, 2: 3.0})
    fit(by_sample, x, y, sample_weight=np.array([0.2, 1.0, 3.0], "float32")[y])
    assert furthest(by_class.weights, by_sample.weights) < 1e-6


def test_losses_of_the_task_network_count():
    x, y = data()
    regularizer = keras.regularizers.L2(0.3)
    task = mlp(kernel_regularizer=regularizer, activity_regularizer=regularizer)
    task.compile("sgd", crossentropy())
    model = switched(task, RowSwitcher(start="one"), alternation="joint", rate=0.01)
    expected = task.evaluate(x, y, verbose=0)
    assert expected > 1.2 * float(crossentropy()(y, task(x)))
    for _ in range(2):  # A stale loss of the first call would show in the second.
        model(x)
        assert model.evaluate(x, y, verbose=0) == pytest.approx(expected, rel=1e-5)
    history = fit(model, x, y, batch_size=len(x), validation_data=(x, y))
    assert history["loss"] == [pytest.approx(expected, rel=1e-5)]
    assert history["val_loss"][0] == pytest.approx(task.evaluate(x, y, verbose=0), rel=0.05)


class WithLoss(layers.Layer):
    """Asks for what comes close to its input, without any labels."""

    def call(self, inputs):
        reconstructed, original = inputs
        self.add_loss(keras.ops.mean(keras.ops.square(reconstructed - original)))
        return reconstructed


@pytest.mark.parametrize("alternation", ["joint", "batch"])
def test_a_network_with_its_own_loss_needs_no_labels(alternation):
    inputs = keras.Input((4,))
    made = layers.Dense(4)(layers.Dense(8, "relu", name="hidden")(inputs))
    task = keras.Model(inputs, WithLoss()([made, inputs]))
    model = SwitcherModel(task, alternation=alternation)
    model.compile("sgd")
    x, _ = data()
    losses = model.fit(x, batch_size=8, epochs=9, verbose=0).history["loss"]
    assert losses[-1] < 0.9 * losses[0]
    expected = float(np.mean(np.square(model.predict(x, verbose=0) - x)))
    assert model.evaluate(x, verbose=0) == pytest.approx(expected, rel=1e-5)


def test_early_stopping_ends_training_when_the_loss_no_longer_falls():
    model = started(rate=0.0)
    stop = keras.callbacks.EarlyStopping("loss", patience=2, restore_best_weights=True)
    history = fit(model, epochs=50, callbacks=[stop])
    assert len(history["loss"]) == 3
    model = started(rate=0.3)
    start = values(model.task.weights)
    stop = keras.callbacks.EarlyStopping("loss", mode="max", patience=1, restore_best_weights=True)
    after = []
    record = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: after.append(values(model.task.weights))
    )
    fit(model, epochs=9, callbacks=[stop, record])
    assert same(after[0], model.task.weights)
    assert not same(start, model.task.weights)


def two_chains(as_dict):
    """Two inputs and two outputs, each pair a chain of its own."""
    inputs = [keras.Input((4,), name=name) for name in ("a", "b")]
    heads = [
        layers.Dense(3, name=f"head_{x.name}")(layers.Dense(8, "relu", name=f"hidden_{x.name}")(x))
        for x in inputs
    ]
    if not as_dict:
        return keras.Model(inputs, heads)
    pairs = list(zip("ab", inputs, heads, strict=True))
    outputs = {f"head_{name}": head for name, _, head in pairs}
    return keras.Model({name: x for name, x, _ in pairs}, outputs)


@pytest.mark.parametrize("as_dict", [False, True], ids=["list", "dict"])
def test_several_inputs_and_outputs(as_dict):
    x, y = data()
    inputs = {"a": x, "b": x[::-1]} if as_dict else [x, x[::-1]]
    labels = {"head_a": y, "head_b": y[::-1]} if as_dict else [y, y[::-1]]
    losses = {name: crossentropy() for name in labels} if as_dict else [crossentropy()] * 2
    ones = RowSwitcher(start="one")
    model = started(lambda: two_chains(as_dict), ones, compiled={"loss": losses}, rate=0.3)
    start = values(model.task.weights)
    history = fit(model, inputs, labels, epochs=8)
    assert history["loss"][-1] < 0.6 * history["loss"][0]
    parts = np.add(history["head_a_loss"], history["head_b_loss"])
    np.testing.assert_allclose(history["loss"], parts, rtol=1e-5)
    assert all(not same([old], [new]) for old, new in zip(start, model.task.weights, strict=True))
    outputs, small = model.predict(inputs, verbose=0), model.compact()(inputs)
    keras.tree.assert_same_structure(outputs, small)
    for ours, theirs in zip(keras.tree.flatten(outputs), keras.tree.flatten(small), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


class Sum(layers.Layer):
    """Adds its second input, if there is one."""

    def call(self, x, y=None):
        return x if y is None else x + y


@pytest.mark.parametrize("alternation", ["joint", "batch"])
def test_an_optional_input_may_be_left_out(alternation):
    def task():
        inputs = [keras.Input((4,), name="a"), keras.Input((4,), name="b", optional=True)]
        return keras.Model(inputs, mlp()(Sum()(*inputs)))

    with float64():
        x, y = data()
        # Free factors: the row switcher sees how deep a layer lies.
        model, alone = (
            started(make, FreeFactors(), alternation=alternation) for make in (task, mlp)
        )
        losses = fit(model, [x, None], y)["loss"], fit(alone, x, y)["loss"]
        np.testing.assert_allclose(*losses, rtol=1e-9)
        small = model.compact()
        for inputs in ([x, None], [x, x]):
            np.testing.assert_allclose(small(inputs), model(inputs), rtol=1e-5)
            np.testing.assert_allclose(model.predict(inputs, verbose=0), model(inputs), rtol=1e-9)


@pytest.mark.only("tensorflow", reason="Keras has sparse tensors under TensorFlow alone.")
def test_sparse_inputs():
    import tensorflow as tf

    def task():
        inputs = keras.Input((4,), sparse=True)
        return keras.Model(inputs, mlp()(inputs))

    with float64():
        x, y = data()
        x *= x > 0
        sparse = tf.sparse.from_dense(x)
        # The inputs of a sparse tensor are not switched: layers read it as it is.
        model, dense = started(task, FreeFactors()), started(mlp, FreeFactors(), groups=["hidden"])
        assert [counts.name for counts in model.structure().groups] == ["hidden"]
        batches = dataset((sparse, y))
        losses = fit(model, batches)["loss"], fit(dense, x, y)["loss"]
        np.testing.assert_allclose(*losses, rtol=1e-9)
        small = model.compact()
        assert small.inputs[0].sparse
        np.testing.assert_allclose(small(sparse), model(x), rtol=1e-5, atol=1e-7)
