"""Pictures show what the factors are."""

import sys

import keras
import numpy as np
import pytest

from keras_switcher import StructureHistory
from keras_switcher.plots import COLORS, STYLES, plot_counts, plot_pattern

plt = pytest.importorskip("matplotlib.pyplot")

ORANGE, GREEN, BLACK = (230 / 255, 159 / 255, 0), (0, 158 / 255, 115 / 255), (0, 0, 0)


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def _legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def _epoch(strengthened, weakened, pruned):
    counts = {"strengthened": strengthened, "weakened": weakened, "pruned": pruned}
    return {"hidden": {**counts, "kept": strengthened + weakened, "total": sum(counts.values())}}


def test_pattern_draws_each_kind_in_its_color():
    factors = [0.0, 1e-6, 0.999, 1.0, 2.5, 0.0]
    ax = plot_pattern(factors, shape=(2, 3), title="pixels")
    drawn = np.asarray(ax.images[0].get_array())
    expected = [[BLACK, GREEN, GREEN], [ORANGE, ORANGE, BLACK]]
    np.testing.assert_allclose(drawn, expected, atol=1e-12)
    assert _legend(ax) == ["strengthened: 2", "weakened: 2", "pruned: 2"]
    assert ax.get_title() == "pixels"


def test_pattern_legend_shows_the_colors_of_the_pixels():
    ax = plot_pattern([0.0, 0.5, 1.0])
    faces = [patch.get_facecolor()[:3] for patch in ax.get_legend().get_patches()]
    np.testing.assert_allclose(faces, [ORANGE, GREEN, BLACK])


def test_pattern_of_a_vector_is_one_row_and_of_a_matrix_the_matrix():
    assert plot_pattern(np.ones(7)).images[0].get_array().shape == (1, 7, 3)
    assert plot_pattern(np.ones((3, 5))).images[0].get_array().shape == (3, 5, 3)


def test_pattern_is_drawn_on_given_axes_and_saved_without_a_screen(tmp_path):
    figure, axes = plt.subplots(1, 2)
    assert plot_pattern([0.0, 1.0], ax=axes[1]) is axes[1]
    assert not axes[0].images
    figure.savefig(tmp_path / "pattern.png")
    assert (tmp_path / "pattern.png").stat().st_size > 0


@pytest.mark.parametrize("shape", [(2, 2), (5,), (1, 5, 1)])
def test_pattern_refuses_a_shape_that_does_not_fit(shape):
    with pytest.raises(ValueError, match=r"5 factors fill exactly.*Received: shape=\("):
        plot_pattern(np.ones(5), shape=shape)


@pytest.mark.parametrize("wrong", [-0.1, np.nan, np.inf])
def test_pattern_refuses_what_is_no_factor(wrong):
    with pytest.raises(ValueError, match="finite and not negative"):
        plot_pattern([1.0, wrong])


def test_counts_are_those_of_the_history():
    history = StructureHistory()
    history.epochs = [_epoch(6, 2, 0), _epoch(4, 1, 3)]
    (ax,) = plot_counts(history).axes
    assert ax.get_title() == "hidden"
    lines = {line.get_label(): line for line in ax.lines}
    assert {label: list(line.get_ydata()) for label, line in lines.items()} == {
        "strengthened": [6, 4],
        "weakened": [2, 1],
        "pruned": [0, 3],
    }
    assert list(lines["pruned"].get_xdata()) == [1, 2]
    assert [line.get_color() for line in ax.lines] == list(COLORS.values())
    assert [line.get_linestyle() for line in ax.lines] == list(STYLES.values())


def test_counts_of_chosen_groups():
    epochs = [{name: _epoch(1, 1, 1)["hidden"] for name in "abcdef"}]
    assert [ax.get_title() for ax in plot_counts(epochs).axes] == list("abcdef")
    assert [ax.get_title() for ax in plot_counts(epochs, groups=["e", "b"]).axes] == ["e", "b"]
    with pytest.raises(ValueError, match=r"recorded groups: \['a'.*Received: groups=\['z'\]"):
        plot_counts(epochs, groups=["z"])


@pytest.mark.parametrize("history", [StructureHistory(), [], keras.callbacks.History()])
def test_counts_need_an_epoch(history):
    with pytest.raises(ValueError, match="No epoch was recorded"):
        plot_counts(history)


def test_pattern_needs_the_factors_of_one_group():
    with pytest.raises(ValueError, match=r"one group of these: \['hidden'\]"):
        plot_pattern({"hidden": np.ones(3)})
    with pytest.raises(ValueError, match="no factors to draw"):
        plot_pattern([])


@pytest.mark.parametrize("plot", [lambda: plot_pattern([1.0]), lambda: plot_counts([{}])])
def test_missing_matplotlib_names_the_extra(plot, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'keras-switcher\[plots\]'"):
        plot()
