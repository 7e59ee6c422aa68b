"""The gating layer."""

from keras_switcher.layers.gated import Gated

__all__ = ["Gated"]
