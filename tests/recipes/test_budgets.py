"""The table of budgets says how far training came from what was asked for."""

import pytest

from recipes.report.statistics import Rows
from recipes.report.tables import budgets
from recipes.settings import Settings
from recipes.trials.study_rows import BUDGETS_CHANGED
from recipes.trials.trial import Experiment


def row(weights, macs, seed=0):
    return {"seed": seed, "weights_removed": weights, "macs_removed": macs, "version": "0.1.0†"}


def lines(text):
    """The cells of each line below the head."""
    return [[c.strip() for c in line.split("|")[1:-1]] for line in text.splitlines()[2:]]


@pytest.mark.parametrize(
    ("of", "cells"),
    [("weights", ["25.0", "25.00", "1.00"]), ("macs", ["25.0", "40.00", "**25.00**"])],
)
def test_what_was_asked_for_and_what_was_kept(of, cells):
    rows = Rows({("a", 0): row(0.74, 0.5), ("a", 1): row(0.76, 0.7, 1)})
    asked = Experiment("a", "mlp", "switched", Settings(budget=0.25, budget_of=of))
    assert lines(budgets(rows, [asked])) == [["a", of, *cells, "2", "0.1.0†"]]


@pytest.mark.parametrize("method", ["cut early, equal cost", "prune", "lottery ticket"])
def test_what_is_cut_to_a_budget_is_told_as_well(method):
    asked = Experiment("a", "mlp", method, Settings(budget=0.25))
    (line,) = lines(budgets(Rows({("a", 0): row(0.752, 0.5)}), [asked]))
    assert line[:5] == ["a", "weights", "25.0", "24.80", "0.20"]


@pytest.mark.parametrize(
    ("method", "changes"), [("dense", {}), ("magnitude", {}), ("switched", {"budget": None})]
)
def test_what_has_no_budget_is_left_out(method, changes):
    experiment = Experiment("a", "mlp", method, Settings(**changes))
    assert "| a" not in budgets(Rows({("a", 0): row(0.5, 0.5)}), [experiment])


def test_what_was_run_since_budgets_changed_stands_beside_the_same_seeds_before():
    def rows(**accuracies):
        return {
            (name, seed): {**row(removed, 0.0, seed), "accuracy": accuracy}
            for name, found in accuracies.items()
            for seed, (accuracy, removed) in enumerate(found)
        }

    by_version = {
        "0.1.0": rows(a=[(0.5, 0.9), (0.75, 0.9), (0.0, 0.0)], b=[(0.5, 0.5)]),
        BUDGETS_CHANGED: rows(a=[(0.875, 0.7575), (1.0, 0.7375)], c=[(0.25, 0.5)], d=[(1, 1)]),
    }
    asked = [Experiment(name, "mlp", "switched", Settings(budget=0.25)) for name in "abc"]
    now, before = (Rows(by_version[version]) for version in (BUDGETS_CHANGED, "0.1.0"))
    table = budgets(now, [*asked, Experiment("d", "mlp", "dense")], before)
    assert lines(table) == [
        ["a", "weights", "25.0", "24.25 to 26.25", "**1.25**", "2", "93.75", "62.50"],
        ["c", "weights", "25.0", "50.00 to 50.00", "**25.00**", "1", "25.00", ""],
    ]
    assert budgets(Rows({}), asked, before) == "Not run."
