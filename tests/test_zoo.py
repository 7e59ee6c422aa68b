"""All models of keras.applications, on small images: exact, plain, prunable and counted right.

One of each of eight families in every run, all with `pytest -m long tests/test_zoo.py`; so is what
`predict()` returns, for six of them.
`python -m recipes.benchmarks.zoo` says what can be pruned and what is left at their own sizes.
"""

import gc
from itertools import cycle

import keras
import numpy as np
import pytest
from helpers.checks import check_close, check_plain
from helpers.lengths import long_but
from helpers.zoo_counting import GROUPED, counted_macs, profiled_macs
from helpers.zoo_exactness import Gates
from keras import applications

from keras_switcher import SwitcherModel
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.switchers import FreeFactors
from recipes.benchmarks.exactness import draw_factors
from recipes.benchmarks.zoo import is_prunable, producing_layers
from recipes.networks.backbones import FAMILIES, NAMES, backbone

TOLERANCE = 1e-4
SMALLEST_SIZES = {"InceptionV3": 75, "InceptionResNetV2": 75, "Xception": 71}
REMOVED = dict(zip(NAMES, cycle((0.3, 0.5, 0.8)), strict=False))
SAMPLE = (
    *("ResNet50V2", "MobileNetV2", "MobileNetV3Small", "DenseNet121", "EfficientNetV2B0"),
    *("InceptionV3", "Xception", "ConvNeXtTiny"),
)
PROFILED = ("MobileNetV2", "MobileNetV3Small", "ConvNeXtTiny")
SMALL = 1_000_000  # Parameters of compact models that are saved and loaded too.


@pytest.fixture(autouse=True)
def free_memory():
    yield
    keras.backend.clear_session()
    gc.collect()


def build_small(name):
    return backbone(name, SMALLEST_SIZES.get(name, 32), classes=10)


def test_every_model_is_in_the_zoo():
    functions = {name for name in dir(applications) if name[0].isupper()}
    assert functions == set(NAMES)
    assert len(NAMES) == 40


@pytest.mark.parametrize("name", long_but(SAMPLE, NAMES))
def test_compact_model_equals_the_gated_one(name):
    model = build_small(name)
    gates = Gates(model)
    comparison = gates.compare(REMOVED[name])
    small = comparison.small
    assert comparison.difference <= TOLERANCE
    assert 0.1 < comparison.spread < 100
    assert small.count_params() < model.count_params()
    assert {type(layer).__module__.split(".")[0] for layer in small.operations} == {"keras"}
    check_what_is_locked(name, model, gates.channel_graph)
    if small.count_params() < SMALL:
        check_plain(small, comparison.x)


@pytest.mark.only("tensorflow", reason="It needs float64 in every operation.")
@pytest.mark.parametrize("name", long_but(SAMPLE, ["MobileNetV2", "EfficientNetB0"]))
def test_differences_are_rounding_errors(name):
    """In float64 nothing is left of them."""
    keras.config.set_dtype_policy("float64")
    comparison = Gates(build_small(name)).compare(0.3)
    assert comparison.difference <= 1e-11


@pytest.mark.long
@pytest.mark.parametrize("name", SAMPLE[:5] + SAMPLE[-1:])
def test_predictions_are_those_of_the_compact_model(name):
    """On the backend that Keras runs on, in its compiled functions."""
    task = build_small(name)
    gates = Gates(task)
    x = gates.compare(0.5).x  # Its statistics are those of these images and factors.
    drawn = draw_factors(gates.channel_graph, 0.5, np.random.default_rng(0))
    model = SwitcherModel(task, FreeFactors(ceiling=None))
    factors = [drawn[name] for name in model.gated.names]
    model.switcher.parameters.assign(np.concatenate(factors))
    np.testing.assert_array_equal(next(iter(model.scaling_factors().values())), factors[0])
    expected, actual = (m.predict(x, verbose=0) for m in (model, model.compact()))
    assert 0.1 < expected.std() < 100
    check_close(actual, expected, name)


def check_what_is_locked(name, model, channel_graph):
    """The classifier; in ConvNeXt, all but the inner widths of the blocks."""
    producers = producing_layers(channel_graph)
    free = {layer.name for layer in producers if is_prunable(channel_graph, layer)}
    if name in FAMILIES["ConvNeXt"]:
        inner = {layer.name for layer in producers if "pointwise_conv_1" in layer.name}
        assert free == inner
    else:
        assert [layer for layer in producers if layer.name not in free] == producers[-1:]
        assert producers[-1].output.shape[-1] == 10


@pytest.mark.only("tensorflow", reason="It has TensorFlow's profiler count.")
@pytest.mark.parametrize(
    "name", long_but(("MobileNetV2", "MobileNetV3Small", "ConvNeXtTiny"), NAMES)
)
def test_macs_are_those_of_tensorflow(name):
    model = build_small(name)
    counted = counted_macs(ChannelGraph(model))
    grouped = counted.pop(GROUPED, 0)  # The profiler counts nothing there.
    assert counted == profiled_macs(model)
    assert (grouped > 0) == (name in FAMILIES["ConvNeXt"])


def test_grouped_macs_by_hand():
    model = keras.Sequential(
        [keras.Input((8, 8, 12)), keras.layers.Conv2D(6, 3, padding="same", groups=3)]
    )
    assert counted_macs(ChannelGraph(model)) == {GROUPED: 8 * 8 * 3 * 3 * 4 * 6}
