"""Pictures of what a switcher decided: factors of pixels, feature maps, masks, degrees.

Each function takes the trained `SwitcherModel`, held-out samples, and the `MaskHistory` of its
training, and returns a matplotlib figure.
"""

from pathlib import Path

import keras
import numpy as np

import keras_switcher as ks
from keras_switcher import plots
from keras_switcher.files import written_whole
from recipes.datasets import Part

STRONG, OFF, SHOWN = 3, 2, 6


class MaskHistory(keras.callbacks.Callback):
    """Keeps the mask of the last hidden layer's connections after each epoch, in files.

    Where connections have no factors it keeps nothing.

    Args:
        folder: Where the files go, for interrupted runs.
    """

    def __init__(self, folder: Path):
        super().__init__()
        self.name = None
        self._folder = folder

    @property
    def masks(self) -> dict[int, np.ndarray]:
        """Boolean matrices by number of finished epochs."""
        return {int(path.stem): np.load(path) for path in sorted(self._folder.glob("*.npy"))}

    def on_train_begin(self, logs=None):
        if connections := names_in_order(self.model, "connections"):
            # The output layer is too small to show much.
            self.name = connections[-2 if len(connections) > 1 else -1]
            self._folder.mkdir(parents=True, exist_ok=True)
            if not self.masks:
                self._save(0)

    def on_epoch_end(self, epoch, logs=None):
        if self.name:
            self._save(epoch + 1)

    def _save(self, epochs):
        with written_whole(self._folder / f"{epochs:05}.npy") as path:
            np.save(path, self.model.scaling_factors()[self.name] > 0)


def names_in_order(model: ks.SwitcherModel, of: str = "groups") -> list[str]:
    """Names of the groups of channels, or of `"connections"`, from the input to the output."""
    return [group.name for group in sorted(getattr(model.gated, of), key=lambda g: g.depth)]


def draw_pixels(model: ks.SwitcherModel, part: Part, history: MaskHistory):
    """The factors of the pixels of square pictures (figure 4 left of arXiv 2110.05954)."""
    name = names_in_order(model)[0]
    factors = model.scaling_factors()[name]
    side = round(len(factors) ** 0.5)
    return plots.plot_pattern(factors, (side, side), title=f"Factors of {name}").figure


def draw_feature_maps(model: ks.SwitcherModel, part: Part, history: MaskHistory):
    """Feature maps of the first convolution, a row per class (figure 3 of arXiv 2110.05954).

    Beside a held-out sample of each class are the channels with the largest factors, then
    channels that are switched off; fewer if fewer are.
    """
    name = names_in_order(model)[0]
    factors = model.scaling_factors()[name]
    largest = np.argsort(-factors, kind="stable")
    channels = [*largest[:STRONG], *[c for c in largest if factors[c] == 0][:OFF]]
    layer = model.task.get_layer(name)
    samples = part.x[[np.argmax(part.y == label) for label in np.unique(part.y)]]
    maps = keras.Model(model.task.inputs, layer.output).predict(samples, verbose=0)
    figure, axes = plots.load_pyplot().subplots(
        len(samples), 1 + len(channels), figsize=(1 + len(channels), len(samples))
    )
    for row, sample, channel_maps in zip(axes, samples, maps, strict=True):
        pictures = [sample[..., 0], *np.moveaxis(channel_maps[..., channels], -1, 0)]
        for ax, picture in zip(row, pictures, strict=True):
            _show(ax, picture)
    for ax, channel in zip(axes[0][1:], channels, strict=True):
        ax.set_title(f"{channel}: " + (f"{factors[channel]:.2f}" if factors[channel] else "off"))
    figure.tight_layout()
    return figure


def draw_masks(model: ks.SwitcherModel, part: Part, history: MaskHistory):
    """The mask of a layer's connections over training; white is what is left."""
    masks = history.masks
    places = np.linspace(0, len(masks) - 1, min(SHOWN, len(masks))).round().astype(int)
    epochs = [sorted(masks)[place] for place in places]
    figure, axes = plots.load_pyplot().subplots(
        1, len(epochs), figsize=(1.6 * len(epochs), 4), squeeze=False
    )
    for ax, epoch in zip(axes[0], epochs, strict=True):
        _show(ax, masks[epoch], vmin=0, vmax=1, aspect="auto", interpolation="nearest")
        ax.set_title(f"epoch {epoch}\n{masks[epoch].mean():.1%}")
    figure.suptitle(f"Connections left of {history.name.split('/')[0]}")
    figure.tight_layout()
    return figure


def draw_degrees(model: ks.SwitcherModel, part: Part, history: MaskHistory):
    """How many connections the units have: a histogram for each side of each layer."""
    factors, names = model.scaling_factors(), names_in_order(model, "connections")
    figure, axes = plots.load_pyplot().subplots(
        2, len(names), figsize=(3 * len(names), 5), squeeze=False, layout="constrained"
    )
    for column, name in zip(axes.T, names, strict=True):
        for ax, side, axis in zip(column, ("input", "output"), (1, 0), strict=True):
            degrees = (factors[name] > 0).sum(axis=axis)
            bins = np.arange(min(degrees.max() + 2, 41)) * max(1, (degrees.max() + 1) / 40)
            ax.hist(degrees, bins=bins, color="black")
            ax.set_title(f"{name.split('/')[0]}: per {side}")
            ax.set_xlabel("connections left")
            ax.set_ylabel(f"number of {side}s")
    return figure


def _show(ax, picture, **options):
    ax.imshow(picture, cmap="gray", **options)
    ax.set_xticks([])
    ax.set_yticks([])
