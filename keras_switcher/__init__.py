"""Structured pruning of Keras networks that is learned while they train."""

from typing import Any

try:
    import keras
except ModuleNotFoundError as error:
    raise ImportError(
        f"Keras cannot start: {error}. KERAS_BACKEND in the environment chooses its backend, "
        "TensorFlow if it is not set. Install the one that is missing: pip install tensorflow, "
        "or 'keras-switcher[jax]', or 'keras-switcher[torch]'."
    ) from error

from keras_switcher import latency, layers, plots, switchers
from keras_switcher.graph.channel_graph import channel_groups
from keras_switcher.graph.counting import count_macs, count_parameters
from keras_switcher.graph.groups import ChannelGroup
from keras_switcher.prune import prune
from keras_switcher.pruning import criteria
from keras_switcher.pruning.export import ExportedModel, export_model
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
    "ExportedModel",
    "PruningPlan",
    "ResumeTraining",
    "Structure",
    "StructureHistory",
    "SwitcherModel",
    "channel_groups",
    "count_macs",
    "count_parameters",
    "criteria",
    "export_model",
    "latency",
    "layers",
    "plots",
    "prune",
    "prune_channels",
    "switchers",
    "write_report",
]


def __getattr__(name: str) -> Any:
    """Loads SwitcherModel, and its report, on first use where a backend trains nothing."""
    if name == "SwitcherModel":
        from keras_switcher.model import SwitcherModel

        return SwitcherModel
    if name == "write_report":
        from keras_switcher.report import write_report

        return write_report
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__


# Here, so that keras.saving.load_model knows the class.
if keras.backend.backend() in ("tensorflow", "jax", "torch"):
    from keras_switcher.model import SwitcherModel
    from keras_switcher.report import write_report
