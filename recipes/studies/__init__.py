"""Studies: experiments that answer a question together, in `EXPERIMENTS` of a module each."""

import importlib
from types import ModuleType

from recipes.trials.trial import Experiment

# Those that compare the method with others, and those by which settings were chosen.
MAIN = ("mnist", "mnist_connections", "digits_controls", "digits_residual")
# The paper's larger networks.
LARGE = ("cifar10", "mini_imagenet")
NAMES = (*MAIN, *LARGE, "mnist_search", "starts")


def load(study: str) -> ModuleType:
    """The module of a study."""
    return importlib.import_module(f"recipes.studies.{study}")


def experiments(study: str) -> list[Experiment]:
    """The experiments of a study."""
    return load(study).EXPERIMENTS
