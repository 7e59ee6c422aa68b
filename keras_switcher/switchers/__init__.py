"""Switchers: networks that read the weights of a task network and return factors."""

from collections.abc import Callable
from functools import partial

from keras_switcher.switchers.bc_ghs import BCGHS
from keras_switcher.switchers.bc_gnj import BCGNJ
from keras_switcher.switchers.constant import ConstantInput
from keras_switcher.switchers.d_gating import DGating
from keras_switcher.switchers.dnw import DNW
from keras_switcher.switchers.edge_popup import EdgePopup
from keras_switcher.switchers.free import FreeFactors
from keras_switcher.switchers.frozen import FrozenSwitcher
from keras_switcher.switchers.gradual import Gradual
from keras_switcher.switchers.l0 import L0
from keras_switcher.switchers.records import ConnectionRecord, GroupRecord, KernelView
from keras_switcher.switchers.row import RowSwitcher
from keras_switcher.switchers.shuffled import ShuffledInput
from keras_switcher.switchers.slimming import Slimming
from keras_switcher.switchers.switcher import Switcher
from keras_switcher.switchers.unet import UNetSwitcher

NAMES: dict[str, Callable[[], Switcher]] = {
    "row": RowSwitcher,
    "unet": UNetSwitcher,
    "magnitude": Gradual,
    "uniform": partial(Gradual, allocation="uniform"),
    "taylor": partial(Gradual, "taylor"),
    "random": partial(Gradual, "random"),
    "slimming": Slimming,
    "d_gating": DGating,
    "l0": L0,
    "bc_gnj": BCGNJ,
    "bc_ghs": BCGHS,
    "edge_popup": EdgePopup,
    "dnw": DNW,
}

__all__ = [
    "BCGHS",
    "BCGNJ",
    "DNW",
    "L0",
    "ConnectionRecord",
    "ConstantInput",
    "DGating",
    "EdgePopup",
    "FreeFactors",
    "FrozenSwitcher",
    "Gradual",
    "GroupRecord",
    "KernelView",
    "RowSwitcher",
    "ShuffledInput",
    "Slimming",
    "Switcher",
    "UNetSwitcher",
    "get",
]


def get(switcher: str | Switcher) -> Switcher:
    """A switcher by name, or the switcher itself.

    Args:
        switcher: `"row"`, `"unet"`, `"magnitude"`, `"uniform"`, `"taylor"`, `"random"`,
            `"slimming"`, `"d_gating"`, `"l0"`, `"bc_gnj"`, `"bc_ghs"`, `"edge_popup"`, `"dnw"`, or
            a `Switcher`.

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
