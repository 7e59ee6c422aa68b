"""What a trial comes to."""

from dataclasses import dataclass

import keras

from keras_switcher import StructureHistory
from recipes.evidence.structures import Structure


@dataclass(frozen=True)
class Outcome:
    """What a treatment ends with.

    Args:
        model: The trained network: a plain model, or a `SwitcherModel`.
        epochs: Number of epochs in all.
        keep: Which channels of the task network are left, where some are removed.
        history: The counts after each epoch, if the structure was learned.
    """

    model: keras.Model
    epochs: int
    keep: Structure | None = None
    history: StructureHistory | None = None
