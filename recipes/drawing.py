"""Pictures of what a switcher decided, beside the package's counts over epochs."""

import keras
import numpy as np

import keras_switcher as ks
from keras_switcher import plots
from recipes.datasets import Data


def draw_pixels(model: ks.SwitcherModel, data: Data):
    """The factors of the input pixels (figure 4 left of arXiv 2110.05954).

    Args:
        model: A switched network whose inputs are the pixels of square pictures.
        data: Its samples.

    Returns:
        A matplotlib figure.
    """
    name = names_in_order(model)[0]
    factors = model.scaling_factors()[name]
    side = round(len(factors) ** 0.5)
    return plots.plot_pattern(factors, (side, side), title=f"Factors of {name}").figure


def draw_feature_maps(model: ks.SwitcherModel, data: Data, strong: int = 3, off: int = 2):
    """Feature maps of the first convolution, a row per class (figure 3 of arXiv 2110.05954).

    Beside a held-out sample of each class are the channels with the largest factors, then
    channels that are switched off.

    Args:
        model: A switched network that starts with a convolution.
        data: Its samples.
        strong: Number of the strongest channels.
        off: Number of pruned channels; fewer if fewer are pruned.

    Returns:
        A matplotlib figure.
    """
    plt = plots.load_pyplot()
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


def names_in_order(model: ks.SwitcherModel) -> list[str]:
    """Names of the groups that have factors, from the input to the output."""
    depths = {group.name: group.depth for group in ks.channel_groups(model.task)}
    return sorted(model.scaling_factors(), key=depths.get)
