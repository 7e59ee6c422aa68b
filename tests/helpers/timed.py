"""A small network, and tables of the time of its layers that are made up."""

import keras
from keras import layers

from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.latency.kinds import kind_of
from keras_switcher.latency.table import LatencyTable


def network():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 2))
    x = first = layers.Conv2D(6, 3, padding="same", name="first")(inputs)
    for name in ("second", "third"):
        x = layers.Conv2D(6, 3, padding="same", activation="relu", name=name)(x)
    x = layers.Add(name="sum")([x, first])
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(3, name="head")(x))


def table_of(model, coefficients=(1e-6, 2e-7, 3e-7, 4e-8), **arguments):
    """A table in which each kind of layer has the same coefficients."""
    channel_graph = ChannelGraph(model)
    kinds = {}
    for call in channel_graph.graph.calls:
        if (kind := kind_of(call, channel_graph)) is not None:
            kinds[kind.key] = list(coefficients)
    return LatencyTable(kinds, **arguments)
