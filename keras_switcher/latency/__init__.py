"""Latency: what a network takes on a device, as a cost that a budget can be a share of."""

from keras_switcher.latency.measuring import measure
from keras_switcher.latency.table import LatencyTable

__all__ = ["LatencyTable", "measure"]
