"""Pictures of what a switcher decided, beside the package's counts over epochs.

Each takes a `recipes.comparison.Comparison` after training and returns a matplotlib figure.
"""

import keras
import numpy as np

import keras_switcher as ks
from keras_switcher import plots


def draw_pixels(comparison):
    """The factors of the input pixels (figure 4 left of arXiv 2110.05954).

    Args:
        comparison: Of a network whose inputs are the pixels of square pictures.
    """
    model = comparison.switched
    name = names_in_order(model)[0]
    factors = model.scaling_factors()[name]
    side = round(len(factors) ** 0.5)
    return plots.plot_pattern(factors, (side, side), title=f"Factors of {name}").figure


def draw_feature_maps(comparison, strong: int = 3, off: int = 2):
    """Feature maps of the first convolution, a row per class (figure 3 of arXiv 2110.05954).

    Beside a held-out sample of each class are the channels with the largest factors, then
    channels that are switched off.

    Args:
        comparison: Of a network that starts with a convolution.
        strong: Number of the strongest channels.
        off: Number of pruned channels; fewer if fewer are pruned.
    """
    plt = plots.load_pyplot()
    model, data = comparison.switched, comparison.data
    name = names_in_order(model)[0]
    factors = model.scaling_factors()[name]
    largest = np.argsort(-factors, kind="stable")
    channels = [*largest[:strong], *[c for c in largest if factors[c] == 0][:off]]
    layer = model.task.get_layer(name)
    x, y = data.held_out
    samples = x[[np.argmax(y == label) for label in np.unique(y)]]
    maps = keras.Model(model.task.inputs, layer.output).predict(samples, verbose=0)
    figure, axes = plt.subplots(
        len(samples), 1 + len(channels), figsize=(1 + len(channels), len(samples))
    )
    for row, sample, channel_maps in zip(axes, samples, maps, strict=True):
        pictures = [sample[..., 0], *np.moveaxis(channel_maps[..., channels], -1, 0)]
        for ax, picture in zip(row, pictures, strict=True):
            ax.imshow(picture, cmap="gray")
            ax.set_xticks([])
            ax.set_yticks([])
    for ax, channel in zip(axes[0][1:], channels, strict=True):
        ax.set_title(
            f"{channel}: {factors[channel]:.2f}" if factors[channel] else f"{channel}: off"
        )
    figure.tight_layout()
    return figure


def draw_masks(comparison, shown: int = 6):
    """The mask of a layer's connections over training; white is what is left.

    Args:
        comparison: Of a network whose connections have factors.
        shown: Number of masks, from the first to the last.
    """
    plt = plots.load_pyplot()
    masks = comparison.masks.masks
    places = np.linspace(0, len(masks) - 1, min(shown, len(masks))).round().astype(int)
    epochs = [sorted(masks)[place] for place in places]
    figure, axes = plt.subplots(1, len(epochs), figsize=(1.6 * len(epochs), 4), squeeze=False)
    for ax, epoch in zip(axes[0], epochs, strict=True):
        ax.imshow(masks[epoch], cmap="gray", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
        ax.set_title(f"epoch {epoch}\n{masks[epoch].mean():.1%}")
        ax.set_xticks([])
        ax.set_yticks([])
    figure.suptitle(f"Connections left of {comparison.masks.name.split('/')[0]}")
    figure.tight_layout()
    return figure


def draw_degrees(comparison):
    """How many connections the units have: a histogram for each side of each layer.

    Args:
        comparison: Of a network whose connections have factors.
    """
    plt = plots.load_pyplot()
    factors = comparison.switched.scaling_factors()
    names = [n for n in names_in_order(comparison.switched) if factors[n].ndim == 2]
    figure, axes = plt.subplots(
        2, len(names), figsize=(3 * len(names), 5), squeeze=False, layout="constrained"
    )
    for column, name in zip(axes.T, names, strict=True):
        sides = (("input", 1), ("output", 0))
        for ax, (side, axis) in zip(column, sides, strict=True):
            degrees = (factors[name] > 0).sum(axis=axis)
            bins = np.arange(min(degrees.max() + 2, 41)) * max(1, (degrees.max() + 1) / 40)
            ax.hist(degrees, bins=bins, color="black")
            ax.set_title(f"{name.split('/')[0]}: per {side}")
            ax.set_xlabel("connections left")
            ax.set_ylabel(f"number of {side}s")
    return figure


def names_in_order(model: ks.SwitcherModel) -> list[str]:
    """Names of all that has factors, from the input to the output."""
    groups = [*model.gated.groups, *model.gated.connections]
    return [group.name for group in sorted(groups, key=lambda group: group.depth)]
