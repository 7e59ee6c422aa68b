"""The report says what the rows say."""

import pytest

from recipes import report
from recipes.evidence import mnist, mnist_search
from recipes.evidence.summary import Spread, difference, spread
from recipes.evidence.tables import Table

ROWS = {
    ("a", 0): {"accuracy": "0.98", "weights_removed": "0.0", "macs_removed": "0.0", "widths": ""},
    ("a", 1): {"accuracy": "0.96", "weights_removed": "0.0", "macs_removed": "0.0", "widths": ""},
    ("b", 0): {
        "accuracy": "0.99",
        "weights_removed": "0.5",
        "macs_removed": "0.4",
        "widths": "3-4",
    },
    ("b", 1): {
        "accuracy": "0.98",
        "weights_removed": "0.7",
        "macs_removed": "0.6",
        "widths": "2-4",
    },
    ("b", 2): {
        "accuracy": "0.10",
        "weights_removed": "0.7",
        "macs_removed": "0.6",
        "widths": "2-4",
    },
}


def test_the_readme_is_what_the_rows_make():
    assert report.README.read_text() == report.text(), "run: python -m recipes.report"


def test_spread_is_mean_standard_deviation_and_error():
    found = spread(ROWS, "a", "accuracy")
    assert (found.mean, found.n) == (pytest.approx(0.97), 2)
    assert found.std == pytest.approx(0.02 / 2**0.5)
    assert found.error == pytest.approx(0.01)
    assert spread(ROWS, "c", "accuracy") is None


def test_differences_are_between_the_same_seeds():
    found, expected = difference(ROWS, "b", "a"), Spread.of([0.01, 0.02])
    assert (found.mean, found.std) == pytest.approx((expected.mean, expected.std))
    assert found.n == 2


def test_a_table_has_a_line_per_experiment_and_says_what_was_not_run():
    lines = {"dense": "a", "switched": "b", "other": "c"}
    text = Table("Title", "Text.", lines, (("paper", "98.4", "5-6", "74"),)).to_markdown(ROWS)
    assert "| dense | 97.00 +- 1.41 | 2 |  | 0.0 +- 0.0 | 0.0 +- 0.0 |  |" in text
    assert "| switched | 69.00 +- 51.10 | 3 | +1.50 (0.50) | 63.3 +- 11.5 |" in text
    assert "| 3-4 |" in text
    assert "| other | not run | 0 |" in text
    assert "| *paper* | 98.4 | | | 74 | | 5-6 |" in text


@pytest.mark.parametrize("study", [mnist, mnist_search])
def test_experiments_are_named_once_and_what_tables_and_structures_name_exists(study):
    names = [experiment.name for experiment in study.EXPERIMENTS]
    assert len(set(names)) == len(names)
    sources = {e.structure_of for e in study.EXPERIMENTS if e.structure_of}
    named = {name for table in getattr(study, "TABLES", ()) for name in table.lines.values()}
    for _, curves, dense in getattr(study, "CURVES", {}).values():
        named |= {dense, *(name for curve in curves.values() for name in curve)}
    assert sources | named <= set(names)
