"""Connection sensitivity: running means of the gradients' sizes on the factors."""

from typing import Any

import keras
from keras import ops

from keras_switcher.tensors import precision

# Decay per update of the running means: a memory of a hundred updates.
DECAY = 0.99


class Sensitivities(keras.layers.Layer):
    """Running means of the sizes of the task's gradients on the factors.

    The size of the gradient on a gate is the sensitivity of SNIP (Lee, Ajanthan and Torr 2019,
    arXiv 1810.02340), there of connections at initialization, from one batch. A file saves them.

    Args:
        groups: All that has factors: `ChannelGroup`s and `ConnectionGroup`s.

    Attributes:
        means: The running means, variables by name of group.
    """

    def __init__(self, groups: list, **kwargs: Any) -> None:
        super().__init__(**{"name": "sensitivities", "dtype": precision(), **kwargs})
        self.means = {}
        for number, group in enumerate(groups):
            self.means[group.name] = self.add_weight(
                name=f"sensitivity_{number}",
                shape=group.shape,
                initializer="zeros",
                trainable=False,
                aggregation="only_first_replica",
            )
        self.built = True

    def see(self, gradients: dict) -> None:
        """Takes in the task's gradients of a batch; those that are not finite are passed over.

        Args:
            gradients: Maps names of groups to gradients. Those without one depend on nothing.
        """
        for name, gradient in gradients.items():
            mean = self.means[name]
            size = ops.cast(ops.abs(gradient), mean.dtype)
            # Where nothing has been seen yet, a batch is the best guess.
            rate = ops.cast(ops.where(ops.max(mean) > 0, 1 - DECAY, 1.0), mean.dtype)
            seen = mean + rate * (size - mean)
            mean.assign(ops.where(ops.all(ops.isfinite(size)), seen, mean.value))

    def normalized(self) -> dict:
        """Normalised sensitivity of each factor, 0 to 1: half for a mean one.

        By name of group; half everywhere where no gradient has been seen.
        """
        return {name: _normalized(ops.convert_to_tensor(mean)) for name, mean in self.means.items()}

    def load_own_variables(self, store: Any) -> None:
        """Loads the means; files that are older than they are have none, and they start anew."""
        if store.keys():
            super().load_own_variables(store)


def _normalized(sizes: Any) -> Any:
    mean = ops.mean(sizes)
    return ops.where(mean > 0, ops.divide_no_nan(sizes, sizes + mean), 0.5)
