"""Budget: a share of the weights or MACs to keep, and the penalty that drives towards it."""

from typing import Any

import keras
from keras import ops
from keras.saving import deserialize_keras_object as deserialize
from keras.saving import serialize_keras_object as serialize

from keras_switcher.arguments import is_number, own_arguments
from keras_switcher.graph.cost_terms import CostTable, Measure
from keras_switcher.graph.groups import split_factors
from keras_switcher.graph.kernel import COSTS
from keras_switcher.switchers.straight_through import straight_through
from keras_switcher.tensors import widest

# What a table counts.
OF_TABLE = "latency"
# What to do with MACs that are not known.
UNKNOWN = ("refuse", "leave_out")
# How far from the target the penalty turns from a square into a line, as a share: a loss of Huber
# (1964, Robust Estimation of a Location Parameter, Annals of Mathematical Statistics 35).
HUBER_DELTA = 0.01
# For targets below this share it turns that much earlier: one channel is a larger part of them.
SMALL = 0.2
# By how much it grows where what is kept lags behind.
GROWTH = 8
# How long the penalty's gradient is on all connections, beside 1 on all channels. There are so many
# that a longer one moves them as a whole before the task can say which ones it needs.
OF_CONNECTIONS = 0.1
# How much harder it pulls back than down: what is switched off has no gradient of its own, so
# what falls short by mistake would be gone for good.
BACK = 5
# With this lag a budget begins to be late, and is fully with twice as much.
LATE = 0.1
# Factors up to here act as zeros, see `Budget.effective_factors`.
DEAD_ZONE = 0.02


@keras.saving.register_keras_serializable(package="keras_switcher")
class Budget:
    """Adds a penalty that drives the kept share of weights or MACs to `keep`; the papers have none.

    A penalty is added to the loss of every update: by how much the kept share exceeds a target,
    which falls from 1 to `keep` on a cubic between two epochs (fast at first, slowly at the end:
    the schedule of Zhu and Gupta 2017, arXiv 1710.01878), or by how much it falls short of `keep`.
    The kept share counts channels hard, zero or not. Its gradient leaves the scale of a group's
    factors alone, so that they do not shrink together, and falls on those that the task's loss
    relies on least, see `Slopes`. Within a hundredth of the target the penalty is a square (a Huber
    loss: Huber 1964, Robust Estimation of a Location Parameter), so that training settles there
    while the switcher's learning rate falls; under a constant one it may swing around it. For a
    target below a fifth that distance is smaller, in proportion.
    Channels whose factor is at most a fiftieth act as zeros, see `effective_factors`.

    **It has the loss's units.** At full slope the penalty's gradient on the factors has the norm
    of that of the task's own loss (its root mean square over the last thousand updates or so, see
    `BudgetState`), times `strength`; on the factors of connections it is a tenth as long. So the
    same budget keeps the same share whatever the loss is measured in. Where the kept share lags
    behind the target, it grows with the time and the distance: to three times its length where half
    of the weights too much is kept for half of the fall.

    **It waits until the network learns.** While it does not, all channels look alike. The switcher
    stands still, and from `start_epoch` on the target does, while the running loss is above half of
    the first. A network that was trained before does not wait: its first losses are
    clearly below those of outputs that belong to other samples. It waits no longer than the fall
    takes, and `end_epoch` comes later by as long as it has waited.

    Epochs are those of `fit`; under `train_on_batch` the target stands still. Where a dataset does
    not tell its size, it stands still within the first epoch of a `fit`, too.

    Args:
        keep: The share of all weights (or MACs) to keep, within (0, 1).
        of: `"weights"` or `"macs"`, of the whole task network, without biases; or `"latency"`.
        start_epoch: Epoch at which the target begins to fall, counted from the first `fit`.
        end_epoch: Epoch at which it reaches `keep`.
        strength: How hard the budget pulls beside the task's loss. Raise it where too much is
            kept although training lasts beyond `end_epoch`; lower it where accuracy suffers while
            the target falls, and training is long.
        unknown: `"refuse"` a network of which some MACs are not known (see `count_macs`), or
            `"leave_out"` those, and keep a share of the others. Only for `of="macs"`.
        table: How long the layers of the task network take, for `of="latency"`: see
            `keras_switcher.latency.measure`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> budget = Budget(keep=0.2, start_epoch=1, end_epoch=11)
    >>> [round(float(budget.target(epoch)), 3) for epoch in (0, 1, 6, 11, 50)]
    [1.0, 1.0, 0.3, 0.2, 0.2]
    """

    def __init__(
        self,
        keep: float,
        of: str = "weights",
        start_epoch: float = 0,
        end_epoch: float = 10,
        strength: float = 1.0,
        unknown: str = "refuse",
        table: CostTable | None = None,
    ) -> None:
        if not (is_number(keep) and 0 < keep < 1):
            raise ValueError(f"`keep` must be a share between 0 and 1. Received: keep={keep!r}.")
        if of not in (*COSTS, OF_TABLE):
            raise ValueError(f"`of` must be one of {(*COSTS, OF_TABLE)}. Received: of={of!r}.")
        if (of == OF_TABLE) != hasattr(table, "terms"):
            raise ValueError(
                "A budget of latency has a table of what it takes on a device, for example "
                'Budget(0.5, of="latency", table=keras_switcher.latency.measure(task)), and no '
                f"other budget has one. Received: of={of!r}, table={table!r}."
            )
        if unknown not in UNKNOWN:
            raise ValueError(f"`unknown` must be one of {UNKNOWN}. Received: unknown={unknown!r}.")
        are_numbers = is_number(start_epoch) and is_number(end_epoch)
        if not are_numbers or not 0 <= start_epoch < end_epoch:
            raise ValueError(
                "`start_epoch` must be a number that is not negative and lies before `end_epoch`, "
                "which is finite. "
                f"Received: start_epoch={start_epoch!r}, end_epoch={end_epoch!r}."
            )
        if not (is_number(strength) and strength > 0):
            raise ValueError(
                "`strength` must be a number above 0; 1 is the default, and more pulls harder. "
                f"Received: strength={strength!r}."
            )
        self.keep = keep
        self.of = of
        self.start_epoch = start_epoch
        self.end_epoch = end_epoch
        self.strength = strength
        self.unknown = unknown
        self.table = table

    @property
    def measure(self) -> Measure:
        """What it is a share of: `"weights"`, `"macs"` or its table."""
        return self.of if self.table is None else self.table

    @property
    def longest_wait(self) -> float:
        """For how many epochs it waits at most until the network learns: as long as it falls."""
        return self.end_epoch - self.start_epoch

    def target(self, epoch: Any) -> Any:
        """The target share at an epoch, a number or scalar tensor.

        A cubic, as the sparsity of Zhu and Gupta (2017, arXiv 1710.01878).
        """
        left = 1 - ops.clip(self._share_of_fall(epoch), 0.0, 1.0)
        return self.keep + (1 - self.keep) * left**3

    def initial_spread(self, epoch: Any) -> Any:
        """Progress of the initial spread of factors that started at one, 0 to 1.

        It takes the first quarter of the fall.

        Args:
            epoch: The epoch, without what the budget has waited.
        """
        return ops.clip(4 * self._share_of_fall(epoch), 0.0, 1.0)

    def slope(self, kept: Any, epoch: Any) -> Any:
        """The derivative of the penalty by the kept share: from -5 (too little is left) to 1.

        For a target below a fifth it is at full slope at a smaller distance, in proportion.

        Args:
            kept: The kept share, a number or scalar tensor.
            epoch: The epoch, without what the budget has waited.
        """
        kept = ops.convert_to_tensor(kept)
        delta = HUBER_DELTA * min(1.0, self.keep / SMALL)
        down = ops.relu(kept - ops.cast(self.target(epoch), kept.dtype))
        back = ops.relu(self.keep - kept)

        def within(off: Any) -> Any:
            return ops.minimum(off / delta, 1.0)

        return within(down) - BACK * within(back)

    def slope_of_empty(self, kept: Any) -> Any:
        """The derivative by the share of a group of which nothing is left, if too little is kept.

        Args:
            kept: The kept share of the whole network.
        """
        return -BACK * ops.cast(kept < self.keep, kept.dtype)

    def length(self, lag: Any) -> Any:
        """Norm of the penalty's gradient at full slope, relative to that of the task's gradient.

        Args:
            lag: How far the kept share was above the target, summed over time, the fall being 1.
        """
        return self.strength * (1 + GROWTH * lag)

    def lateness(self, lag: Any) -> Any:
        """Lateness, 0 to 1: none up to a lag of `LATE`, all of it from twice as much on.

        Where it is late, factors are pulled at as a whole, see `Slopes`: a switcher that gives all
        the same factor cannot change their ratios.

        Args:
            lag: How far the kept share was above the target, summed over time, the fall being 1.
        """
        return ops.clip(ops.convert_to_tensor(lag) / LATE - 1, 0.0, 1.0)

    def effective_factors(self, factors: dict) -> dict:
        """Factors as they act: zero for channels whose factor is at most `DEAD_ZONE`.

        A budget holds the channels that it has no room for right at zero, where the next update
        may bring a whole cluster of them back. They count as kept when they come, so that the
        penalty sends them away again, but they act as zeros: whenever training ends, they are off.
        Channels at zero have the gradient that they would have if they were on.
        Connections, which come one by one, act as they are.

        Args:
            factors: Tensors by name of group.
        """
        channels, connections = split_factors(factors)
        channels = {
            name: straight_through(f * ops.cast(f > DEAD_ZONE, f.dtype), f, f == 0)
            for name, f in channels.items()
        }
        return {**channels, **connections}

    def _share_of_fall(self, epoch: Any) -> Any:
        """How much of the fall is over at an epoch: below 0 before it, above 1 after it."""
        epoch = ops.convert_to_tensor(epoch)
        past = ops.cast(epoch, widest(epoch)) - self.start_epoch
        return past / (self.end_epoch - self.start_epoch)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        config = own_arguments(Budget, self)
        table = config.pop("table")  # Without one, older versions read what this one wrote.
        return config if table is None else {**config, "table": serialize(table)}

    @classmethod
    def from_config(cls, config: dict) -> "Budget":
        """A budget from `get_config`."""
        table = config.get("table")
        if isinstance(table, dict):
            config = {**config, "table": deserialize(table)}
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.get_config() == self.get_config()

    def __hash__(self) -> int:
        return hash(repr(sorted(self.get_config().items())))

    def __repr__(self) -> str:
        held = own_arguments(Budget, self).items()
        arguments = ", ".join(f"{name}={value!r}" for name, value in held if value is not None)
        return f"Budget({arguments})"
