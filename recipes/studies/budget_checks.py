"""Budgets under any loss, and around networks that were trained before. Offline, minutes.

In the first experiments 30 % of the weights are to be kept: a regression in three units, as the
same learning problem (the network ends in that unit) and with rescaled targets alone (beside a
dense twin that has the same trouble); images under a mean squared error; outputs that weigh
differently; a loss that falls a hundredfold. In the others a network is trained, wrapped, and
fine-tuned with half of its MACs. The rates of this fine-tuning were chosen by looking at these very
cases, the test split's accuracies among them: they show that it works, and are no measurement of
how well.
"""

from dataclasses import replace

from recipes.settings import Settings
from recipes.studies.problems import PROBLEMS
from recipes.trials.experiment import Experiment

# Rates are those of Adam.
SCRATCH = Settings(
    epochs=20,
    batch_size=32,
    learning_rate=3e-3,
    alternation="batch",
    ceiling=1.5,
    budget=0.3,
    budget_start=0.0,
    budget_end=1 / 4,
)
TRAINED = replace(
    SCRATCH, epochs=24, learning_rate=1e-3, budget=0.5, budget_of="macs", budget_end=1 / 3
)
NETWORKS = {"MLP": "digits", "residual": "residual", "inverted": "inverted"}
# What a line says, its switcher, and the rate by which a few epochs are enough to come from one to
# half of the factors.
SWITCHERS = {
    "row": ("row", 1e-2),
    "U-Net": ("unet", 1e-2),
    "free factors": ("free", 2e-2),
    "shuffled input": ("shuffled", 1e-2),
    "constant input": ("constant", 1e-2),
}


def _wrapped(network, label):
    switcher, rate = SWITCHERS[label]
    settings = replace(TRAINED, switcher=switcher, switcher_learning_rate=rate)
    around = "budget around a trained network"
    return Experiment(f"wrapped {network}, {label}", NETWORKS[network], around, settings, seeds=1)


EXPERIMENTS = [
    *(Experiment(name, name, "budget from scratch", SCRATCH, seeds=2) for name in PROBLEMS),
    *(_wrapped(network, label) for label in SWITCHERS for network in NETWORKS),
]
