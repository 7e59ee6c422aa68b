"""Gated, a layer with a scaled kernel, and the scope that overrides variables."""

from keras_switcher.layers.gated import Gated

__all__ = ["Gated"]
