"""The report says what the rows say."""

import numpy as np
import pytest

from recipes import report
from recipes.evidence import mnist, mnist_search
from recipes.evidence.log import by_hand
from recipes.evidence.pictures import Counts, Curve, Pixels
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


def test_pictures_draw_the_rows():
    counts = '{"hidden":[4,[4,1],[3,2]]}'
    rows = {
        ("row", 1): {"structure": "inputs:4:c0", "counts": counts},
        ("row", 2): {"structure": "inputs:4:a0", "counts": counts},
    }
    figure = Pixels("Pixels", "row", "inputs", (2, 2)).draw(rows)
    (image,) = figure.axes[0].get_images()
    np.testing.assert_array_equal(image.get_array(), [[1, 0.5], [0.5, 0]])
    figure = Counts("Counts", "row").draw(rows)
    lines = {line.get_label(): list(line.get_ydata()) for line in figure.axes[0].lines}
    assert lines == {"strengthened": [1, 2], "weakened": [3, 1], "pruned": [0, 1]}
    figure = Curve("Curve", {"pruned": ["b"], "not run": ["c"]}, "a").draw(ROWS)
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == [
        "dense twin",
        "pruned",
        "not run",
    ]


@pytest.mark.parametrize("study", [mnist, mnist_search])
def test_experiments_are_named_once_and_what_tables_and_structures_name_exists(study):
    names = [experiment.name for experiment in study.EXPERIMENTS]
    assert len(set(names)) == len(names)
    sources = {e.structure_of for e in study.EXPERIMENTS if e.structure_of}
    named = {name for table in getattr(study, "TABLES", ()) for name in table.lines.values()}
    for picture in getattr(study, "PICTURES", {}).values():
        named |= picture.needs | ({picture.dense} if isinstance(picture, Curve) else set())
    assert sources | named <= set(names)


def test_the_log_by_hand_has_a_line_per_setting_and_number_of_epochs():
    made = {"accuracy": "0.98", "loss": "0.05", "weights_removed": "0.5"}
    rows = [{"tried": "a", "epochs": e, "seed": s, **made} for e, s in [("30", 0), ("30", 1)]]
    rows.append({"tried": "a", "epochs": "15", "seed": 0, **made, "accuracy": "0.97"})
    text = by_hand(rows)
    assert "| a | 30 | 98.00 +- 0.00 | 0.0500 +- 0.0000 | 50.0 +- 0.0 | 2 |" in text
    assert "| a | 15 | 97.00 | 0.0500 | 50.0 | 1 |" in text
