"""Studies: experiments that answer a question together, in `EXPERIMENTS` of a module each."""

import importlib
from types import ModuleType

from recipes.trials.trial import Experiment

# Those that compare the method with others, and those by which settings were chosen.
MAIN = ("mnist", "mnist_connections", "digits_controls", "digits_residual")
# Which of all methods decides best on the channels.
DECIDERS = ("decision", "deciders_mnist")
# What budgets are shares of.
BUDGETS = ("milliseconds",)
# The paper's larger networks.
LARGE = ("cifar10", "cifar10_gpu", "mini_imagenet")
NAMES = (*MAIN, *DECIDERS, *BUDGETS, *LARGE, "mnist_search", "starts")


def load(study: str) -> ModuleType:
    """The module of a study."""
    return importlib.import_module(f"recipes.studies.{study}")


def experiments(study: str) -> list[Experiment]:
    """The experiments of a study."""
    return load(study).EXPERIMENTS


def backend(study: str) -> str:
    """The backend of the rows that the report shows: a study's `BACKEND`."""
    return getattr(load(study), "BACKEND", "tensorflow")


def is_in_order(study: str) -> bool:
    """Whether a study runs in the order of its experiments, seed by seed: it has `IN_ORDER`."""
    return getattr(load(study), "IN_ORDER", False)
