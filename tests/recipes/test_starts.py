"""The table of starts: paired differences with their interval."""

import pytest

from recipes.evidence.starts import EXPERIMENTS, starts


def rows(**accuracies):
    return {
        (name.replace("_", " "), seed): {"accuracy": accuracy, "version": "0.2.1"}
        for name, found in accuracies.items()
        for seed, accuracy in enumerate(found)
    }


@pytest.mark.parametrize(
    ("one", "near_one", "line"),
    [
        # Differences -1, 0 and 1: Student's quantile is 4.303, the standard error 1 / sqrt(3).
        (
            ["0.96", "0.97", "0.98"],
            ["0.97", "0.97", "0.97"],
            "97.00 +- 1.00 | 97.00 +- 0.00 | +0.000 | -2.484 to +2.484 | 3",
        ),
        # Seeds that one of them lacks are left out.
        (["0.96", "0.5"], ["0.97"], "73.00 | 97.00 | -1.000 |  | 1"),
    ],
)
def test_a_line_has_the_paired_difference_and_its_interval(one, near_one, line):
    text = starts(rows(digits_from_one=one, digits_from_near_one=near_one))
    assert f"| digits | {line} | 0.2.1 |\n" in text
    assert "| mlp | not run |" in text


def test_nothing_but_the_start_differs_and_nothing_is_measured_on_the_test_split():
    pairs = {}
    for experiment in EXPERIMENTS:
        described = experiment.described()
        assert described["validate"]
        assert described["budget"]
        pairs.setdefault(experiment.task, []).append(described)
    for one, near_one in pairs.values():
        assert one.pop("start") == "one"
        assert near_one.pop("start") == "near_one"
        assert one == near_one
