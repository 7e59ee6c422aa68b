"""Switchers and controls by the names that `--switcher` takes."""

import keras
import numpy as np

import keras_switcher as ks
from keras_switcher import switchers
from keras_switcher.training.budget.budget import OF_TABLE
from recipes.alternation import WHILE_LOSS_FALLS
from recipes.latency_tables import latency_table

UNETS = {
    "unet": {},
    "unet_per_layer": {"stacked": False},
    "unet_literal": {"normalization": "batch"},
}
# Masks that follow the budget's schedule, by a criterion.
GRADUAL = {
    "magnitude": {},
    "uniform": {"allocation": "uniform"},
    "taylor": {"criterion": "taylor"},
    "random": {"criterion": "random"},
}
# Rivals whose penalty decides, or that keep the budget's share of each layer's connections.
PENALISED = ("slimming", "d_gating", "l0", "bc_gnj", "bc_ghs")
RANKED = {"edge_popup": switchers.EdgePopup, "dnw": switchers.DNW}
SWITCHERS = (
    *("row", *UNETS, "free", "frozen", "shuffled", "constant"),
    *(*GRADUAL, *PENALISED, *RANKED),
)
# Of those that leave no choice.
ALTERNATION_OF = {**dict.fromkeys((*GRADUAL, "dnw"), "task"), "edge_popup": "switcher"}


def switched(network: keras.Model, settings, samples: int) -> ks.SwitcherModel:
    """A network under the switcher that `recipes.settings.Settings` describe.

    It is to be trained on so many samples.
    """
    switcher = make_switcher(settings, network, samples)
    # Who is trained then changes from epoch to epoch, see `recipes.alternation`.
    chosen = "task" if settings.alternation == WHILE_LOSS_FALLS else settings.alternation
    return ks.SwitcherModel(
        network,
        switcher,
        settings.groups,
        alternation=ALTERNATION_OF.get(settings.switcher, chosen),
        budget=budget_of(settings, network.name) if learns_budget(settings) else None,
        connections=settings.connections,
        warmup_epochs=settings.warmup_epochs,
        gradient_through_switcher=not settings.detached,
    )


def budget_of(settings, network: str) -> ks.Budget:
    """The budget of the settings, which falls in its part of training, for a network of a name."""
    start, end = settings.budget_start * settings.epochs, settings.budget_end * settings.epochs
    table = latency_table(network) if settings.budget_of == OF_TABLE else None
    return ks.Budget(
        settings.budget, settings.budget_of, start_epoch=start, end_epoch=end, table=table
    )


def learns_budget(settings) -> bool:
    """Whether a budget pulls while it trains.

    A frozen switcher is ranked to it; others have a penalty of their own, or keep a share.
    """
    name = settings.switcher
    return settings.budget is not None and name not in ("frozen", *PENALISED, *RANKED)


def make_switcher(settings, network: keras.Model, samples: int) -> switchers.Switcher:
    """A switcher, or a control; raises ValueError if factors that are all one are to be ranked."""
    name, start, seed = settings.switcher, settings.start, settings.seed
    if name in UNETS:
        return switchers.UNetSwitcher(start=start, **UNETS[name])
    if name in GRADUAL:
        updates = -(-samples // settings.batch_size)
        every = max(1, round(settings.renew_every * updates))
        more = {"floor": settings.floor, "straight_through": not settings.standing_still}
        return switchers.Gradual(renew_every=every, **more, **GRADUAL[name])
    if name in PENALISED:
        return _penalised(settings, samples)
    if name in RANKED:
        more = {"seed": seed} if name == "edge_popup" else {}
        return RANKED[name](settings.budget, **more)
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


def _penalised(settings, samples):
    name, seed = settings.switcher, settings.seed
    of_own = {} if settings.strength is None else {"strength": settings.strength}
    if name == "slimming":
        return switchers.Slimming(**of_own)
    if name == "d_gating":
        return switchers.DGating(**of_own)
    if name == "l0":
        return switchers.L0(samples=samples, seed=seed, **of_own)
    # Divergences are divided by the number of samples, and have no other weight.
    kind = switchers.BCGNJ if name == "bc_gnj" else switchers.BCGHS
    return kind(samples=samples / of_own.get("strength", 1), seed=seed)


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
