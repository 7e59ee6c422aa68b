"""Pictures of what a switcher decided: factors of pixels, feature maps, masks, degrees.

Each function takes a trained `SwitcherModel`, held-out samples and the `MaskHistory` of its
training, and returns a matplotlib figure.
"""

import keras
import numpy as np

import keras_switcher as ks
from keras_switcher import plots
from recipes.datasets import Part

STRONG, OFF, SHOWN = 3, 2, 6


class MaskHistory(ks.StructureHistory):
    """Records also the mask of the last hidden layer's connections, where these have factors."""

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        if name := watched(self.model):
            mask = self.model.scaling_factors()[name] > 0
            self.epochs[-1][name]["mask"] = np.packbits(mask).tobytes().hex()


def watched(model: ks.SwitcherModel) -> str | None:
    """The connections whose masks are recorded; the output layer's are too few to show much."""
    names = names_in_order(model, "connections")
    return names[-2:][0] if names else None


def names_in_order(model: ks.SwitcherModel, of: str = "groups") -> list[str]:
    """Names of the groups of channels, or of `"connections"`, from the input to the output."""
    return [group.name for group in sorted(getattr(model.gated, of), key=lambda g: g.depth)]


def draw_pixels(model: ks.SwitcherModel, part: Part, history: MaskHistory):
    """The factors of the pixels of square pictures (figure 4 left of arXiv 2110.05954)."""
    name = names_in_order(model)[0]
    factors = model.scaling_factors()[name]
    side = round(len(factors) ** 0.5)
    return plots.plot_pattern(factors, (side, side), title=f"Factors of {name}").figure


def draw_dense_inputs(model: ks.SwitcherModel, part: Part, history: MaskHistory):
    """The factors of what the first dense layer reads (figure 5 of arXiv 2110.05954)."""
    name = dense_inputs(model)
    shown = as_picture(model.scaling_factors()[name])
    return plots.plot_pattern(shown, title=f"Factors of {name}").figure


def dense_inputs(model: ks.SwitcherModel) -> str | None:
    """The group that the first dense layer reads; None if it has no factors."""
    groups = sorted(model.gated.groups, key=lambda group: group.depth)
    of_dense = (g for g in groups if any(len(edge.kernel.shape) == 2 for edge in g.consumers))
    return next((group.name for group in of_dense), None)


def as_picture(factors: np.ndarray) -> np.ndarray:
    """Factors in rows, as near to a square as powers of two come; zeros fill it up."""
    rows = 2 ** (int(np.log2(len(factors))) // 2)
    columns = -(-len(factors) // rows)
    return np.pad(factors, (0, rows * columns - len(factors))).reshape(rows, columns)


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
    columns, rows = 1 + len(channels), len(samples)
    figure, axes = plots.load_pyplot().subplots(rows, columns, figsize=(columns, rows))
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
    name, number = watched(model), len(history.epochs)
    shape = model.scaling_factors()[name].shape
    places = np.linspace(0, number - 1, min(SHOWN, number)).round().astype(int)
    size = {"figsize": (1.6 * len(places), 4), "squeeze": False}
    figure, axes = plots.load_pyplot().subplots(1, len(places), **size)
    for ax, place in zip(axes[0], places, strict=True):
        packed = bytes.fromhex(history.epochs[place][name]["mask"])
        bits = np.unpackbits(np.frombuffer(packed, "uint8"), count=np.prod(shape))
        _show(ax, bits.reshape(shape), vmin=0, vmax=1, aspect="auto", interpolation="nearest")
        ax.set_title(f"epoch {place + 1}\n{bits.mean():.1%}")
    figure.suptitle(f"Connections left of {name.split('/')[0]}")
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
            ax.set(xlabel="connections left", ylabel=f"number of {side}s")
            ax.set_title(f"{name.split('/')[0]}: per {side}")
    return figure


def _show(ax, picture, **options):
    ax.imshow(picture, cmap="gray", **options)
    ax.set(xticks=[], yticks=[])
