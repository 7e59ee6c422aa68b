"""The two sides of a kernel: the channels that it reads, and those that it makes."""

from dataclasses import dataclass

import numpy as np

from keras_switcher.graph.call import Call


@dataclass(eq=False)
class Block:
    """Channels that a kernel produces: `ids` along `axis` of `kernel`."""

    call: Call
    kernel: object
    axis: int
    ids: np.ndarray


@dataclass(eq=False)
class Reading:
    """A kernel's input axis: `ids` along `kernel_axis` of `kernel`, `tensor_axis` of the input."""

    call: Call
    kernel: object
    kernel_axis: int
    tensor_axis: int
    ids: np.ndarray
