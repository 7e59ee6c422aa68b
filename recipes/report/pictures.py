"""Pictures drawn from rows: accuracy curves, counts over the epochs, inputs that are kept."""

import itertools
import json
from collections.abc import Callable
from functools import partial

import numpy as np

from keras_switcher import plots
from recipes.drawing import as_picture
from recipes.report.statistics import Rows
from recipes.rows import RESULTS, read_rows
from recipes.studies import cifar10, mnist
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


def draw_costs(rows: Rows, title: str, networks: dict, published: dict, times: dict | None = None):
    """Accuracy over MACs, or over times, of networks that were pruned or built small.

    `networks` maps what the legend says to names of experiments, `times` those to milliseconds, and
    `published` others' networks to pairs of millions of MACs and percent.
    """
    figure, ax = plots.load_pyplot().subplots(figsize=(8, 5), layout="constrained")
    # A network may be a point of several lines: its rings lie within each other.
    sizes = itertools.count(14, -2)
    for label, names in networks.items():
        found = [
            (_mmacs(rows, name) if times is None else times[name], 100 * accuracy.mean)
            for name in names
            if (accuracy := rows.spread(name)) and (times is None or name in times)
        ]
        if found:
            ring = {"marker": "o", "fillstyle": "none", "markersize": max(next(sizes), 4)}
            ax.plot(*zip(*sorted(found), strict=True), label=label, **ring)
    # Each publication has a marker of its own.
    markers = itertools.cycle("xs^Dv")
    for label, points in published.items() if times is None else ():
        style = {"marker": next(markers), "linestyle": ":", "color": "gray"}
        ax.plot(*zip(*points, strict=True), label=f"published: {label}", **style)
    cost = "MACs, millions" if times is None else "milliseconds, LiteRT, one thread, batch 1"
    ax.set(xscale="log", xlabel=cost, ylabel="test accuracy, %", title=title)
    ax.legend(fontsize="small")
    return figure


def draw_factors(rows: Rows, title: str, experiments: dict[str, str]):
    """Factors of what the first dense layer reads, of each experiment's first seed.

    `experiments` maps what is written above a pattern to names; those without rows that have
    factors are left out. Figure 5 of arXiv 2110.05954.
    """
    found = {label: _with_factors(rows, name) for label, name in experiments.items()}
    found = {label: of[0]["factors"] for label, of in found.items() if of}
    options = {"figsize": (4.5 * len(found), 4), "squeeze": False, "layout": "constrained"}
    figure, axes = plots.load_pyplot().subplots(1, len(found), **options)
    for ax, (label, factors) in zip(axes[0], found.items(), strict=True):
        plots.plot_pattern(as_picture(np.array(factors)), ax=ax, title=label)
    figure.suptitle(title)
    return figure


def _with_factors(rows, *names):
    """Rows of experiments that have factors, which older ones lack, by seed."""
    return sorted((r for r in rows.of(*names) if "factors" in r), key=lambda row: row["seed"])


def _mmacs(rows, name):
    left = [row["macs"] * (1 - row["macs_removed"]) for row in rows.of(name)]
    return np.mean(left) / 1e6


_CURVES = {
    label: [lines[label].name for lines in mnist.BUDGETS.values()]
    for label in next(iter(mnist.BUDGETS.values()))
    if label != "dense twin"
}
# The residual networks that were built small, and what each network became.
_BY_COST = {
    "dense ResNet-20 and -32": [cifar10.TWINS[task].name for task in ("resnet20", "resnet32")],
    "ResNet-20 of uniform widths": [
        cifar10.POINTS["resnet20", keep]["uniform width, same MACs"].name
        for keep in cifar10.SHARES["resnet20"]
    ],
    **{
        f"{task}, row switcher": [
            cifar10.TWINS[task].name,
            *(cifar10.POINTS[task, keep]["row switcher"].name for keep in shares),
        ]
        for task, shares in cifar10.SHARES.items()
    },
}
_DENSE_INPUTS = {
    label: cifar10.DENSE_LAYERS[task]["dense layers only: row switcher"].name
    for task, label in {"mobilenet": "MobileNetV1 x1", "resnet34": "ResNet-34"}.items()
}
_VGG_COV2 = cifar10.POINTS["vgg_cov2", 0.604]["row switcher"].name
_PUBLISHED = json.loads((RESULTS / "published.json").read_text())["accuracy_over_mmacs"]
_TIMES = {
    row["experiment"]: row["milliseconds"] for row in read_rows(RESULTS / "benchmarks" / "compact")
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
    "cifar10_macs.png": (
        "CIFAR-10: accuracy over MACs",
        [name for names in _BY_COST.values() for name in names],
        partial(draw_costs, networks=_BY_COST, published=_PUBLISHED),
    ),
    "cifar10_times.png": (
        "CIFAR-10: accuracy over the time of a picture",
        list(_TIMES),
        partial(draw_costs, networks=_BY_COST, published=_PUBLISHED, times=_TIMES),
    ),
    "cifar10_vgg_cov2_counts.png": (
        "CIFAR-10, VGG-cov2: channels over the epochs, row switcher",
        [_VGG_COV2],
        partial(draw_counts, experiment=_VGG_COV2),
    ),
    "cifar10_dense_inputs.png": (
        "CIFAR-10: factors of what the dense layer reads, row switcher",
        list(_DENSE_INPUTS.values()),
        partial(draw_factors, experiments=_DENSE_INPUTS),
    ),
}


def shown(rows: Rows, name: str) -> list[dict]:
    """The rows of which a picture is drawn; there is none without any."""
    _, needs, draw = PICTURES[name]
    return _with_factors(rows, *needs) if draw.func is draw_factors else rows.of(*needs)
