"""The table of starts: paired differences with their interval."""

import pytest

from recipes.report.statistics import Rows
from recipes.report.tables import starts
from recipes.studies.starts import EXPERIMENTS


def rows(**accuracies):
    return Rows(
        {
            (name.replace("_", " "), seed): {"seed": seed, "accuracy": found, "version": "0.2.1"}
            for name, of_seeds in accuracies.items()
            for seed, found in enumerate(of_seeds)
        }
    )


@pytest.mark.parametrize(
    ("one", "near_one", "cells"),
    [
        # Differences -1, 0 and 1: Student's quantile is 4.303, the standard error 1 / sqrt(3).
        (
            [0.96, 0.97, 0.98],
            [0.97, 0.97, 0.97],
            ["97.00 +- 1.00", "97.00 +- 0.00", "+0.000", "-2.484 to +2.484", "3"],
        ),
        # Seeds that one of them lacks are left out.
        ([0.96, 0.5], [0.97], ["73.00", "97.00", "-1.000", "", "1"]),
    ],
)
def test_a_line_has_the_paired_difference_and_its_interval(one, near_one, cells):
    text = starts(rows(digits_from_one=one, digits_from_near_one=near_one))
    lines = [[c.strip() for c in line.split("|")[1:-1]] for line in text.splitlines()]
    assert ["digits", *cells, "0.2.1"] in lines
    assert ["mlp", "not run", *[""] * 5] in lines


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
