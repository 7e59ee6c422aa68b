"""Structured pruning of Keras networks that is learned while they train."""

from typing import Any

import keras

from keras_switcher import layers, plots, switchers
from keras_switcher.graph.channel_graph import channel_groups
from keras_switcher.graph.counting import count_macs, count_parameters
from keras_switcher.graph.groups import ChannelGroup
from keras_switcher.pruning.masks import prune_channels
from keras_switcher.pruning.pruning_plan import PruningPlan
from keras_switcher.structure import Structure
from keras_switcher.structure_history import StructureHistory
from keras_switcher.training.budget.budget import Budget
from keras_switcher.training.resuming.resume_training import ResumeTraining

__version__ = "0.2.4"

__all__ = [
    "Budget",
    "ChannelGroup",
    "PruningPlan",
    "ResumeTraining",
    "Structure",
    "StructureHistory",
    "SwitcherModel",
    "channel_groups",
    "count_macs",
    "count_parameters",
    "layers",
    "plots",
    "prune_channels",
    "switchers",
]


def __getattr__(name: str) -> Any:
    """Loads SwitcherModel on first use: reading and pruning networks needs no TensorFlow."""
    if name != "SwitcherModel":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from keras_switcher.model import SwitcherModel
    except ModuleNotFoundError as error:
        raise ImportError(
            f"SwitcherModel trains with TensorFlow, which cannot be imported ({error}). Install it "
            "with: pip install tensorflow. channel_groups(), prune_channels() and count_macs() "
            "need no training backend."
        ) from error
    globals()[name] = SwitcherModel
    return SwitcherModel


def __dir__() -> list[str]:
    return __all__


if keras.backend.backend() == "tensorflow":  # So that keras.saving.load_model knows the class.
    from keras_switcher.model import SwitcherModel
