"""ForwardPass: what a forward pass in training leaves."""

from dataclasses import dataclass
from typing import Any

from keras_switcher.tensors import Tensor


@dataclass
class ForwardPass:
    """A forward pass in training: what is differentiated, and what comes with it.

    Attributes:
        objective: The scalar that is differentiated.
        y_pred: The task network's outputs.
        factors: The factors as the gates applied them, by name of group.
        raw: The factors as the switcher returned them; none in the warm-up.
        pulls: The budget's gradient on the raw factors.
    """

    objective: Tensor
    y_pred: Any
    factors: dict[str, Tensor]
    raw: dict[str, Tensor]
    pulls: dict[str, Tensor]
