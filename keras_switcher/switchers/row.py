"""The light switcher: statistics of rows and columns, and one small network for all groups."""

import keras

from keras_switcher.switchers.records import by_grain, in_order
from keras_switcher.switchers.row_channels import ChannelFactors
from keras_switcher.switchers.row_connections import ConnectionFactors
from keras_switcher.switchers.switcher import Switcher

STARTS = {"near_one": (0.3, 1.0), "one": (0.0, 1.0), "half_zeros": (1.0, 0.0)}


@keras.saving.register_keras_serializable(package="keras_switcher")
class RowSwitcher(Switcher):
    """Reads a few statistics per channel and decides with one small network for all groups.

    The order of neurons in a layer means nothing, so nothing here depends on it: permuting the
    channels of a group permutes its factors. The weights are only touched by reductions, and the
    number of parameters does not depend on the network, so a trained RowSwitcher runs on any
    other one.

    For each channel it sees the root mean square of its incoming and of its outgoing weights,
    relative to the mean over the group, and its scale and shift (a normalisation's gamma and
    beta, a bias); for each group its depth, size, fan-in, fan-out and
    shares of MACs. Two rounds of a shared network, the second of which also sees the means of
    the own and of the neighbouring groups, give a score per channel and a level per group;
    scores are normalised over the group, in training and in inference alike, and
    `factor = relu(level + beta + gamma * score)`.

    For each connection it sees the weight's magnitude and the root mean squares of its row and
    its column, relative to the kernel's. Shared networks make of each row and each column what
    is added to the score of its connections, so that a score costs a few operations per weight.

    Args:
        units: Width of the shared networks.
        start: Where the factors start: `"near_one"` (mean 1, spread .3), `"one"` (exactly 1), or
            `"half_zeros"` (about half of them 0, as in the U-Net of arXiv 2110.05954).
        **kwargs: See `Switcher`.

    Raises:
        ValueError: If `start` is unknown.

    Example:

    >>> RowSwitcher(units=8, start="half_zeros").start
    'half_zeros'
    """

    def __init__(self, units: int = 16, start: str = "near_one", **kwargs):
        super().__init__(**kwargs)
        if start not in STARTS:
            raise ValueError(f"`start` must be one of {tuple(STARTS)}. Received: start={start!r}.")
        self.units = units
        self.start = start

    def build(self, records):
        channels, connections = by_grain(records)
        made_with = {"units": self.units, "dtype": self.dtype_policy}
        gamma, beta = STARTS[self.start]
        if channels:
            self.of_channels = ChannelFactors(gamma=gamma, beta=beta, **made_with)
            self.of_channels.build(channels)
        if connections:
            self.of_connections = ConnectionFactors(gamma=gamma, beta=beta, **made_with)
            self.of_connections.build(connections)

    def call(self, records):
        channels, connections = by_grain(records)
        return in_order(
            records,
            self.of_channels(records=channels) if channels else [],
            self.of_connections(records=connections) if connections else [],
        )

    def get_config(self):
        return {**super().get_config(), "units": self.units, "start": self.start}
