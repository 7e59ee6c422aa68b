"""What is found in a layer is compared with it: once for each kind, and each that differs."""

import keras
import numpy as np
import pytest
from helpers.checks import check_close, masks_for, with_random_weights
from helpers.composites import Composite, ConvNorm, DropPath, Encoder, Residual, pictures
from helpers.exactness import check_exact_graph
from keras import layers, ops

from keras_switcher.graph.call import Call
from keras_switcher.graph.opening.comparison import Comparison
from keras_switcher.graph.opening.kinds import Kinds
from keras_switcher.graph.tracing import trace
from keras_switcher.random_generators import generator_states

OTHER = "what was found in it computes something else"


class Liar(Composite):
    """Does on numbers what it does not do on symbolic tensors, where attributes say so."""

    runs = 0

    def __init__(self, width=8, lie=None, by=2.0, **kwargs):
        super().__init__(width, **kwargs)
        self.lie, self.by = lie, by

    def build(self, shape):
        self.conv = layers.Conv2D(self.width, 1)
        self.norm = layers.BatchNormalization()
        self.conv.build(shape)
        self.norm.build((*shape[:-1], self.width))

    def call(self, x, training=None):
        lie = None if isinstance(x, keras.KerasTensor) else self.lie
        Liar.runs += not isinstance(x, keras.KerasTensor)
        if lie == "raises":
            raise ValueError("on numbers it fails")
        if lie == "before":
            x = x * self.by
        h = self.norm(self.conv(x), training=training and lie != "normalizes as ever")
        if lie == "in training" and training:
            h = h * self.by
        if lie == "twice":
            self.norm(h, training=training)
        return h * self.by if lie == "after" else ops.relu(h)


class Sequence(Composite):
    """Other layers one after another."""

    def __init__(self, parts, **kwargs):
        super().__init__(**kwargs)
        self.parts = parts

    def build(self, shape):
        for part in self.parts:
            part.build(shape)

    def call(self, x, training=None):
        for part in self.parts:
            x = part(x, training=training)
        return x


def closed(model):
    """The names of the layers that stay closed, and why."""
    names = {id(layer): layer.name for layer in model._flatten_layers()}
    return {names[key]: why.reason for key, why in trace(model).closed.items()}


LIES = ("before", "after", "in training", "twice", "normalizes as ever")


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("first", [False, True], ids=["second", "first"])
def test_one_that_differs_by_an_attribute_is_closed_and_its_equals_are_opened(lie, first):
    """`lie` is in no configuration: only attributes tell the two apart."""
    honest = [Liar(6, name="a"), Liar(6, name="b")]
    blocks = [Liar(6, lie, name="liar"), *honest]
    found = closed(pictures(*(blocks if first else blocks[::-1])))
    assert found.keys() == {"liar"}
    assert found["liar"].startswith(OTHER)


@pytest.mark.parametrize("lie", LIES)
def test_one_that_differs_deep_within_a_layer_is_closed_alone(lie):
    parts = [Liar(6, name="a"), Liar(6, lie, name="liar"), Liar(6, name="b")]
    model = pictures(Sequence(parts, name="all"), Liar(6, name="c"))
    assert closed(model).keys() == {"liar"}
    names = [call.name for call in trace(model).calls]
    assert {"all/parts_0/conv", "all/parts_1", "all/parts_2/conv", "c/conv"} <= set(names)


@pytest.mark.parametrize("by", [np.full(6, 2.0), 3.0, ops.ones(6) * 2])
def test_constants_that_differ_are_told_apart(by):
    ones = np.ones(6, "float32")
    model = pictures(Liar(6, "after", by=ones, name="a"), Liar(6, "after", by=by, name="b"))
    # Where it is one, the first does not even take the way that the recording did: no ReLU.
    assert closed(model).keys() == {"a", "b"}
    model = pictures(Liar(6, "before", by=ones, name="a"), Liar(6, "before", by=by, name="b"))
    assert closed(model).keys() == {"b"}


class Scaled(Composite):
    """Multiplies with an array that is no weight."""

    def __init__(self, values=None, **kwargs):
        super().__init__(**kwargs)
        self.values = values

    def get_config(self):
        return {**super().get_config(), "values": list(map(float, self.values))}

    def call(self, x):
        return x * self.values


def test_layers_that_hold_other_constants_are_all_opened():
    values = np.random.default_rng(0).uniform(1, 2, size=(2, 6)).astype("float32")
    blocks = [Scaled(values[0], name="a"), Scaled(values[1], name="b"), Scaled(values[1], name="c")]
    model = pictures(*blocks)
    assert not closed(model)
    x = np.random.default_rng(1).normal(size=(2, 8, 8, 3)).astype("float32")
    made = trace(model).replay(x, lambda call, args, kwargs: call.op(*args, **kwargs))
    check_close(made, model(x), "what is found in it")


def test_layers_of_one_kind_are_run_once():
    Liar.runs = 0
    model = pictures(Liar(6), Liar(6), Sequence([Liar(6) for _ in range(5)]))
    Liar.runs = 0
    assert not closed(model)
    assert Liar.runs == 2  # In inference, and in training.


def test_comparing_leaves_nothing_behind_though_a_layer_fails():
    model = pictures(Sequence([Liar(6, name="a"), Liar(6, name="b")], name="all"), Residual(5))
    next(part for part in model._flatten_layers() if part.name == "b").lie = "raises"
    parts, generators = model._flatten_layers(), generator_states()
    before = [(set(vars(part)), [v.numpy() for v in part.variables]) for part in parts]
    why = "it could not be run on random values to see what it computes"
    assert closed(model)["all"] == why
    assert generator_states() == generators
    for part, (names, values) in zip(parts, before, strict=True):
        assert set(vars(part)) == names
        for variable, value in zip(part.variables, values, strict=True):
            np.testing.assert_array_equal(variable.numpy(), value)


class Positions(Composite):
    """Returns its own weights as they are."""

    def build(self, shape):
        self.places = self.add_weight(shape=shape[1:], initializer="zeros", name="places")

    def call(self, x):
        return self.places


class Placed(Composite):
    """Adds weights that a layer in it returns."""

    def build(self, shape):
        self.positions = [Positions(), Positions()]
        for each in self.positions:
            each.build(shape)

    def call(self, x):
        return x + self.positions[0](x) + self.positions[1](x)


def test_weights_that_are_returned_are_compared_as_they_are_in_the_run(monkeypatch):
    found, compare = [], Comparison.why_different
    monkeypatch.setattr(
        Comparison, "why_different", lambda self: found.append(compare(self)) or found[-1]
    )
    assert not closed(pictures(Placed(name="placed")))
    assert found == [None]  # At first, not only where all layers are run.


def kind_of(kinds, layer, shape=(None, 8, 8, 6)):
    inputs = keras.KerasTensor(shape)
    layer.build(shape)
    return kinds.of(Call(layer, layer.name, (inputs,), {}, inputs))


class Holder(Composite):
    """Holds anything."""

    def __init__(self, held, **kwargs):
        super().__init__(**kwargs)
        self.held = held

    def build(self, shape):
        for part in self._flatten_layers(include_self=False):
            part.build(shape)

    def call(self, x):
        return x


def scaled_by(number):
    return lambda x: x * number


KINDS = {
    "a number": (1, 2),
    "its type": (1, 1.0),
    "an array": (np.zeros(3), np.ones(3)),
    "an entry": ([1, 2], [1, 3]),
    "nested": ({"a": (1, [2])}, {"a": (1, [3])}),
    "what a function encloses": (scaled_by(1), scaled_by(2)),
    "code": (lambda x: x, lambda x: x + 1),
    "a slice": (slice(1), slice(2)),
    "unknown": (object(), object()),
    "layers": (layers.Dense(3, "relu"), layers.Dense(3, "tanh")),
    "a shared layer": ([layers.ReLU()] * 2, [layers.ReLU(), layers.ReLU()]),
}


@pytest.mark.parametrize("name", KINDS)
def test_what_layers_hold_makes_their_kind(name):
    kinds = Kinds()
    first, second = (kind_of(kinds, Holder(held)) for held in KINDS[name])
    assert first != second
    if name not in ("unknown", "layers"):
        assert kind_of(kinds, Holder(KINDS[name][0])) == first


@pytest.mark.parametrize(
    "make",
    [
        lambda: ConvNorm(8),
        lambda: Residual(8),
        lambda: DropPath(0.1),
        lambda: Holder(scaled_by(2)),
        lambda: Holder(layers.Dense(3, "relu")),
    ],
)
def test_names_and_initial_values_do_not_make_a_kind(make):
    kinds = Kinds()
    assert kind_of(kinds, make()) == kind_of(kinds, make())


def test_shapes_make_a_kind():
    kinds = Kinds()
    assert kind_of(kinds, ConvNorm(8)) != kind_of(kinds, ConvNorm(7))
    assert kind_of(kinds, DropPath()) != kind_of(kinds, DropPath(), (None, 8, 8, 5))


def test_equal_encoders_are_opened_and_exact():
    inputs = keras.Input((7, 6))
    h = layers.Dense(8, name="stem")(inputs)
    for name in "abc":
        h = Encoder(12, name=name)(h)
    model = with_random_weights(keras.Model(inputs, layers.Dense(4)(h[:, 0])))
    assert not closed(model)
    check_exact_graph(model, *masks_for(model))
