"""Fixed masks: networks that are trained with some of their connections only."""

import keras
from keras import ops

import keras_switcher as ks
from keras_switcher.switchers import Switcher


class Fixed(Switcher):
    """Returns the factors that it is given, boolean matrices by name of connection group."""

    def __init__(self, keep: dict, **kwargs):
        super().__init__(**kwargs)
        self.keep = keep

    def call(self, records):
        return [ops.convert_to_tensor(self.keep[r.name], self.compute_dtype) for r in records]


def masked(network: keras.Model, keep: dict) -> ks.SwitcherModel:
    """A network that is trained with these connections only, boolean matrices by group."""
    options = {"groups": list(keep), "connections": True, "alternation": "task"}
    return ks.SwitcherModel(network, Fixed(keep), **options)
