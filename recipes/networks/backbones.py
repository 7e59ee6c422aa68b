"""The networks of keras.applications, untrained, with logits for outputs."""

import keras


def backbone(name: str, size: int = 64, classes: int = 10) -> keras.Model:
    """One of the networks of keras.applications.

    Args:
        name: Name of the function in `keras.applications`.
        size: Rows and columns of the images.
        classes: Number of classes.
    """
    make = getattr(keras.applications, name)
    return make(
        weights=None, input_shape=(size, size, 3), classes=classes, classifier_activation=None
    )
