"""Replicas: the layers of the smaller model, built again from their configurations or copied."""

from keras_switcher.pruning.replicas.replicator import Replicator, warn_before_training

__all__ = ["Replicator", "warn_before_training"]
