"""What the README shows is true."""

import re
from pathlib import Path

import keras
import numpy as np
from checks import check_close, draw_inputs, randomise, run_gated
from keras import layers

from keras_switcher import channel_groups, prune_channels

README = Path(__file__).parents[1] / "README.md"


def block(under):
    """The first Python block under a heading."""
    section = README.read_text().split(f"## {under}\n")[1]
    return re.search("```python\n(.*?)```", section, re.DOTALL)[1]


def test_rule_for_a_layer_of_ones_own():
    names = {"keras": keras}
    exec(block("Teach it your own layer"), names)
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
    small = prune_channels(randomise(model), keep)
    assert small.layers[2].offset.shape == (3,)
    x = draw_inputs(model)
    check_close(small(x), run_gated(model, {"hidden": np.float32(keep["hidden"])}, x))
