"""Switchers and controls by the names that `--switcher` takes."""

import keras
import numpy as np

import keras_switcher as ks
from keras_switcher import switchers
from recipes.alternation import WHILE_LOSS_FALLS

UNETS = {
    "unet": {},
    "unet_per_layer": {"stacked": False},
    "unet_literal": {"normalization": "batch"},
}
SWITCHERS = ("row", *UNETS, "free", "frozen", "shuffled", "constant")


def switched(network: keras.Model, settings) -> ks.SwitcherModel:
    """A network under the switcher that `recipes.settings.Settings` describe."""
    budget = None
    # A frozen switcher cannot learn a budget: it is ranked to it, see `make_switcher`.
    if settings.budget is not None and settings.switcher != "frozen":
        start, end = settings.budget_start * settings.epochs, settings.budget_end * settings.epochs
        budget = ks.Budget(settings.budget, settings.budget_of, start_epoch=start, end_epoch=end)
    return ks.SwitcherModel(
        network,
        make_switcher(settings, network),
        settings.groups,
        # Who is trained then changes from epoch to epoch, see `recipes.alternation`.
        alternation="task" if settings.alternation == WHILE_LOSS_FALLS else settings.alternation,
        budget=budget,
        connections=settings.connections,
        warmup_epochs=settings.warmup_epochs,
        gradient_through_switcher=not settings.detached,
    )


def make_switcher(settings, network: keras.Model) -> switchers.Switcher:
    """A switcher, or a control; raises ValueError if factors that are all one are to be ranked."""
    name, start, seed = settings.switcher, settings.start, settings.seed
    if name in UNETS:
        return switchers.UNetSwitcher(start=start, **UNETS[name])
    if name == "free":
        return switchers.FreeFactors(start=start, seed=seed, ceiling=settings.ceiling)
    row = switchers.RowSwitcher(start=start, ceiling=settings.ceiling)
    if name == "frozen" and settings.budget and start == "one":
        raise ValueError(
            "A frozen switcher is ranked to the budget, and factors that start at one are all "
            "equal. Choose --start near_one or half_zeros, or --budget none."
        )
    if name == "frozen":
        return switchers.FrozenSwitcher(row, keep=settings.budget and _ranked(settings, network))
    if name == "shuffled":
        return switchers.ShuffledInput(row, seed=seed)
    return switchers.ConstantInput(row) if name == "constant" else row


def _ranked(settings, network):
    """The share of each group that leaves about the budget's share of the largest kernel.

    A kernel that n groups meet at keeps k^n of its weights, if each of them keeps a share k.
    """
    if settings.connections:
        return settings.budget
    groups = [group for group in ks.channel_groups(network) if group.prunable]
    met = [{id(at.kernel) for at in (*g.producers, *g.consumers)} for g in groups]
    largest = max((at.kernel for g in groups for at in g.consumers), key=lambda k: np.prod(k.shape))
    return settings.budget ** (1 / sum(id(largest) in kernels for kernels in met))
