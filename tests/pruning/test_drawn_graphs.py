"""Removing channels is exact on graphs that nobody thought of."""

import os

import numpy as np
import pytest
from helpers.checks import draw_masks
from helpers.drawn_graphs import RECIPES, build
from helpers.exactness import check_exact_graph
from helpers.toys import float64
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keras_switcher import channel_groups

EXAMPLES = int(os.environ.get("DRAWN_GRAPHS", "25"))


# Elsewhere some of Keras's operations round float64 to float32.
@pytest.mark.only("tensorflow", reason="It needs float64 in every operation.")
@settings(
    max_examples=EXAMPLES,
    derandomize="DRAWN_GRAPHS" not in os.environ,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
@given(RECIPES, st.sampled_from([0.3, 0.5, 0.8]), st.integers(0, 1000), st.booleans())
def test_pruning_is_exact(recipe, removed, seed, step):
    # In float32 a channel that hardly varies in a batch, normalised, magnifies rounding a thousand
    # times in a training step.
    with float64():
        _check(build(**recipe), removed, seed, step)


def _check(model, removed, seed, step):
    keep, scale = draw_masks(channel_groups(model), removed, seed)
    for group in [group for group in keep if group.endswith("/inputs")]:
        keep[group] |= np.arange(len(keep[group])) % 7 > 0  # Else nothing is left of a channel.
    check_exact_graph(model, keep, scale, step, tolerance=1e-9)
