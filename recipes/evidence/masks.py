"""Networks of which only some connections are there, chosen before they are trained."""

import keras
from keras import ops

import keras_switcher as ks
from keras_switcher.switchers import Switcher


class Fixed(Switcher):
    """Returns the factors that it is given, whatever the weights are.

    Args:
        keep: Boolean matrices by name of connection group.
        **kwargs: See `Switcher`.
    """

    def __init__(self, keep: dict, **kwargs):
        super().__init__(**kwargs)
        self.keep = keep

    def call(self, records):
        return [ops.convert_to_tensor(self.keep[r.name], self.compute_dtype) for r in records]


def masked(network: keras.Model, keep: dict) -> ks.SwitcherModel:
    """A network that is trained with these connections only.

    Args:
        network: The network.
        keep: Boolean matrices by name of connection group.
    """
    return ks.SwitcherModel(
        network, Fixed(keep), groups=list(keep), connections=True, alternation="task"
    )
