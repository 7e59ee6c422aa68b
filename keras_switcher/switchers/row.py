"""RowSwitcher: statistics of rows and columns, and one small network for all groups."""

from numbers import Integral
from typing import Any

import keras

from keras_switcher.reductions import Tensor
from keras_switcher.switchers.heads import CEILING, START, STARTS, check_head
from keras_switcher.switchers.records import Record, in_order, split_records
from keras_switcher.switchers.row_channels import ChannelFactors
from keras_switcher.switchers.row_connections import ConnectionFactors
from keras_switcher.switchers.switcher import Switcher


@keras.saving.register_keras_serializable(package="keras_switcher")
class RowSwitcher(Switcher):
    """Reads a few statistics per channel and decides with one small network for all groups.

    The order of neurons in a layer means nothing, so nothing here depends on it: permuting the
    channels of a group permutes its factors. Weights are read by reductions alone (and where single
    connections have factors, once more for each of them). The number of parameters does not depend
    on the network, so the weights of a trained RowSwitcher can be set in that of any other one.

    For each channel it sees the root mean square of its incoming and of its outgoing weights,
    relative to the mean over the group, and its scale and shift (a normalisation's gamma and
    beta, a bias); for each group its depth, size, fan-in, fan-out, kernel areas and shares of
    MACs. Two rounds of a shared network, the second of which also sees the means of the own and of
    the neighbouring groups, give a score per channel and a level per group; scores are
    normalised over the group, in training and in inference alike, and
    `x = relu(level + beta + gamma * score)`. The factor is x, or with a ceiling c
    `c x / (x + c - 1)`: 0 at 0, 1 at 1, always below c. So no factor grows where the weights
    could, and a budget is paid by the channels that are near zero.

    For each connection it sees the weight's magnitude and the mean magnitudes of its row and its
    column, relative to the kernel's. A shared network makes of each row and each column what is
    added to the score of its connections, so that a score costs a few operations per weight.

    Args:
        units: Width of the shared networks.
        start: Where x starts: `"one"` (exactly 1: wrapping a network changes none of its outputs;
            under a budget x spreads by .3 as the target begins to fall), `"near_one"` (mean 1,
            spread .3: trained networks suffer), or `"half_zeros"` (about half of them 0, as in the
            U-Net of arXiv 2110.05954).
        ceiling: What factors stay below, a number above 1; None for no bound.
        **kwargs: See `Switcher`.

    Raises:
        ValueError: If `start` is unknown, or `ceiling` is not above 1.

    Example:

    >>> RowSwitcher(units=8, start="half_zeros").start
    'half_zeros'
    """

    def __init__(
        self, units: int = 16, start: str = START, ceiling: float | None = CEILING, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        check_head(start, ceiling)
        _check_units(units)
        self.units = units
        self.start = start
        self.ceiling = ceiling

    def build(self, records: list[Record]) -> None:
        channels, connections = split_records(records)
        gamma, beta = STARTS[self.start]
        made_with = {
            "units": self.units,
            "gamma": gamma,
            "beta": beta,
            "ceiling": self.ceiling,
            "dtype": self.dtype_policy,
        }
        if channels:
            self.of_channels = ChannelFactors(**made_with)
            self.of_channels.build(channels)
        if connections:
            self.of_connections = ConnectionFactors(**made_with)
            self.of_connections.build(connections)
        self.add_opening(self.start)

    def call(self, records: list[Record]) -> list[Tensor]:
        channels, connections = split_records(records)
        opened = self.opened()
        return in_order(
            records,
            self.of_channels(records=channels, opened=opened) if channels else [],
            self.of_connections(records=connections, opened=opened) if connections else [],
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "start": self.start,
            "ceiling": self.ceiling,
        }


def _check_units(units: Any) -> None:
    if not isinstance(units, Integral) or isinstance(units, bool) or units < 1:
        raise ValueError(f"`units` must be a whole number from 1 on. Received: units={units!r}.")
