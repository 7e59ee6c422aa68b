"""Layers into which nobody looks."""

from keras import layers

# What is said of them.
NOT_OPENED = "it is not opened: it overrides __call__()"


class Opaque(layers.Layer):
    """Does something of its own when it is called, so that it is not opened."""

    def __call__(self, *args, **kwargs):
        return super().__call__(*args, **kwargs)
