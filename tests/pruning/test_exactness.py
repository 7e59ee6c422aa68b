"""Removing channels is exact on every graph of the table, and refused only where it must be."""

from functools import lru_cache

import keras
import numpy as np
import pytest
from helpers.checks import check_plain, draw_inputs, masks_for
from helpers.exactness import check_exact_graph
from helpers.lengths import one_in_turn
from helpers.synthetic import GRAPHS

from keras_switcher import channel_groups

# JAX compiles anew for each network and size: every third here, all with -m long.
IS_LONG = {name: keras.backend.backend() == "jax" and i % 3 for i, name in enumerate(GRAPHS)}
RUN = {
    "layer_normalization_of_positions": pytest.mark.only(
        "tensorflow", "jax", reason="Under PyTorch Keras normalises the last axes alone."
    ),
    "repeated_as_often_as_each": pytest.mark.only(
        "tensorflow", reason="Elsewhere Keras repeats all alike, or by arrays, which no file holds."
    ),
}


def marks(name):
    return [*([pytest.mark.long] if IS_LONG[name] else []), *([RUN[name]] if name in RUN else [])]


LIGHT = 0.3
EXAMPLES = one_in_turn((0.5, 0.8, LIGHT), GRAPHS, marks)
UNSAVED = ("clipped_by_arrays", "function")  # What Keras itself cannot save and load.


@lru_cache(maxsize=1)
def built(name):
    """The model of a graph, for all tests of it: none of them may change it."""
    return GRAPHS[name].build()


@pytest.mark.parametrize("name", GRAPHS)
def test_only_what_must_be_refused_is_refused_in_words(name):
    groups = channel_groups(GRAPHS[name].build())
    reasons = {group.name: group.reason for group in groups if not group.prunable}
    outputs = {group.name for group in groups if group.name.split("/")[0].startswith("head")}
    expected = GRAPHS[name].refused
    assert set(reasons) - outputs == set(expected)
    for group, part in expected.items():
        assert part in reasons[group]
        assert f"not prunable: {reasons[group]}" in str(groups)


@pytest.mark.parametrize(("name", "removed"), EXAMPLES)
def test_pruning_is_exact(name, removed):
    model = built(name)
    keep, scale = masks_for(model, removed)
    for group in [group for group in keep if group.endswith("/inputs")]:
        keep[group] |= np.arange(len(keep[group])) % 3 > 0  # Else nothing may be left of a channel.
    small = check_exact_graph(model, keep, scale, step=removed != LIGHT)
    if removed != LIGHT and name not in UNSAVED:
        check_plain(small, draw_inputs(model))
