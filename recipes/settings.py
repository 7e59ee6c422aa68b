"""Settings of a training, and their command line."""

import argparse
from dataclasses import asdict, dataclass, field, fields
from functools import partial

from keras_switcher.graph.kernel import COSTS
from keras_switcher.graph.selection import GROUP_CHOICES
from keras_switcher.switchers.heads import STARTS
from keras_switcher.training.budget.budget import OF_TABLE
from keras_switcher.training.schedule import ALTERNATIONS
from recipes import augmentation
from recipes.alternation import WHILE_LOSS_FALLS
from recipes.switchers import SWITCHERS

SCHEDULES = ("cosine", "two cosines", "steps", "one cycle")
PRECISIONS = ("float32", "mixed_bfloat16")
OPTIMIZERS = ("sgd", "adam")
ALTERNATION_CHOICES = (*ALTERNATIONS, WHILE_LOSS_FALLS)


def _share(text):
    if not 0 < float(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a share between 0 and 1, not {text}")
    return float(text)


def _count(text):
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {text}")
    return int(text)


def _or_none(read):
    return lambda text: None if text == "none" else read(text)


def _setting(default, read, explanation, choices=None):
    option = {"type": read, "choices": choices} if read is not bool else {"action": "store_true"}
    return field(default=default, metadata={**option, "help": explanation})


_flag = partial(_setting, False, bool)


@dataclass(frozen=True)
class Settings:
    """The settings of one training, each an option of the command line."""

    seed: int = _setting(0, int, "seed of initialisation and of the order of the samples")
    epochs: int = _setting(30, _count, "epochs for each of the two networks")
    batch_size: int = _setting(64, _count, "samples per update")
    learning_rate: float = _setting(0.1, float, "of SGD for the task network, at the start")
    switcher_learning_rate: float | None = _setting(
        None, float, "of the switcher's optimizer, likewise"
    )
    switcher_optimizer: str = _setting("sgd", str, "of the switcher", OPTIMIZERS)
    schedule: str = _setting(
        "cosine",
        str,
        "how rates fall: as one cosine, two, or by ten at 1/2 and 3/4; or up and down",
        SCHEDULES,
    )
    momentum: float = _setting(0.9, float, "of both optimizers")
    nesterov: bool = _flag("Nesterov's momentum, for the task network")
    augmentation: str = _setting(
        "none", str, "of the pictures that are trained on", augmentation.KINDS
    )
    precision: str = _setting("float32", str, "of the task network's computations", PRECISIONS)
    weight_decay: float = _setting(0.0, float, "of the task network, in both trainings")
    switcher_clipnorm: float | None = _setting(
        None, _or_none(float), "largest norm of the switcher's gradient, or none for any"
    )
    switcher_weight_decay: float = _setting(0.0, float, "of the switcher")
    switcher: str = _setting("row", str, "a switcher, or a control", SWITCHERS)
    start: str = _setting("one", str, "where the factors start", tuple(STARTS))
    strength: float | None = _setting(
        None, _or_none(float), "of a switcher's own penalty, or none for its default"
    )
    renew_every: float = _setting(
        0.25, float, "share of an epoch after which a gradual switcher's masks are made anew"
    )
    floor: float = _setting(0.0, float, "share of each group that a gradual switcher keeps")
    standing_still: bool = _flag("what a gradual switcher has switched off is not trained")
    alternation: str = _setting(
        "joint",
        str,
        "who is updated when, where a switcher leaves the choice: those that learn nothing do not, "
        "nor does edge_popup, which trains no weights",
        ALTERNATION_CHOICES,
    )
    groups: str = _setting("all", str, "which channels have factors", GROUP_CHOICES)
    connections: bool = _setting(
        False, bool, "factors for single connections of dense layers, not for channels"
    )
    ceiling: float | None = _setting(
        None, _or_none(float), "what factors stay below, above 1, or none for no bound"
    )
    warmup_epochs: int = _setting(0, int, "epochs in which the factors are one")
    detached: bool = _setting(
        False, bool, "no gradient through the switcher's input: equation 6 cut short"
    )
    budget: float | None = _setting(0.245, _or_none(_share), "share to keep, or none")
    budget_of: str = _setting(
        "weights",
        str,
        "what it is a share of; latency needs what recipes.latency_tables writes",
        (*COSTS, OF_TABLE),
    )
    budget_start: float = _setting(0.05, float, "share of training after which the budget falls")
    budget_end: float = _setting(0.3, float, "share of training after which it has fallen")
    validate: bool = _setting(
        False, bool, "measure on a validation split that is not trained on, never on test"
    )
    smoke: bool = _flag("a few samples and two epochs: shows that everything runs")

    def as_options(self, defaults: "Settings") -> str:
        """The command line that makes these settings from the defaults; always with the seed."""
        words = []
        for name, value in asdict(self).items():
            if name == "seed" or value != getattr(defaults, name):
                words += [_option(name), *([] if value is True else [str(value).lower()])]
        return " ".join(words)


def add_settings(parser: argparse.ArgumentParser, defaults: Settings):
    """Adds an option for each setting."""
    for setting in fields(Settings):
        default, option = getattr(defaults, setting.name), dict(setting.metadata)
        if default is not None and "type" in option:
            option["help"] += " (default: %(default)s)"
        parser.add_argument(_option(setting.name), default=default, **option)


def read_settings(options: argparse.Namespace) -> Settings:
    """The settings among parsed options."""
    return Settings(**{name: getattr(options, name) for name in asdict(Settings())})


def _option(name):
    return "--" + name.replace("_", "-")
