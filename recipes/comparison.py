"""A dense network and its switched twin, trained in the same way and measured side by side."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import keras_switcher as ks
from recipes.checkpoints import Checkpoint
from recipes.datasets import Data, Part
from recipes.drawing import names_in_order
from recipes.mask_history import MaskHistory
from recipes.settings import Settings
from recipes.switching import switched
from recipes.training import train


class Comparison:
    """Two networks that start from the same weights; a `SwitcherModel` trains the second.

    Args:
        network: Makes the task network, which ends in logits.
        data: The samples.
        settings: The `Settings`.
        checkpoints: Folder for checkpoints.

    Attributes:
        dense: The dense twin.
        switched: The `SwitcherModel`.
        history: A `StructureHistory` of its training.
        masks: A `MaskHistory` of the connections of its last hidden layer, if these have factors.
        data: The samples.
    """

    def __init__(
        self, network: Callable[[], keras.Model], data: Data, settings: Settings, checkpoints: Path
    ):
        self.data = data
        self._settings = settings
        keras.utils.set_random_seed(settings.seed)
        self.dense = network()
        keras.utils.set_random_seed(settings.seed)
        self.switched = switched(network(), settings)
        self.history = ks.StructureHistory()
        self._of_dense = Checkpoint(checkpoints / "dense")
        self._of_switched = Checkpoint(checkpoints / "switched", self.history)
        self.masks = None
        if connections := self.switched.gated.connections:
            # The output layer is too small to show much.
            shown = connections[-2 if len(connections) > 1 else -1]
            self.masks = MaskHistory(checkpoints / "masks", shown.name)

    def train(self):
        """Trains the dense twin, then the switched network; each goes on from its checkpoint."""
        print("dense twin", flush=True)
        train(self.dense, self.data.train, self._settings, self._of_dense)
        print(f"switched network ({self._settings.switcher})", flush=True)
        others = [self.masks] if self.masks else []
        train(self.switched, self.data.train, self._settings, self._of_switched, callbacks=others)

    @property
    def seconds_before(self) -> float:
        """Time that was spent on training before an interruption."""
        return self._of_dense.seconds_before + self._of_switched.seconds_before

    def measure(self, saved_model: Path) -> dict:
        """Measures both networks, the compact model and its SavedModel.

        Args:
            saved_model: Where to export the compact model; nothing may be there.

        Returns:
            Fields of `records.FIELDS`. Without a compact model, because a group has become empty,
            the fields that need it are None.
        """
        structure = self.switched.structure()
        kept = {counts.name: counts.kept for counts in structure.groups}
        part = self.data.held_out
        outputs = self.switched.predict(part.x, verbose=0)
        result = {
            "measured_on": self.data.split,
            "dense_accuracy": part.accuracy(self.dense.predict(part.x, verbose=0)),
            "switched_accuracy": part.accuracy(outputs),
            "compact_accuracy": None,
            "weights_removed": round(structure.removed("weights"), 6),
            "macs_removed": round(structure.removed("macs"), 6),
            "widths": "-".join(str(kept[name]) for name in names_in_order(self.switched)),
            "max_relative_difference": None,
            "dense_seconds": round(self._of_dense.seconds, 1),
            "switched_seconds": round(self._of_switched.seconds, 1),
        }
        if all(kept.values()):
            compact = self.switched.compact().predict(part.x, verbose=0)
            result["compact_accuracy"] = part.accuracy(compact)
            self.switched.export(saved_model)
            result["max_relative_difference"] = _difference(outputs, saved_model, part)
        return result


def _difference(outputs, saved_model, part: Part):
    """How far the outputs of a SavedModel are from given ones, relative to the largest."""
    loaded = tf.saved_model.load(str(saved_model))  # TensorFlow alone: no Keras, no package.
    found = loaded.serve(part.x).numpy()
    return float(np.abs(found - outputs).max() / np.abs(outputs).max())
