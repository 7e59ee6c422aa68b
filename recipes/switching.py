"""From settings to a `SwitcherModel`: the switchers and controls that `--switcher` names."""

import keras

import keras_switcher as ks
from keras_switcher import switchers
from recipes.turns import WHILE_LOSS_FALLS

UNETS = {
    "unet": {},
    "unet_per_layer": {"stacked": False},
    "unet_literal": {"normalization": "batch"},
}
SWITCHERS = ("row", *UNETS, "free", "frozen", "shuffled", "constant")
STARTS = ("near_one", "one", "half_zeros")


def switched(network: keras.Model, settings) -> ks.SwitcherModel:
    """A network under the switcher that the settings describe.

    Args:
        network: The task network.
        settings: The `recipes.settings.Settings`.
    """
    budget = None
    # A frozen switcher cannot learn a budget: it is ranked to it, see `make_switcher`.
    if settings.budget is not None and settings.switcher != "frozen":
        budget = ks.Budget(
            settings.budget,
            start_epoch=settings.budget_start * settings.epochs,
            end_epoch=settings.budget_end * settings.epochs,
        )
    return ks.SwitcherModel(
        network,
        make_switcher(settings),
        # Whose turn it is then changes from epoch to epoch, see `recipes.turns`.
        alternation="task" if settings.alternation == WHILE_LOSS_FALLS else settings.alternation,
        budget=budget,
        connections=settings.connections,
        warmup_epochs=settings.warmup_epochs,
        gradient_through_switcher=not settings.detached,
    )


def make_switcher(settings) -> switchers.Switcher:
    """A switcher, or a control around a row switcher.

    Args:
        settings: The `recipes.settings.Settings`. The frozen control, which cannot learn the
            budget, is ranked to it.
    """
    name, start, seed = settings.switcher, settings.start, settings.seed
    if name in UNETS:
        return switchers.UNetSwitcher(start=start, **UNETS[name])
    if name == "free":
        return switchers.FreeFactors(start=start, seed=seed, ceiling=settings.ceiling)
    row = switchers.RowSwitcher(start=start, ceiling=settings.ceiling)
    if name == "frozen":
        # A layer that keeps a share k of its inputs and of its outputs keeps k^2 of its weights.
        power = 1 if settings.connections else 0.5
        return switchers.FrozenSwitcher(row, keep=settings.budget and settings.budget**power)
    if name == "shuffled":
        return switchers.ShuffledInput(row, seed=seed)
    if name == "constant":
        return switchers.ConstantInput(row)
    return row
