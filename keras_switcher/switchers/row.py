"""RowSwitcher: statistics of rows and columns, and one small network for all groups."""

from typing import Any

import keras

from keras_switcher.arguments import is_whole, own_arguments
from keras_switcher.switchers.heads import CEILING, START, STARTS, check_head
from keras_switcher.switchers.records import Record, in_order, split_records
from keras_switcher.switchers.row_channels import ChannelFactors
from keras_switcher.switchers.row_connections import ConnectionFactors
from keras_switcher.switchers.switcher import Switcher
from keras_switcher.tensors import Tensor


@keras.saving.register_keras_serializable(package="keras_switcher")
class RowSwitcher(Switcher):
    """Computes factors from a few statistics per channel, by one small network for all groups.

    The order of neurons in a layer means nothing, so the switcher is permutation equivariant (Deep
    Sets, Zaheer et al. 2017, arXiv 1703.06114): permuting the channels of a group permutes its
    factors. Weights are read by reductions alone (and where single connections have factors, once
    more for each of them). The number of its parameters does not depend on the task network, so
    the weights of a trained RowSwitcher can be set in that of any other one.

    For each channel it reads the root mean square of its incoming and of its outgoing weights,
    relative to the mean over the group, and its scale and shift (a normalisation's gamma and
    beta, a bias); for each group its depth, size, fan-in, fan-out, kernel areas and shares of
    MACs. Two layers shared by all channels, the second of which also reads the means over the own
    group and over the groups that share a kernel with it, give a score per channel and a level per
    group; scores are normalised over the group, in training and in inference alike, and
    `x = relu(level + beta + gamma * score)`. The factor is x, or with a ceiling c
    `c x / (x + c - 1)`: 0 at 0, 1 at 1, always below c. So factors do not grow in the place of
    weights, and a budget removes the channels that are near zero. A group that is off as a whole
    keeps the gradient of x, see `straight_through`, so that it can come back.

    For each connection it reads the weight's magnitude and the mean magnitudes of its row and its
    column, relative to the kernel's. A shared network computes one number per row and per column,
    which is added to the scores of its connections, so that a score costs a few operations per
    weight.

    Args:
        units: Width of the shared networks.
        start: Initial values of x: `"one"` (exactly 1: wrapping a network changes none of its
            outputs; under a budget x spreads by .3 as the target begins to fall), `"near_one"`
            (mean 1, spread .3: wrapping a trained network changes its outputs), or `"half_zeros"`
            (about half of them 0, as in the U-Net of arXiv 2110.05954).
        ceiling: Upper bound of the factors, a number above 1; None for no bound.
        **kwargs: See `Switcher`.

    Raises:
        ValueError: If `start` is unknown, or `ceiling` is not above 1.

    Example:

    >>> import keras_switcher as ks
    >>> hidden = keras.layers.Dense(3, name="hidden")
    >>> task = keras.Sequential([keras.Input((2,)), hidden, keras.layers.Dense(1)])
    >>> model = ks.SwitcherModel(task, RowSwitcher(units=8))
    >>> model.scaling_factors()["hidden"].tolist()
    [1.0, 1.0, 1.0]
    """

    equivariant = True

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
        self.add_initial_spread(self.start)

    def call(self, records: list[Record]) -> list[Tensor]:
        channels, connections = split_records(records)
        added_spread = self.added_spread()
        return in_order(
            records,
            self.of_channels(records=channels, added_spread=added_spread) if channels else [],
            self.of_connections(records=connections, added_spread=added_spread)
            if connections
            else [],
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **own_arguments(RowSwitcher, self)}


def _check_units(units: Any) -> None:
    if not is_whole(units, 1):
        raise ValueError(f"`units` must be a whole number from 1 on. Received: units={units!r}.")
