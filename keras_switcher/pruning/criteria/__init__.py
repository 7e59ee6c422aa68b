"""Criteria: how much each channel of a network as it is matters; a registry by name."""

from keras_switcher.pruning.criteria.activation import Activation
from keras_switcher.pruning.criteria.bn_scale import BNScale
from keras_switcher.pruning.criteria.criterion import Criterion, check_scores
from keras_switcher.pruning.criteria.group_norm import GroupNorm
from keras_switcher.pruning.criteria.random import Random
from keras_switcher.pruning.criteria.registry import get, names, register
from keras_switcher.pruning.criteria.scored_network import ScoredNetwork
from keras_switcher.pruning.criteria.taylor import Taylor

__all__ = [
    "Activation",
    "BNScale",
    "Criterion",
    "GroupNorm",
    "Random",
    "ScoredNetwork",
    "Taylor",
    "check_scores",
    "get",
    "names",
    "register",
]
