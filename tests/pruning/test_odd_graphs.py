"""Networks with what users add come out smaller and the same, or are refused in words."""

import os
import re
import warnings

import numpy as np
import pytest
from helpers.checks import (
    check_same_weights,
    draw_inputs,
    draw_masks,
    run_gated,
    weights_of,
    with_random_weights,
)
from helpers.exactness import check_near, kernels_scaled
from helpers.odd_graphs import RECIPES, build
from helpers.toys import float64
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from keras import ops

from keras_switcher import SwitcherModel, channel_groups, prune_channels
from keras_switcher.graph.tracing import trace
from keras_switcher.switchers import FreeFactors

EXAMPLES = int(os.environ.get("DRAWN_GRAPHS", "25"))
TOLERANCE = 1e-9


# Elsewhere some of Keras's operations round float64 to float32.
@pytest.mark.only("tensorflow", reason="It needs float64 in every operation.")
@settings(
    max_examples=EXAMPLES,
    derandomize="DRAWN_GRAPHS" not in os.environ,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
@given(RECIPES, st.sampled_from([0.3, 0.5, 0.8]), st.integers(0, 1000))
def test_right_or_refused_in_words(recipe, removed, seed):
    with float64(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"compact\(\) and export\(\) will fail: '")
        model = build(**recipe)
        for check in (_check_pruned, _check_switched):
            event(f"{check.__name__}: {check(model, removed, seed)}")


def _check_pruned(model, removed, seed):
    """With masks of a user."""
    keep, scale = draw_masks(channel_groups(model), removed, seed)
    before, x = weights_of(model), draw_inputs(model, 4)
    try:
        small = prune_channels(model, keep, scale)
    except ValueError as error:
        return _refused(error, model)
    finally:
        check_same_weights(model, before)
    if _is_random(model, x):
        return "random"
    factors = {name: np.float32(mask * scale[name]) for name, mask in keep.items()}
    with kernels_scaled(model, factors):
        expected = model(x, training=False)
    check_near(run_gated(model, factors, x), expected, TOLERANCE, "gated")
    check_near(small(x, training=False), expected, TOLERANCE, "compact")
    _check_apart(small, model, x)
    return _exact(expected)


def _check_apart(small, model, x):
    """Nothing that happens to the model changes what was made of it."""
    before, expected = weights_of(model), ops.convert_to_numpy(small(x))
    with_random_weights(model, seed=1)
    np.testing.assert_array_equal(small(x), expected)
    for variable, value in zip(model.variables, before, strict=True):
        variable.assign(value)


def _check_switched(model, removed, seed):
    """With a switcher that has some factors at zero, in every third model of connections."""
    x, switcher = draw_inputs(model, 4), FreeFactors("half_zeros", ceiling=None)
    try:
        switched = SwitcherModel(model, switcher, connections=seed % 3 == 0)
    except ValueError as error:
        return _refused(error, model)
    _set_factors(switched, removed, seed)
    switched.compile(run_eagerly=True)
    try:
        small = switched.compact()
    except ValueError as error:
        return _refused(error, model)
    if _is_random(model, x):
        return "random"
    expected = switched(x, training=False)
    check_near(switched.predict(x, verbose=0), expected, TOLERANCE, "predicted")
    check_near(small(x, training=False), expected, TOLERANCE, "compact of a switcher")
    return _exact(expected)


def _set_factors(switched, removed, seed):
    """Switches some channels off; in every fourth model all of a small group may be."""
    rng, values = np.random.default_rng(seed), [[]]
    for factors in switched.scaling_factors().values():
        size = np.size(factors)
        off = min(round(removed * size), size - (seed % 4 > 0))
        values.append(rng.permutation(np.where(np.arange(size) < off, -1, rng.uniform(0.2, 2))))
    for parameters in switched.switcher.trainable_variables:
        parameters.assign(np.concatenate(values))


def _exact(outputs):
    """How much it says that networks agree: little where the outputs depend on no input."""
    outputs = ops.convert_to_numpy(outputs)
    return "exact" if np.ptp(outputs, 0).max() > 1e-3 * np.abs(outputs).max() else "exact, constant"


def _refused(error, model):
    """Why a network was refused, in words that name an operation of it."""
    names = {call.name for call in trace(model).calls} | {g.name for g in channel_groups(model)}
    words = str(error)
    assert names & set(re.findall("'([^']+)'", words)), words
    # What it keeps is as long as the channels, which no comparison at the old size can show.
    assert "RuledHoldsRamp" in words or "this is an error of" not in words, words
    return "refused"


def _is_random(model, x):
    first, second = (ops.convert_to_numpy(model(x, training=False)) for _ in range(2))
    return not np.array_equal(first, second)
