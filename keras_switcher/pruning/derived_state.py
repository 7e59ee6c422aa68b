"""Derived state: what layers keep beside the weights from which they computed it."""

import keras


def renew_derived_state(layer: keras.layers.Layer) -> None:
    """Lets a layer compute anew what it derives from its weights, after these were set.

    Args:
        layer: The layer. Of Keras's own, a `Normalization` keeps tensors made of its weights.
    """
    if isinstance(layer, keras.layers.Normalization):
        layer.finalize_state()
