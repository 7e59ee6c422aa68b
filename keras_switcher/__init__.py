"""keras_switcher learns a network's structure while it trains, and removes what it switched off."""

from keras_switcher import layers, plots, switchers
from keras_switcher.callbacks import StructureHistory
from keras_switcher.graph.channel_graph import channel_groups
from keras_switcher.graph.groups import ChannelGroup
from keras_switcher.model import SwitcherModel
from keras_switcher.pruning.counting import count_macs, count_parameters
from keras_switcher.pruning.masks import prune_channels
from keras_switcher.pruning.plan import PruningPlan
from keras_switcher.structure import Structure
from keras_switcher.training.budget import Budget
from keras_switcher.training.resuming import ResumeTraining

__version__ = "0.2.2"

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
