"""The switchers and controls that a recipe's `--switcher` names."""

from keras_switcher import switchers

SWITCHERS = ("row", "unet", "free", "frozen", "shuffled", "constant")
STARTS = ("near_one", "one", "half_zeros")


def make_switcher(name: str, start: str, seed: int, budget: float | None) -> switchers.Switcher:
    """A switcher, or a control around a row switcher.

    Args:
        name: One of `SWITCHERS`.
        start: Where the factors start: one of `STARTS`, as far as the switcher knows it.
        seed: Seed of what the controls draw.
        budget: The share of the weights to keep. The frozen control, which cannot learn it, is
            ranked to it.
    """
    if name == "unet":
        return switchers.UNetSwitcher(start=start)
    if name == "free":
        return switchers.FreeFactors(start=start, seed=seed)
    row = switchers.RowSwitcher(start=start)
    if name == "frozen":
        # A layer that keeps a share k of its inputs and of its outputs keeps k^2 of its weights.
        return switchers.FrozenSwitcher(row, keep=budget and budget**0.5)
    if name == "shuffled":
        return switchers.ShuffledInput(row, seed=seed)
    if name == "constant":
        return switchers.ConstantInput(row)
    return row
