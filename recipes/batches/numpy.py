"""Batches by NumPy: threads make the next ones while a network trains."""

import os
from concurrent.futures import Future, ThreadPoolExecutor

import keras
import numpy as np

from recipes.augmentation import Draws, augment
from recipes.datasets import Part

# So many batches are made before they are asked for.
AHEAD = 16


class NumPyBatches(keras.utils.PyDataset):
    """Batches of a part in an order, augmented as the draws say; the last one has what is left.

    They are made by threads of its own: those of Keras would hand out again what they have made
    before an epoch began, in the order of the epoch before.
    """

    def __init__(self, part: Part, batch_size: int, order: np.ndarray, draws: Draws):
        super().__init__()
        self._part, self._batch_size = part, batch_size
        # NumPy's gather lets other threads run.
        self._threads = ThreadPoolExecutor(os.cpu_count())
        self.shuffle(order, draws)

    @property
    def data(self) -> keras.utils.PyDataset:
        """What `fit` takes."""
        return self

    def __len__(self) -> int:
        return -(-len(self._order) // self._batch_size)

    def __getitem__(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        for ahead in range(step, min(step + AHEAD, len(self))):
            if ahead not in self._made:
                here = slice(ahead * self._batch_size, (ahead + 1) * self._batch_size)
                drawn = {name: value[here] for name, value in self._draws.items()}
                self._made[ahead] = self._threads.submit(self._make, self._order[here], drawn)
        return self._made.pop(step).result()

    def shuffle(self, order: np.ndarray, draws: Draws):
        """Gives the batches another order and other draws; what is made already is thrown away."""
        self._order, self._draws = order, draws
        self._made: dict[int, Future] = {}

    def _make(self, indices, drawn):
        x, y = self._part.take(indices)
        return augment(x, drawn, np), y.astype("int32")  # JAX has no larger ones.
