"""Verification: compares what was made with what it was made from, on random inputs."""

from keras_switcher.pruning.verification.rebuilt_layer import unlike
from keras_switcher.pruning.verification.separation import check_apart
from keras_switcher.pruning.verification.smaller_network import Verification, check_verify

__all__ = ["Verification", "check_apart", "check_verify", "unlike"]
