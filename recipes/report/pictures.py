"""Pictures drawn from rows: accuracy curves, counts over the epochs, inputs that are kept."""

from collections.abc import Callable
from functools import partial

import numpy as np

from keras_switcher import plots
from recipes.report.statistics import Rows
from recipes.studies import mnist
from recipes.trials.encoding import decode_counts, decode_structure


def draw_curves(rows: Rows, title: str, curves: dict[str, list[str]], dense: str):
    """Accuracy over the share of the weights that is removed, with standard deviations.

    `curves` maps what the legend says to names of experiments, of which those without rows are left
    out. The dense twin is a band.
    """
    figure, ax = plots.load_pyplot().subplots(figsize=(7, 4.5), layout="constrained")
    for label, names in curves.items():
        points = [
            (100 * rows.spread(name, "weights_removed").mean, 100 * found.mean, 100 * found.std)
            for name in names
            if (found := rows.spread(name))
        ]
        if points:
            ax.errorbar(*zip(*sorted(points), strict=True), marker="o", capsize=3, label=label)
    if twin := rows.spread(dense):
        mean, std = 100 * twin.mean, 100 * twin.std
        ax.axhline(mean, color="gray", linestyle="--", label="dense twin")
        ax.axhspan(mean - std, mean + std, color="gray", alpha=0.2)
    ax.set(xlabel="weights removed, %", ylabel="test accuracy, %", title=title)
    ax.legend()
    return figure


def draw_counts(rows: Rows, title: str, experiment: str):
    """Channels strengthened, weakened and pruned over the epochs of an experiment's first seed."""
    row = min(rows.of(experiment), key=lambda row: row["seed"])
    figure = plots.plot_counts(decode_counts(row["counts"]))
    figure.suptitle(title)
    return figure


def draw_inputs(rows: Rows, title: str, experiment: str, group: str, shape: tuple[int, int]):
    """In which share of an experiment's seeds each input is kept."""
    kept = [decode_structure(row["structure"])[group] for row in rows.of(experiment)]
    figure, ax = plots.load_pyplot().subplots(figsize=(4.5, 4), layout="constrained")
    image = ax.imshow(np.mean(kept, axis=0).reshape(shape), vmin=0, vmax=1, cmap="gray")
    figure.colorbar(image, label=f"share of {len(kept)} seeds that keep it")
    ax.set(xticks=[], yticks=[], title=title)
    return figure


_CURVES = {
    label: [lines[label].name for lines in mnist.BUDGETS.values()]
    for label in next(iter(mnist.BUDGETS.values()))
    if label != "dense twin"
}
# By name of file: the title, the experiments of which one must have been run, and what draws it.
PICTURES: dict[str, tuple[str, list[str], Callable]] = {
    "mnist_mlp_curve.png": (
        "MNIST, MLP: accuracy over weights removed",
        [name for names in _CURVES.values() for name in names],
        partial(draw_curves, curves=_CURVES, dense="mlp dense"),
    ),
    "mnist_mlp_counts.png": (
        "MNIST, MLP: channels over the epochs, row switcher",
        ["mlp row"],
        partial(draw_counts, experiment="mlp row"),
    ),
    "mnist_mlp_pixels.png": (
        "MNIST, MLP: pixels that are kept",
        ["mlp row"],
        partial(draw_inputs, experiment="mlp row", group="hidden_1/inputs", shape=(28, 28)),
    ),
    "mnist_lenet5_counts.png": (
        "MNIST, LeNet5-Caffe: channels over the epochs, row switcher",
        ["lenet5 row"],
        partial(draw_counts, experiment="lenet5 row"),
    ),
}
