"""Checks of budgets: the problems are what they say, and cases are measured under their budget."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from recipes.methods import METHODS
from recipes.report.measured import checks
from recipes.studies.budget_checks import EXPERIMENTS
from recipes.studies.problems import PROBLEMS, regression
from recipes.trials.trial import Trial


@pytest.mark.parametrize("name", ["regression in units of 1", "wrapped MLP, row"])
def test_a_case_says_how_far_it_is_from_its_budget(name, tmp_path):
    experiment = next(e for e in EXPERIMENTS if e.name == name)
    short = replace(experiment, settings=replace(experiment.settings, epochs=1, batch_size=256))
    row = METHODS[experiment.method](Trial(short, 0, tmp_path))
    assert row["off"] == pytest.approx(100 * abs(row["kept"] - experiment.settings.budget))
    assert row["epochs"] == 1
    assert row.get("difference", 0.0) == 0.0
    assert row["dense"] <= 1


def test_a_line_shows_what_was_measured():
    row = {"kept": 0.31, "off": 1.0, "dense": 0.5, "switched": 0.25, "waited": 0.0}
    row |= {"experiment": "a", "seed": 3, "loss_fell_by": 2.5, "keras_switcher": "0.3.0"}
    cells = [cell.strip() for cell in checks([row]).splitlines()[-1].split("|")[1:-1]]
    assert cells == ["a", "3", "31.00", "1.00", "0.5000", "0.2500", "2.5", "0.00", "", "0.3.0"]


@pytest.mark.parametrize("unit", [0.01, 100])
def test_in_another_unit_the_problem_is_the_same(unit):
    losses, one = [], regression()[0]()
    for scale in (1, unit):
        network, x, (y,), compiled = regression(scale, ends_in_unit=True)
        model = network()
        model.set_weights(one.get_weights())
        model.compile(**compiled)
        losses.append(model.evaluate(x[:64], y[:64], verbose=0))
    assert losses[1] == pytest.approx(unit**2 * losses[0], rel=1e-5)


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_problem_fits_its_network(name):
    network, x, y, compiled = PROBLEMS[name]()
    outputs = keras.tree.flatten(network()(x[:2]))
    assert [output.shape[1:] for output in outputs] == [part.shape[1:] for part in y]
    assert all(len(part) == len(x) and np.isfinite(part).all() for part in y)
    assert len(compiled.get("loss_weights", y)) == len(y)
