"""The checks of budgets run what has no row of this version, and show what was measured last."""

import keras
import numpy as np
import pytest

import keras_switcher as ks
from recipes import budget_checks
from recipes.problems import PROBLEMS, regression


@pytest.fixture
def ran(monkeypatch):
    def case(seed, epochs):
        ran.append((seed, epochs))
        return {"kept": 0.31, "off": 1.0, "dense": 0.5, "switched": 0.25, "waited": 0.0}

    ran = []
    monkeypatch.setattr(budget_checks, "CASES", {"a case": (case, 2, 20)})
    monkeypatch.setattr(budget_checks, "without_normalisations", lambda: "")
    return ran


def test_a_case_is_run_once_by_version_and_again_when_asked_for(ran, tmp_path, monkeypatch, capsys):
    csv = ["--csv", str(tmp_path / "rows.csv")]
    for arguments, expected in [([], 2), ([], 2), (["--again"], 4), (["--smoke"], 5)]:
        budget_checks.main([*csv, *arguments])
        assert len(ran) == expected
    assert ran[-1] == (0, budget_checks.SMOKE)
    assert len(budget_checks.read(tmp_path / "rows.csv")) == 4
    monkeypatch.setattr(ks, "__version__", "0.3.0")
    budget_checks.main(csv)
    assert ran[5:] == [(0, 20), (1, 20)]
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| a case")]
    newest = "| 31.00 | 1.00 | 0.5000 | 0.2500 |  | 0.00 |  | 0.3.0 |"
    assert lines[-2:] == [f"| a case | {seed} {newest}" for seed in (0, 1)]


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
