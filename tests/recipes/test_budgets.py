"""The table of budgets says how far training came from what was asked for."""

import pytest

from recipes.evidence.budgets import budgets, kept_since
from recipes.evidence.experiment import Experiment
from recipes.evidence.versions import BUDGETS_CHANGED
from recipes.settings import Settings


def row(weights, macs):
    return {"weights_removed": weights, "macs_removed": macs, "version": "0.1.0†"}


@pytest.mark.parametrize(
    ("of", "line"),
    [("weights", "25.0 | 25.00 | 1.00"), ("macs", "25.0 | 40.00 | **25.00**")],
)
def test_what_was_asked_for_and_what_was_kept(of, line):
    rows = {("a", 0): row("0.74", "0.5"), ("a", 1): row("0.76", "0.7")}
    asked = Experiment("a", "mlp", "switched", Settings(budget=0.25, budget_of=of))
    assert budgets(rows, [asked]).endswith(f"| a | {of} | {line} | 2 | 0.1.0† |\n")


@pytest.mark.parametrize(
    ("treatment", "changes"),
    [("dense", {}), ("switched", {"budget": None})],
)
def test_what_has_no_budget_is_left_out(treatment, changes):
    experiment = Experiment("a", "mlp", treatment, Settings(**changes))
    assert "| a |" not in budgets({("a", 0): row("0.5", "0.5")}, [experiment])


def test_what_was_run_since_budgets_changed_stands_beside_the_same_seeds_before():
    def rows(**accuracies):
        return {
            (name, seed): {**row(removed, "0"), "accuracy": accuracy}
            for name, found in accuracies.items()
            for seed, (accuracy, removed) in enumerate(found)
        }

    studies = [
        {"0.1.0": rows(a=[("0.5", "0.9"), ("0.75", "0.9"), ("0", "0")], b=[("0.5", "0.5")])},
        {BUDGETS_CHANGED: rows(c=[("0.25", "0.5")], d=[("1", "1")])},
    ]
    studies[0][BUDGETS_CHANGED] = rows(a=[("0.875", "0.7575"), ("1", "0.7375")])
    asked = [Experiment(name, "mlp", "switched", Settings(budget=0.25)) for name in "abc"]
    text = kept_since(studies, [*asked, Experiment("d", "mlp", "dense")])
    assert text[text.index("|---") :].splitlines()[1:] == [
        "| a | weights | 25.0 | 24.25 to 26.25 | **1.25** | 2 | 93.75 | 62.50 |",
        "| c | weights | 25.0 | 50.00 to 50.00 | **25.00** | 1 | 25.00 |  |",
    ]
    assert kept_since([{"0.1.0": studies[0]["0.1.0"]}], asked).endswith("Not run.\n")
