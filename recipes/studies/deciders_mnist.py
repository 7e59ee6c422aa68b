"""Deciders on the MLP of MNIST, cut early and to the end; rivals of the paper. Test split.

Row switcher, free factors and gradual magnitude at four budgets, 16 seeds: under the switcher to
the last epoch, or cut after 43 % of training, from when on the small network is trained. One
residual network of the digits beside it. Seed by seed, so that pairs are complete at any time.

L0, BC-GNJ and BC-GHS decide by penalties of their own. These are as strong as published; the
experiments at the end compare strengths on the validation split by how much they remove.

Settings are those of the studies `mnist` and `digits_residual`.
"""

from dataclasses import replace

from recipes.studies import digits_residual, mnist
from recipes.studies.tables import Lines, Shared, kept, unique

IN_ORDER = True
SEEDS, RIVAL_SEEDS = 16, 3
KEPT, MORE = (0.25, 0.1, 0.05, 0.02), 0.1
# Their own are trained by Adam, as their authors do.
PENALISED = {
    "budget": None,
    "epochs": 30,
    "switcher_optimizer": "adam",
    "switcher_learning_rate": 0.001,
    "switcher_clipnorm": None,
}


def _point(keep: float) -> Lines:
    named = f"deciders mlp {{}}, {kept(keep)}"
    shared = Shared("mlp", replace(mnist.MLP, budget=keep), named, SEEDS)
    return shared.lines("deciders") | (shared.lines("deciders_more") if keep == MORE else {})


def _rivals(task: str) -> Lines:
    settings = {"mlp": mnist.MLP, "lenet5": mnist.LENET5}[task]
    dense = replace(settings, epochs=30, budget=None)
    named = f"deciders {task} {{}}"
    twin = Shared(task, dense, named, RIVAL_SEEDS).make("dense, 30 epochs", "dense")
    shared = Shared(task, replace(settings, **PENALISED), named, RIVAL_SEEDS)
    return {"dense twin": DENSE if task == "mlp" else twin, **shared.lines("rivals")}


def _strengths(task: str) -> Lines:
    settings = {"mlp": mnist.MLP, "lenet5": mnist.LENET5}[task]
    changed = replace(settings, **PENALISED, validate=True)
    return Shared(task, changed, f"deciders {task} {{}}, validation", 1).lines("rivals_strengths")


_of_dense = Shared("mlp", replace(mnist.MLP_DENSE, budget=None), "deciders mlp {}", SEEDS)
DENSE = _of_dense.make("dense", "dense")
MLP = {f"{100 * keep:.0f} % of the weights": {"dense twin": DENSE, **_point(keep)} for keep in KEPT}
# Its target has fallen before it is cut, also if it waits.
_residual = replace(digits_residual.SETTINGS, budget_end=0.34)
_named = f"deciders residual {{}}, {kept(_residual.budget, 'macs')}"
_twin = Shared("residual", replace(digits_residual.DENSE, budget=None), "deciders residual {}")
RESIDUAL = {
    "dense twin": _twin.make("dense", "dense", seeds=SEEDS),
    **Shared("residual", _residual, _named, SEEDS).lines("deciders_residual"),
}
BUDGETS = {f"MLP, {budget}": lines for budget, lines in MLP.items()}
BUDGETS["residual, 25 % of the MACs"] = RESIDUAL
RIVALS = {task: _rivals(task) for task in ("mlp", "lenet5")}
STRENGTHS = {task: _strengths(task) for task in ("mlp", "lenet5")}


EXPERIMENTS = unique(RESIDUAL, *MLP.values(), *RIVALS.values(), *STRENGTHS.values())
