"""The report says what the rows say."""

import numpy as np
import pytest

from recipes import report
from recipes.evidence import (
    digits_controls,
    digits_residual,
    mnist,
    mnist_connections,
    mnist_search,
    mnist_tables,
    starts,
)
from recipes.evidence.claim import claim
from recipes.evidence.experiment import Experiment
from recipes.evidence.goals import GOALS, AboveAll, Ahead, Reached, goals
from recipes.evidence.log import by_hand
from recipes.evidence.overview import overview
from recipes.evidence.pictures import Counts, Curve, Pixels
from recipes.evidence.summary import Spread, difference, spread
from recipes.evidence.tables import Table
from recipes.evidence.written import write_structure


def _row(accuracy, removed=0.0, macs=0.0, widths="", hardware="a processor"):
    return {
        "accuracy": str(accuracy),
        "weights_removed": str(removed),
        "macs_removed": str(macs),
        "widths": widths,
        "keras": "3",
        "tensorflow": "2",
        "hardware": hardware,
        "version": "0.2.0",
    }


ROWS = {
    ("a", 0): _row(0.98),
    ("a", 1): _row(0.96),
    ("b", 0): _row(0.99, 0.5, 0.4, "3-4", "another"),
    ("b", 1): _row(0.98, 0.7, 0.6, "2-4"),
    ("b", 2): _row(0.10, 0.7, 0.6, "2-4"),
}


def test_the_readmes_are_what_the_rows_make():
    assert report.README.read_text() == report.text(), "run: python -m recipes.report"
    assert report.FRONT.read_text() == report.front(), "run: python -m recipes.report"


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
    experiments = [Experiment(name, "mlp", "dense", seeds=3) for name in "abc"]
    table = Table("Title", "Text.", lines, (("paper", "98.4", "5-6", "74"),))
    text = table.to_markdown(ROWS, experiments)
    assert "| dense | 97.00 | 2 of 3 | 0.2.0 |  | 0.0 | 0.0 |  |" in text
    assert (
        "| switched | 69.00 +- 51.10 | 3 | 0.2.0 | +1.500 | 63.3 +- 11.5 | 53.3 +- 11.5 | 3-4 |"
        in text
    )
    assert "| other | not run | 0 of 3 |" in text
    assert "| *paper* | 98.4 |  |  |  | 74 |  | 5-6 |" in text
    assert "Keras 3, TensorFlow 2. a processor; another." in text
    of_connections = Table("Title", "Text.", lines, connections=True)
    text = of_connections.to_markdown(ROWS, experiments)
    assert "| switched | 69.00 +- 51.10 | 3 | 0.2.0 | +1.500 | 63.3 +- 11.5 | 3-4 |" in text
    assert "MACs removed" not in text


def test_the_claim_names_differences_and_what_is_kept_in_common():
    def made(accuracy, kept):
        structure = write_structure({"hidden_1/inputs": np.array(kept, bool)})
        return {**_row(accuracy), "structure": structure}

    rows = {
        ("mlp row", 0): made(0.98, [1, 1, 0, 0]),
        ("mlp varied inputs", 0): made(0.97, [1, 0, 1, 0]),
        ("mlp magnitude", 0): made(0.97, [1, 0, 1, 0]),
    }
    text = claim(rows)
    assert "hidden units at random, has -1.000 as well" in text
    assert "the row switcher keeps 50 % and\nmagnitude pruning 100 %" in text
    assert "a random structure of the same\nwidths has not been run" in text
    assert text.endswith("Versions of the rows: 0.2.0.\n")


def test_the_overview_counts_seeds_where_some_are_missing():
    experiments = [e for study in report.STUDIES.values() for e in study.EXPERIMENTS]
    rows = {(e.name, s): _row(0.98, 0.5, 0.4) for e in experiments for s in range(e.seeds)}
    assert "(7)" not in overview(rows, experiments)
    assert "not run" not in overview(rows, experiments)
    assert "†" not in overview(rows, experiments)
    rows["mlp dense", 0] = _row(0.90)
    del rows["mlp dense", 7], rows["mlp literal, 100 epochs", 0]
    text = overview(rows, experiments)
    assert "| dense twin | 98.00 | 96.86 (7) | 98.00 | 96.86 (7) | 98.00 |" in text
    assert "| difference | +0.000 (0.000) | +1.143 (1.143) |" in text
    assert "| uniform width, same MACs | 98.00 | 98.00 | 98.00 |  |  |" in text
    assert "| 2 % of the weights | 50.0 | 98.00 | 98.00 |" in text
    assert "| inverted, 10 % of the MACs | 40.0 | 98.00 | 98.00 | 98.00 | 98.00 | 98.00 |" in text
    assert "| LeNet5, 25 % of the MACs | 98.00 | 50.0 | 40.0 |" in text
    assert "| the same, 100 epochs | not run |  |  | 98.00 |  |  |" in text
    rows["mlp row", 3] = {**rows["mlp row", 3], "version": "0.1.0†"}
    marked = overview(rows, experiments)
    assert "in version 0.1.0 factors started near\none" in marked
    assert "| **row switcher** | 98.00 | 98.00† | 98.00 |" in marked
    assert "| difference | +0.000 (0.000) | +1.143 (1.143)† |" in marked


def test_goals_say_what_is_reached_and_what_is_missing():
    assert Ahead("", "b", "a", 1.5).result(ROWS) == ("+1.500", 2, True)
    assert Ahead("", "b", "a", 1.6).result(ROWS) == ("+1.500", 2, False)
    assert Ahead("", "b", "c").result(ROWS) is None
    assert AboveAll("", "b", {"dense": "a", "other": "c"}).result(ROWS) == ("above all", 2, True)
    assert AboveAll("", "a", {"row": "b"}).result(ROWS) == ("not above: row -1.500", 2, False)
    reached = Reached("", "b", {"accuracy": 69.0, "macs_removed": 53.4})
    assert reached.result(ROWS) == ("accuracy 69.00, macs removed 53.33", 3, False)
    names = {name for goal in GOALS for name in goal.names}
    rows = {(n, s): {**ROWS["b", 0], "accuracy": f".9{s}"} for n in names for s in range(8)}
    experiments = [*mnist.EXPERIMENTS, *mnist_connections.EXPERIMENTS]
    assert names <= {experiment.name for experiment in experiments}
    assert "so far" not in goals(rows, experiments)
    assert "not run" not in goals(rows, experiments)
    del rows["mlp dense", 7]
    line = "| MLP, 76 % removed: .05 above the dense twin | +0.000 (0.000) | 7 so far | 0.2.0 |"
    assert f"{line} not met so far |" in goals(rows, experiments)


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
    ]


@pytest.mark.parametrize(
    "study", [digits_controls, digits_residual, mnist, mnist_connections, mnist_search, starts]
)
def test_experiments_are_named_once_and_what_structures_name_exists(study):
    names = [experiment.name for experiment in study.EXPERIMENTS]
    assert len(set(names)) == len(names)
    sources = {e.structure_of for e in study.EXPERIMENTS if e.structure_of}
    assert sources <= set(names)


def test_what_tables_and_pictures_show_is_planned():
    planned = {e.name for study in report.STUDIES.values() for e in study.EXPERIMENTS}
    named = {name for table in report.TABLES for name in table.lines.values()}
    for picture in mnist_tables.PICTURES.values():
        named |= picture.needs | ({picture.dense} if isinstance(picture, Curve) else set())
    assert named <= planned


def test_the_log_by_hand_has_a_line_per_setting_and_number_of_epochs():
    made = {"accuracy": "0.98", "loss": "0.05", "weights_removed": "0.5"}
    rows = [{"tried": "a", "epochs": e, "seed": s, **made} for e, s in [("30", 0), ("30", 1)]]
    rows.append({"tried": "a", "epochs": "15", "seed": 0, **made, "accuracy": "0.97"})
    text = by_hand("Tried.", rows)
    assert "| a | 30 | 98.00 | 0.0500 | 50.0 | 2 | 0.1.0 |" in text
    assert "| a | 15 | 97.00 | 0.0500 | 50.0 | 1 | 0.1.0 |" in text
