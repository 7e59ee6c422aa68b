"""Switchers: networks that read the weights of a task network and return factors."""

from collections.abc import Callable
from functools import partial

from keras_switcher.switchers.constant import ConstantInput
from keras_switcher.switchers.free import FreeFactors
from keras_switcher.switchers.frozen import FrozenSwitcher
from keras_switcher.switchers.gradual import Gradual
from keras_switcher.switchers.records import ConnectionRecord, GroupRecord, KernelView
from keras_switcher.switchers.row import RowSwitcher
from keras_switcher.switchers.shuffled import ShuffledInput
from keras_switcher.switchers.switcher import Switcher
from keras_switcher.switchers.unet import UNetSwitcher

NAMES: dict[str, Callable[[], Switcher]] = {
    "row": RowSwitcher,
    "unet": UNetSwitcher,
    "magnitude": Gradual,
    "uniform": partial(Gradual, allocation="uniform"),
    "taylor": partial(Gradual, "taylor"),
    "random": partial(Gradual, "random"),
}

__all__ = [
    "ConnectionRecord",
    "ConstantInput",
    "FreeFactors",
    "FrozenSwitcher",
    "Gradual",
    "GroupRecord",
    "KernelView",
    "RowSwitcher",
    "ShuffledInput",
    "Switcher",
    "UNetSwitcher",
    "get",
]


def get(switcher: str | Switcher) -> Switcher:
    """A switcher by name, or the switcher itself.

    Args:
        switcher: `"row"`, `"unet"`, or a `Switcher`.

    Raises:
        ValueError: If it is neither.

    Example:

    >>> get("row").units, get(UNetSwitcher(depth=2)).depth
    (16, 2)
    """
    if isinstance(switcher, Switcher):
        return switcher
    if isinstance(switcher, str) and switcher in NAMES:
        return NAMES[switcher]()
    raise ValueError(
        f"`switcher` must be one of {tuple(NAMES)} or a keras_switcher.switchers.Switcher. "
        f"Received: switcher={switcher!r}."
    )
