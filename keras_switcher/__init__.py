"""keras_switcher learns a network's structure while it trains, and removes what it switched off."""

from keras_switcher import layers, plots, switchers
from keras_switcher.budget import Budget
from keras_switcher.callbacks import StructureHistory
from keras_switcher.graph.anatomy import channel_groups
from keras_switcher.graph.counting import count_macs, count_parameters
from keras_switcher.graph.groups import ChannelGroup
from keras_switcher.graph.plan import PruningPlan
from keras_switcher.graph.pruning import prune_channels
from keras_switcher.resuming import ResumeTraining
from keras_switcher.structure import Structure
from keras_switcher.switcher_model import SwitcherModel

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
