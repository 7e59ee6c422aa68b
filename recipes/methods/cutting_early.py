"""Cutting early: what was learned by some epoch is cut, and the small network goes on."""

from dataclasses import replace
from functools import partial

from recipes.drawing import MaskHistory
from recipes.methods import method
from recipes.methods.switching import kept_by, started
from recipes.switchers import budget_of, switched
from recipes.trials.costs import equal_cost
from recipes.trials.trial import Outcome, Trial


@method("cut early")
def cut_early(trial: Trial, new_schedule: bool = False, of_equal_cost: bool = False) -> Outcome:
    """Under the switcher for a share of the epochs, then cut to the budget and trained on.

    The small network goes on with the optimizer's state and what is left of the schedule, or with
    a new one. Of equal cost are as many epochs as bring the training to the dense network's MACs,
    if the budget's share of them is left.
    """
    settings, share = trial.settings, trial.experiment.share
    if of_equal_cost:
        settings = replace(settings, epochs=equal_cost(settings.epochs, share, settings.budget))
    epochs, network, history = settings.epochs, started(trial), MaskHistory()
    budget, cut = budget_of(settings, network.name), round(share * epochs)
    model = switched(network, settings, len(trial.data.train.y))
    trial.train(model, "before", epochs, span=range(cut), history=history)
    keep = kept_by(model, budget)
    small = model.compact(budget=budget, optimizer=not new_schedule)
    if new_schedule:
        trial.train(small, "after", epochs - cut)
    else:
        trial.train(small, "after", epochs, span=range(cut, epochs), is_compiled=True)
    return Outcome(small, epochs, keep, history)


method("cut early, new schedule")(partial(cut_early, new_schedule=True))
method("cut early, equal cost")(partial(cut_early, of_equal_cost=True))
