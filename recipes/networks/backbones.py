"""The networks of keras.applications, untrained, with logits for outputs."""

import keras


def backbone(name: str, size: int = 64, classes: int = 10, **kwargs) -> keras.Model:
    """One of the networks of keras.applications.

    Args:
        name: Name of the function in `keras.applications`.
        size: Rows and columns of the images.
        classes: Number of classes.
        **kwargs: Its other arguments.
    """
    make = getattr(keras.applications, name)
    shape = (size, size, 3)
    return make(
        weights=None, input_shape=shape, classes=classes, classifier_activation=None, **kwargs
    )
