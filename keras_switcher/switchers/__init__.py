"""Switchers: they read the weights of a network and decide on the factors of its channels."""

from keras_switcher.switchers.records import GroupRecord, KernelView
from keras_switcher.switchers.switcher import Switcher

__all__ = ["GroupRecord", "KernelView", "Switcher"]
