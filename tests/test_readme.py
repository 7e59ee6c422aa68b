"""What the README shows is true."""

import re
from pathlib import Path

import keras
import numpy as np
from helpers.checks import check_close, draw_inputs, run_gated, with_random_weights
from keras import layers

from keras_switcher import channel_groups, prune_channels

README = Path(__file__).parents[1] / "README.md"


def blocks(under):
    """The Python blocks under a heading."""
    section = README.read_text().split(f"## {under}\n")[1].split("\n## ")[0]
    return re.findall("```python\n(.*?)```", section, re.DOTALL)


def test_examples_of_use_run_one_after_the_other(monkeypatch, tmp_path):
    random = np.random.default_rng(0)
    part = random.integers(256, size=(128, 28, 28)), random.integers(10, size=128)
    monkeypatch.setattr(keras.datasets.mnist, "load_data", lambda: (part, part))
    monkeypatch.chdir(tmp_path)
    names = {}
    first, backbone, trained, masks = blocks("Use it")
    exec(first, names)
    names["task"].save("trained.keras")
    x = np.float32(part[0] / 255)
    check_close(names["small"](x), names["model"](x))
    check_close(keras.models.load_model("small.keras")(x), names["model"](x))
    assert "MobileNetV2" in backbone  # `tests/test_backbones.py` has those.
    exec(trained, {**names})
    exec(masks, names)
    assert names["small"].count_params() < names["task"].count_params()
    exec(*blocks("Cut single connections"), names)
    assert names["model"].connections


def test_rule_for_a_layer_of_ones_own():
    names = {"keras": keras}
    exec(*blocks("Teach it your own layer"), names)
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(6, name="hidden"),
            names["Offset"](),
            layers.ReLU(),
            layers.Dense(2, name="head"),
        ]
    )
    group = next(group for group in channel_groups(model) if group.name == "hidden")
    assert group.prunable
    keep = {"hidden": np.array([True, False, True, False, False, True])}
    small = prune_channels(with_random_weights(model), keep)
    assert small.layers[2].offset.shape == (3,)
    x = draw_inputs(model)
    check_close(small(x), run_gated(model, {"hidden": np.float32(keep["hidden"])}, x))
