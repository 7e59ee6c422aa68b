"""The paper's convolutional networks have its weights and MACs, and are gated where it says."""

from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import keras_switcher as ks
from recipes.datasets import Data, Part
from recipes.methods.switching import kept_by
from recipes.networks import TASKS
from recipes.settings import Settings
from recipes.switchers import switched
from recipes.trials import structures
from recipes.trials.measuring import measure
from recipes.trials.trial import Experiment, Outcome, Trial

HALF = Settings(precision="mixed_bfloat16")

# Weights without biases, and MACs; method, section 5, and He et al. for the residual networks.
COUNTS = {
    "vgg_cov2": (4_300_992, 43_780_608),
    "vgg16": (33_625_792, 332_111_872),
    "resnet20": (270_896, 40_813_184),
    "resnet32": (464_432, 69_124_736),
    "resnet56": (851_504, 125_747_840),
    "resnet34": (21_265_088, 1_159_402_496),
    "mobilenet": (3_195_328, 46_354_432),
    "mobilenet_quarter": (210_160, 3_331_072),
    "mini_resnet34": (21_311_168, 2_190_300_160),
    # Ours.
    "small_residual": (111_776, 12_607_808),
    "small_inverted": (25_712, 2_408_768),
}
OF_DENSE_LAYERS = {
    "vgg_cov2": [16384, 256, 256],
    "vgg16": [512, 4096, 4096],
    "resnet34": [512],
    "mobilenet": [1024],
}


@pytest.mark.parametrize("task", COUNTS)
def test_weights_and_macs_are_the_published_ones(task):
    network = TASKS[task].network()
    kernels = [w for w in network.trainable_weights if len(w.shape) > 1]
    weights = sum(int(np.prod(kernel.shape)) for kernel in kernels)
    assert (weights, ks.count_macs(network).total) == COUNTS[task]


@pytest.mark.parametrize("task", OF_DENSE_LAYERS)
def test_dense_layers_have_the_papers_factors(task):
    groups = ks.SwitcherModel(TASKS[task].network(), groups="dense").gated.groups
    sizes = [group.size for group in sorted(groups, key=lambda group: group.depth)]
    assert sizes == OF_DENSE_LAYERS[task]


def test_equal_weights_are_not_equal_macs():
    network = TASKS["vgg_cov2"].network()
    sizes = {g.name: g.size for g in ks.channel_groups(network) if g.prunable}
    keep = {name: np.arange(size) < 0.8 * size for name, size in sizes.items()}
    keep["conv_1"][:], keep["conv_2"][:] = True, True
    most = structures.weights_of(network, keep)
    uniform = structures.uniform_structure(network, most, 0, structures.weights_of)
    filled = structures.filled_structure(network, uniform, most, 0, structures.weights_of)
    assert 0.98 * most < structures.weights_of(network, filled) <= most
    assert structures.macs_of(network, filled) < 0.95 * structures.macs_of(network, keep)


def test_half_precision_ends_in_whole_logits(tmp_path):
    experiment = Experiment("half", "mobilenet_quarter", "dense", HALF)
    network = Trial(experiment, 0, tmp_path).network()
    assert network.get_layer("pointwise_13").compute_dtype == "bfloat16"
    assert network.output.dtype == "float32"


def test_inputs_of_a_dense_layer_alone_are_measured(tmp_path):
    settings = replace(HALF, groups="dense", budget=None, start="half_zeros")
    experiment = Experiment("inputs", "resnet20", "switched", settings)
    trial = Trial(experiment, 0, tmp_path)
    model = switched(trial.network(), settings, 1000)
    keep = kept_by(model)
    few = Part(np.zeros((4, 32, 32, 3), "uint8"), np.zeros(4, "int64"))
    measured = {"network": trial.network, "data": Data(few, few, "test"), "settings": settings}
    row = measure(SimpleNamespace(**measured), Outcome(model, 1, keep))
    left = int(keep["head/inputs"].sum())
    assert 0 < left < 64
    assert (np.array(row["factors"]) > 0).tolist() == keep["head/inputs"].tolist()
    assert row["widths"] == str(left)
    assert row["dense_weights_removed"] == pytest.approx(1 - left / 64, abs=1e-6)


def test_bytes_are_read_as_numbers_and_scaled():
    network = TASKS["mobilenet_quarter"].network()
    pictures = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), "uint8")
    scaled = keras.Model(network.input, network.get_layer("rescaling").output)(pictures)
    expected = (pictures - np.array([125.3, 123.0, 113.9])) / np.array([63.0, 62.1, 66.7])
    np.testing.assert_allclose(scaled, expected, atol=1e-5)
    outputs = network.predict(pictures, verbose=0)
    np.testing.assert_allclose(network(pictures.astype("float32")), outputs, atol=1e-5)
    np.testing.assert_allclose(ks.SwitcherModel(network)(pictures), outputs, atol=1e-5)
