"""Replicas: the layers of the smaller model, built again from their configurations or copied."""

from keras_switcher.pruning.replicas.replicator import Replicator
from keras_switcher.pruning.replicas.unreplicable import warn_of_unreplicable

__all__ = ["Replicator", "warn_of_unreplicable"]
