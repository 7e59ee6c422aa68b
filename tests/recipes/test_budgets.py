"""The table of budgets says how far training came from what was asked for."""

import pytest

from recipes.evidence.budgets import budgets
from recipes.evidence.experiment import Experiment
from recipes.settings import Settings


def row(weights, macs):
    return {"weights_removed": weights, "macs_removed": macs}


@pytest.mark.parametrize(
    ("of", "line"),
    [("weights", "25.0 | 25.00 | 1.00"), ("macs", "25.0 | 40.00 | **25.00**")],
)
def test_what_was_asked_for_and_what_was_kept(of, line):
    rows = {("a", 0): row("0.74", "0.5"), ("a", 1): row("0.76", "0.7")}
    asked = Experiment("a", "mlp", "switched", Settings(budget=0.25, budget_of=of))
    assert budgets(rows, [asked]).endswith(f"| a | {of} | {line} | 2 |\n")


@pytest.mark.parametrize(
    ("treatment", "changes"),
    [("dense", {}), ("switched", {"budget": None})],
)
def test_what_has_no_budget_is_left_out(treatment, changes):
    experiment = Experiment("a", "mlp", treatment, Settings(**changes))
    assert "| a |" not in budgets({("a", 0): row("0.5", "0.5")}, [experiment])
