"""The gating layers: they obey factors."""

from keras_switcher.layers.gated import Gated

__all__ = ["Gated"]
