"""The method of the package, a network under a switcher, and its dense twin."""

import keras

import keras_switcher as ks
from recipes.drawing import MaskHistory
from recipes.methods import method
from recipes.switchers import switched
from recipes.trials.structures import Masks
from recipes.trials.trained import keep_trained, trained_network
from recipes.trials.trial import Outcome, Trial


@method("dense")
def dense(trial: Trial) -> Outcome:
    """The network itself."""
    model = trial.network()
    trial.train(model, "dense")
    if trial.experiment.is_kept:
        keep_trained(trial, model)
    return Outcome(model, trial.settings.epochs)


@method("dense, trained")
def dense_again(trial: Trial) -> Outcome:
    """A trained network, trained on."""
    model = trained_network(trial)
    trial.train(model, "dense")
    return Outcome(model, trial.settings.epochs)


@method("switched")
def under_switcher(trial: Trial) -> Outcome:
    """The network under the switcher of the settings, untrained or trained before."""
    return switched_to_the_end(trial, started(trial))


def switched_to_the_end(trial: Trial, network: keras.Model) -> Outcome:
    """A network that is trained under the switcher of the settings for all epochs."""
    history = MaskHistory()
    model = switched(network, trial.settings, len(trial.data.train.y))
    trial.train(model, "switched", history=history)
    return Outcome(model, trial.settings.epochs, kept_by(model), history)


def started(trial: Trial) -> keras.Model:
    """The network that a trial starts from: untrained, or a trained one."""
    return trained_network(trial) if trial.experiment.trained else trial.network()


def kept_by(model: ks.SwitcherModel, budget: ks.Budget | None = None) -> Masks:
    """The channels or connections that a switched network keeps, within a budget if it is given."""
    plan = model.plan(budget=budget)
    kernels = {kernel.connections_name: kernel for kernel in model.gated.channel_graph.kernels}
    return {
        name: kernels[name].between(plan.connections[name], plan.keep) > 0
        if name in plan.connections
        else plan.keep[name]
        for name in model.scaling_factors()
    }
