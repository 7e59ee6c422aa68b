"""Which connections of a layer are left, epoch by epoch."""

from pathlib import Path

import keras
import numpy as np

from keras_switcher.files import written_whole


class MaskHistory(keras.callbacks.Callback):
    """Keeps the mask of one connection group after each epoch in files, for interrupted runs.

    Args:
        folder: Where the files go.
        name: Name of the connection group of a `SwitcherModel`.
    """

    def __init__(self, folder: Path, name: str):
        super().__init__()
        self.name = name
        self._folder = folder

    @property
    def masks(self) -> dict[int, np.ndarray]:
        """Boolean matrices by number of finished epochs."""
        return {int(path.stem): np.load(path) for path in sorted(self._folder.glob("*.npy"))}

    def on_train_begin(self, logs=None):
        self._folder.mkdir(parents=True, exist_ok=True)
        if not self.masks:
            self._save(0)

    def on_epoch_end(self, epoch, logs=None):
        self._save(epoch + 1)

    def _save(self, epochs):
        with written_whole(self._folder / f"{epochs:05}.npy") as path:
            np.save(path, self.model.scaling_factors()[self.name] > 0)
