"""Verification: smaller networks and rebuilt layers are compared with their originals."""

from keras_switcher.pruning.verification.rebuilt_layer import describe_difference
from keras_switcher.pruning.verification.separation import check_apart
from keras_switcher.pruning.verification.smaller_network import Verification, check_verify

__all__ = ["Verification", "check_apart", "check_verify", "describe_difference"]
