"""Accuracy over the share of the weights that is removed."""

from keras_switcher import plots
from recipes.evidence.summary import spread


def draw_curve(rows: dict, title: str, curves: dict[str, list[str]], dense: str | None = None):
    """Draws a line with error bars (standard deviation over seeds) for each method.

    Args:
        rows: A `Ledger`'s rows.
        title: Title of the picture.
        curves: Maps what the legend says to names of experiments; what has not been run is
            left out.
        dense: Name of the dense twin's experiment, drawn as a band.

    Returns:
        A matplotlib figure.
    """
    plt = plots.load_pyplot()
    figure, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for label, names in curves.items():
        points = [
            (spread(rows, name, "weights_removed").mean, accuracy)
            for name in names
            if (accuracy := spread(rows, name, "accuracy"))
        ]
        points.sort(key=lambda point: point[0])
        ax.errorbar(
            [100 * removed for removed, _ in points],
            [100 * accuracy.mean for _, accuracy in points],
            [100 * accuracy.std for _, accuracy in points],
            marker="o",
            capsize=3,
            label=label,
        )
    if dense and (twin := spread(rows, dense, "accuracy")):
        ax.axhline(100 * twin.mean, color="gray", linestyle="--", label="dense twin")
        low, high = 100 * (twin.mean - twin.std), 100 * (twin.mean + twin.std)
        ax.axhspan(low, high, color="gray", alpha=0.2)
    ax.set_xlabel("weights removed, %")
    ax.set_ylabel("test accuracy, %")
    ax.set_title(title)
    ax.legend()
    return figure
