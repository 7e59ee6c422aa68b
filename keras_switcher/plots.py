"""Plots of what was learned: patterns of factors, and counts over epochs."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_switcher.structure_history import StructureHistory

# Of Okabe and Ito's palette: told apart on any ground, and by those who see colours differently.
COLORS = {"strengthened": "#e69f00", "weakened": "#009e73", "pruned": "black"}
STYLES = {"strengthened": "-", "weakened": "--", "pruned": ":"}


def plot_pattern(
    factors: ArrayLike, shape: Sequence[int] | None = None, ax: Any = None, title: str | None = None
) -> Any:
    """Draws factors as pixels: strengthened orange, weakened green, pruned black.

    Figures 4 (left) and 5 of arXiv 2110.05954. The legend counts each kind.

    Args:
        factors: One layer's factors: a vector, or a matrix for connections.
        shape: Rows and columns in which to lay them out, in C order, for example `(28, 28)` for
            the pixels of MNIST; by default a vector is one row and a matrix stays as it is.
        ax: Matplotlib `Axes` to draw on; by default those of a new figure.
        title: Title of the picture.

    Returns:
        The `Axes`.

    Raises:
        ValueError: If the factors do not fill the shape, or one is negative or not finite.
        ImportError: If matplotlib is not installed.

    Example:

    >>> ax = plot_pattern([0.0, 0.5, 1.2, 0.0], shape=(2, 2))
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['strengthened: 1', 'weakened: 1', 'pruned: 2']
    """
    plt = load_pyplot()
    from matplotlib import colors, patches

    factors = _laid_out(factors, shape)
    kinds = np.select([factors >= 1, factors > 0], [0, 1], 2)
    if ax is None:
        _, ax = plt.subplots(layout="constrained")
    palette = np.array([colors.to_rgb(color) for color in COLORS.values()])
    is_row = factors.shape[0] == 1
    ax.imshow(palette[kinds], interpolation="nearest", aspect="auto" if is_row else "equal")
    ax.set_xticks([])
    ax.set_yticks([])
    counts = np.bincount(kinds.ravel(), minlength=len(COLORS))
    handles = [
        patches.Patch(facecolor=color, edgecolor="gray", label=f"{kind}: {count}")
        for (kind, color), count in zip(COLORS.items(), counts, strict=True)
    ]
    ax.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0), ncols=3, frameon=False)
    if title is not None:
        ax.set_title(title)
    return ax


def plot_counts(
    history: StructureHistory | Sequence[dict], groups: Sequence[str] | None = None
) -> Any:
    """Draws how many channels of each group are strengthened, weakened and pruned, over epochs.

    Figure 4 (right) of arXiv 2110.05954.

    Args:
        history: A `StructureHistory`, or its `epochs`.
        groups: Names of the groups to draw; by default all of them.

    Returns:
        The matplotlib `Figure`, with one `Axes` per group.

    Raises:
        ValueError: If no epoch was recorded, or a group was not.
        ImportError: If matplotlib is not installed.

    Example:

    >>> counts = {"total": 3, "kept": 2, "strengthened": 1, "weakened": 1, "pruned": 1}
    >>> figure = plot_counts([{"hidden": counts}, {"hidden": counts}])
    """
    plt = load_pyplot()
    from matplotlib.ticker import MaxNLocator

    epochs = history.epochs if isinstance(history, StructureHistory) else history
    if not isinstance(epochs, Sequence) or not epochs:
        raise ValueError(
            "No epoch was recorded. Pass a StructureHistory that was among the callbacks of fit()."
        )
    names = list(epochs[0]) if groups is None else list(groups)
    unknown = [name for name in names if name not in epochs[0]]
    if unknown or not names:
        raise ValueError(
            f"`groups` must be names of recorded groups: {list(epochs[0])}. "
            f"Received: groups={groups!r}."
        )
    columns = min(len(names), 4)
    rows = math.ceil(len(names) / columns)
    figure = plt.figure(figsize=(3.2 * columns, 0.6 + 2.4 * rows), layout="constrained")
    for position, name in enumerate(names, start=1):
        ax = figure.add_subplot(rows, columns, position, title=name, xlabel="epoch")
        for kind, color in COLORS.items():
            counts = [epoch[name][kind] for epoch in epochs]
            style = {"color": color, "linestyle": STYLES[kind], "marker": "."}
            ax.plot(range(1, len(epochs) + 1), counts, label=kind, **style)
        ax.set_ylim(bottom=0)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def load_pyplot() -> Any:
    """`matplotlib.pyplot`, imported when it is needed first.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError(
            "Plots need matplotlib. Install it with: pip install 'keras-switcher[plots]'"
        ) from error
    return pyplot


def _laid_out(factors: ArrayLike, shape: Sequence[int] | None) -> np.ndarray:
    """The factors as a matrix."""
    if isinstance(factors, Mapping):
        raise ValueError(f"Pass the factors of one group of these: {list(factors)}.")
    factors = np.asarray(factors, dtype="float64")
    if not factors.size:
        raise ValueError("There are no factors to draw.")
    if not np.isfinite(factors).all() or (factors < 0).any():
        raise ValueError(
            "`factors` must be finite and not negative, as SwitcherModel.scaling_factors() "
            f"returns them. Received values from {factors.min()} to {factors.max()}."
        )
    if shape is None:
        shape = factors.shape if factors.ndim == 2 else (1, factors.size)
    shape = tuple(shape)
    if len(shape) != 2 or math.prod(shape) != factors.size:
        raise ValueError(
            f"`shape` must be (rows, columns) that {factors.size} factors fill exactly. "
            f"Received: shape={shape} for factors of shape {factors.shape}."
        )
    return factors.reshape(shape)
