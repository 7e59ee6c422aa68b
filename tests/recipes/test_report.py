"""The report says what the rows say."""

import numpy as np
import pytest

from recipes.report import pictures
from recipes.report.__main__ import DOCS, README, Report
from recipes.report.pairs import counting, paired
from recipes.report.pictures import draw_counts, draw_curves, draw_factors, draw_inputs
from recipes.report.statistics import Rows, Spread
from recipes.report.tables import backend_of, compared, training_cost, tried
from recipes.studies import MAIN, cifar10, experiments
from recipes.trials.runner import expected_seconds
from recipes.trials.study_rows import StudyRows
from recipes.trials.trial import Experiment


def row(seed, accuracy, removed=0.0, macs=0.0, widths="", hardware="a processor"):
    return {
        "seed": seed,
        "accuracy": accuracy,
        "weights_removed": removed,
        "macs_removed": macs,
        "widths": widths,
        "keras": "3",
        "tensorflow": "2",
        "hardware": hardware,
        "version": "0.2.0",
    }


ROWS = Rows(
    {
        ("a", 0): row(0, 0.98),
        ("a", 1): row(1, 0.96),
        ("b", 0): row(0, 0.99, 0.5, 0.4, "3-4", "another"),
        ("b", 1): row(1, 0.98, 0.7, 0.6, "2-4"),
        ("b", 2): row(2, 0.10, 0.7, 0.6, "2-4"),
    }
)


OF_PAIRS = {"a": [0.5, 0.5, 0.5], "b": [0.51, 0.52, 0.53], "c": [0.48, 0.52, 0.53]}


def lines(text):
    """The cells of each line of tables."""
    found = (line.split("|")[1:-1] for line in text.splitlines() if line.startswith("|"))
    return [[cell.strip() for cell in cells] for cells in found]


@pytest.fixture(scope="module")
def report():
    return Report()


def test_the_texts_are_what_the_rows_make(report):
    for page, text in (
        ("results.md", report.results()),
        ("measured.md", report.measured()),
        ("guides/deciders.md", report.deciders()),
    ):
        assert (DOCS / page).read_text() == text, "run: python -m recipes.report"
    readme = README.read_text()
    assert readme == report.readme(readme), "run: python -m recipes.report"


def test_the_pictures_of_the_text_are_there(report):
    assert report.figures().keys() <= {path.name for path in (DOCS / "figures").iterdir()}
    for name in report.results().split("](figures/")[1:]:
        assert (DOCS / "figures" / name.split(")")[0]).exists()


def test_spread_is_mean_standard_deviation_and_error():
    found = ROWS.spread("a")
    assert (found.mean, found.n) == (pytest.approx(0.97), 2)
    assert found.std == pytest.approx(0.02 / 2**0.5)
    assert found.error == pytest.approx(0.01)
    assert ROWS.spread("c") is None


def test_differences_are_between_the_same_seeds():
    found, expected = ROWS.difference("b", "a"), Spread.of([0.01, 0.02])
    assert (found.mean, found.std) == pytest.approx((expected.mean, expected.std))
    assert found.n == 2


def test_a_table_has_a_line_per_experiment_and_says_what_was_not_run():
    named = {"dense": "a", "switched": "b", "other": "c"}
    of = {label: Experiment(name, "mlp", "dense", seeds=3) for label, name in named.items()}
    text = compared(ROWS, of, (("paper", "98.4", "5-6", "74"),))
    found = lines(text)
    assert ["dense", "97.00", "2 of 3", "0.2.0", "", "0.0", "0.0", "1.00", ""] in found
    switched = ["switched", "69.00 +- 51.10", "3", "0.2.0", "+1.500"]
    assert [*switched, "63.3 +- 11.5", "53.3 +- 11.5", "1.00", "3-4"] in found
    assert ["other", "not run", "0 of 3", "", "", "", "", "", ""] in found
    assert ["*paper*", "98.4", "", "", "", "74", "", "", "5-6"] in found
    text = compared(ROWS, of, connections=True)
    assert [*switched, "63.3 +- 11.5", "1.00", "3-4"] in lines(text)
    assert "MACs removed" not in text


@pytest.mark.parametrize(
    ("method", "row", "cost"),
    [
        ("cut early", {"training_cost": 0.57}, 0.57),
        ("dense", {}, 1.0),
        ("random structure", {"epochs": 30, "macs_removed": 0.75}, 0.25),
        ("learned structure, equal cost", {"epochs": 120, "macs_removed": 0.75}, 1.0),
        ("switched", {"epochs": 30, "macs_removed": 0.75}, None),
        ("magnitude", {"epochs": 30, "macs_removed": 0.75}, None),
    ],
)
def test_what_older_rows_do_not_say_of_costs_follows_or_is_left_out(method, row, cost):
    assert training_cost(row, Experiment("a", "mlp", method)) == cost


def test_pairs_are_of_the_same_seeds_and_say_what_two_errors_do():
    found = {
        (name, seed): row(seed, value)
        for name, values in OF_PAIRS.items()
        for seed, value in enumerate(values)
    }
    of = {label: Experiment(label, "mlp", "dense", seeds=4) for label in ("a", "b", "c", "d")}
    pairs = [("b", "a"), ("a", "b"), ("c", "a"), ("d", "a"), ("a", "no such line")]
    # b - a: .01, .02, .03 with a standard error of .01 / sqrt 3; t is 4.303 for two of freedom.
    assert lines(paired(Rows(found), {"net": of}, pairs))[2:] == [
        ["net", "b minus a", "+2.00", "-0.48 to +4.48", "3 of 4", "above"],
        ["net", "a minus b", "-2.00", "-4.48 to +0.48", "3 of 4", "below"],
        ["net", "c minus a", "+1.00", "-5.57 to +7.57", "3 of 4", "not decided"],
        ["net", "d minus a", "not run", "", "0 of 4", ""],
    ]
    of = {"dense twin": of["b"], "uniform width, same MACs": of["a"]}
    rows = Rows({key: found[key] for key in found if key[1]})
    assert lines(counting(rows, {"net": of}))[2:] == [["net", "+2.50", "2", "yes"]]


def test_the_overview_counts_seeds_where_some_are_missing(report, monkeypatch):
    planned = {e.name: e for study in MAIN for e in experiments(study)}
    rows = {(n, s): row(s, 0.98, 0.5, 0.4) for n, e in planned.items() for s in range(e.seeds)}
    for key in rows:
        rows[key] |= {"classes_changed": 0, "settings": {"method": "dense"}}
    monkeypatch.setattr(report, "rows", Rows(rows))
    text = report.results()
    assert ["dense twin", *["98.00"] * 5] in lines(text)
    assert "\nKeras 3, TensorFlow 2. a processor.\n" in text
    assert "batch 32, SGD with momentum 0.9, rate 0.1 that falls as a cosine, weight decay" in text
    rows["mlp dense", 0]["accuracy"] = 0.90
    del rows["mlp dense", 7], rows["mlp literal, 100 epochs", 0]
    found = lines(report.results())
    assert ["dense twin", "98.00", "96.86 (7)", "98.00", "96.86 (7)", "98.00"] in found
    assert ["difference", "+0.000 (0.000)", "+1.143 (1.143)"] in [cells[:3] for cells in found]
    assert ["uniform width, same MACs", "98.00", "98.00", "98.00", "", ""] in found
    assert ["2 % of the weights", "50.0", *["98.00"] * 5] in found
    assert ["inverted, 10 % of the MACs", "40.0", *["98.00"] * 5] in found
    assert ["LeNet5, 25 % of the MACs", "50.0", "40.0", *["98.00"] * 4] in found
    assert ["the same, 100 epochs", "", "", "not run", "98.00", "", ""] in found
    rows["mlp row", 3]["version"] = "0.1.0†"
    found = lines(report.readme(README.read_text()))
    assert ["**row switcher**", "98.00", "98.00†", *["98.00"] * 3] in found
    assert "+1.143 (1.143)†" in next(cells for cells in found if cells[0] == "difference")


def test_pictures_draw_the_rows():
    counts = {"hidden": [4, [4, 1], [3, 2]]}
    rows = Rows(
        {
            ("row", 1): {"seed": 1, "structure": {"inputs": "4:c0"}, "counts": counts},
            ("row", 2): {"seed": 2, "structure": {"inputs": "4:a0"}, "counts": counts},
        }
    )
    (image,) = draw_inputs(rows, "Pixels", "row", "inputs", (2, 2)).axes[0].get_images()
    np.testing.assert_array_equal(image.get_array(), [[1, 0.5], [0.5, 0]])
    figure = draw_counts(rows, "Counts", "row")
    drawn = {line.get_label(): list(line.get_ydata()) for line in figure.axes[0].lines}
    assert drawn == {"strengthened": [1, 2], "weakened": [3, 1], "pruned": [0, 1]}
    figure = draw_curves(ROWS, "Curve", {"pruned": ["b"], "not run": ["c"]}, "a")
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == [
        "dense twin",
        "pruned",
    ]


def test_factors_of_dense_inputs_are_drawn_where_rows_have_them():
    found = {"seed": 0, "factors": [0.0, 0.5, 1.2, 0.0, 0.7, 1.0], "version": "0.2.4"}
    rows = Rows(
        {
            ("a", 1): {**found, "seed": 1, "factors": [9.0] * 6},
            ("a", 0): found,
            ("b", 0): {"seed": 0, "version": "0.2.4"},  # As older rows are.
        }
    )
    figure = draw_factors(rows, "Factors", {"A": "a", "B": "b", "C": "no row"})
    (ax,) = figure.axes
    assert ax.get_title() == "A"
    (image,) = ax.get_images()
    assert image.get_array().shape == (2, 3, 3)
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["strengthened: 2", "weakened: 2", "pruned: 2"]


@pytest.mark.parametrize("factors", [None, [0.5, 1.0]])
def test_the_picture_of_factors_is_not_made_of_rows_without_them(report, factors, monkeypatch):
    name = "cifar10_dense_inputs.png"
    experiment = pictures.PICTURES[name][1][1]
    row = {"seed": 0, "version": "0.2.4", **({"factors": factors} if factors else {})}
    rows = Rows({(experiment, 0): row})
    assert pictures.shown(rows, name) == ([row] if factors else [])
    monkeypatch.setattr(report, "rows", rows)
    assert (name in report.figures()) == bool(factors)


def test_rows_of_any_backend_say_which():
    assert backend_of({"keras": "3", "jax": "0.11"}) == "JAX 0.11"
    assert backend_of({"tensorflow": "2.21", "keras": "3"}) == "TensorFlow 2.21"
    assert backend_of({"torch": "2.13+cpu"}) == "PyTorch 2.13+cpu"


def test_the_papers_literal_settings_are_a_line_of_the_report_and_the_last_of_the_queue(report):
    label = "dense layers only: the paper's literal settings"
    settings = cifar10.PAPER[label].settings
    assert (settings.momentum, settings.weight_decay, settings.budget) == (0, 0, None)
    assert (settings.start, settings.alternation, settings.groups) == (
        "half_zeros",
        "epoch",
        "dense",
    )
    assert (settings.ceiling, settings.switcher) == (None, "unet_literal")
    seconds = expected_seconds(StudyRows("cifar10", cifar10.EXPERIMENTS, backend="tensorflow"))
    assert max(seconds, key=seconds.get) == cifar10.PAPER[label].name
    if not report.rows.of(cifar10.PAPER[label].name):
        assert [label, "not run", "0 of 1"] in [cells[:3] for cells in lines(report.results())]


def test_the_log_by_hand_has_a_line_per_setting_and_number_of_epochs():
    made = {"accuracy": 0.98, "loss": 0.05, "weights_removed": 0.5, "version": "0.1.0"}
    rows = [{"tried": "a", "epochs": 30, "seed": seed, **made} for seed in (0, 1)]
    rows.append({"tried": "a", "epochs": 15, "seed": 0, **made, "accuracy": 0.97})
    assert lines(tried(rows))[2:] == [
        ["a", "30", "98.00", "0.0500", "50.0", "2", "0.1.0"],
        ["a", "15", "97.00", "0.0500", "50.0", "1", "0.1.0"],
    ]
