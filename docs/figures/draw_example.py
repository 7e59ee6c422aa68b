"""Draws the picture of README.md from its first example: before, after, and the way there.

Run `python docs/figures/draw_example.py` where the package is installed.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection

HERE = Path(__file__).parent
README = HERE.parents[1] / "README.md"
KEPT, GONE = "#d95f02", "#c8c8c8"
COLORS = {"first/inputs": "#1b9e77", "first": "#d95f02", "second": "#7570b3"}
LABELS = {"first/inputs": "inputs", "first": "first layer", "second": "second layer"}


def draw(names: dict) -> plt.Figure:
    """Both networks as columns of units, the kept inputs as pixels, and the kept channels by epoch.

    Args:
        names: What the example has defined.
    """
    factors = names["model"].scaling_factors()
    alive = [factors[name] > 0 for name in COLORS] + [np.ones(10, bool)]
    figure, axes = plt.subplots(
        1, 4, figsize=(12, 3.3), layout="constrained", width_ratios=(1.15, 1.15, 0.9, 1.3)
    )
    kernels = [np.abs(layer.kernel) for layer in names["task"].layers]
    draw_network(axes[0], kernels, alive)
    axes[0].set_title("what the switcher decided")
    kernels = [np.abs(layer.kernel) for layer in names["small"].layers if layer.weights]
    draw_network(axes[1], kernels, [np.ones(mask.sum(), bool) for mask in alive])
    axes[1].set_title("what compact() returns")
    draw_pixels(axes[2], names["x"].mean(axis=0), alive[0])
    axes[2].set_title("inputs that are kept")
    draw_history(axes[3], names["history"].epochs)
    axes[3].set_title("channels that are kept")
    return figure


def draw_network(ax, kernels, alive):
    """Units as dots and the strongest connections of those that are alive as lines."""
    places = [(np.arange(len(mask)) - (len(mask) - 1) / 2) for mask in alive]
    for column, kernel in enumerate(kernels):
        strength = kernel * np.outer(alive[column], alive[column + 1])
        chosen = np.argwhere(strength > np.quantile(strength[strength > 0], 0.85))
        lines = [
            [(column, places[column][i]), (column + 1, places[column + 1][j])] for i, j in chosen
        ]
        ax.add_collection(LineCollection(lines, colors="black", linewidths=0.3, alpha=0.18))
    for column, mask in enumerate(alive):
        for kind, color, size in ((~mask, GONE, 4), (mask, KEPT, 5)):
            ax.scatter(np.full(kind.sum(), column), places[column][kind], size, color, zorder=2)
        count = f"{mask.sum()}" if mask.all() else f"{mask.sum()} of {len(mask)}"
        ax.text(column, 70, count, ha="center", fontsize=9)
    ax.set_xlim(-0.4, len(kernels) + 0.4)
    ax.set_ylim(-66, 78)
    ax.axis("off")


def draw_pixels(ax, image, alive):
    """The mean image, with what is removed left blank."""
    shown = np.where(alive, image, np.nan).reshape(8, 8)
    palette = plt.get_cmap("Oranges").with_extremes(bad="#ededed")
    ax.imshow(shown, cmap=palette, vmin=-0.2, vmax=1)
    ax.set_xticks([])
    ax.set_yticks([])


def draw_history(ax, epochs):
    """The share of each group that is kept at the end of each epoch."""
    for name, color in COLORS.items():
        kept = [1.0, *(groups[name]["kept"] / groups[name]["total"] for groups in epochs)]
        ax.plot(range(len(kept)), [100 * share for share in kept], color=color, label=LABELS[name])
    ax.set_xlabel("epoch")
    ax.set_ylabel("%")
    ax.set_ylim(0, 103)
    ax.set_xticks(range(0, len(epochs) + 1, 5))
    ax.legend(frameon=False)


def main():
    """Runs the example and writes the picture."""
    names = {}
    exec(README.read_text().split("```python\n")[1].split("```")[0], names)
    draw(names).savefig(HERE / "example.png", dpi=110)
    Path("small.keras").unlink()


if __name__ == "__main__":
    main()
