"""Small networks for images of 8x8 pixels: residual sums, with batch normalisation or without."""

from functools import partial

import keras
from keras import layers

from recipes.datasets import digits
from recipes.networks import add_task

# Keras's default momentum, .99, takes hundreds of updates to follow.
MOMENTUM, CLASSES = 0.9, 10
WIDTH, BLOCKS = 16, 6
SUMS, EXPANSION = (16, 32, 32, 32), 4


def residual() -> keras.Model:
    """Six blocks of two convolutions, each behind a normalisation and a ReLU; ends in logits."""
    image, stream = _started()
    for number in range(1, BLOCKS + 1):
        x = _conv(_normalized(stream, f"norm_{number}a"), WIDTH, 3, f"conv_{number}a")
        x = _conv(_normalized(x, f"norm_{number}b"), WIDTH, 3, f"conv_{number}b")
        stream = layers.Add(name=f"add_{number}")([stream, x])
    return _ended(image, _normalized(stream, "norm"), "residual")


def plain_residual() -> keras.Model:
    """The same blocks with biases for normalisations; ends in logits.

    Kernels start as those of He et al., the second one of each block smaller: all blocks together
    add about as much as there was.
    """
    image, stream = _started()
    for number in range(1, BLOCKS + 1):
        x = stream
        for part, variance in ("a", 2.0), ("b", 2.0 / BLOCKS):
            x, start = layers.ReLU()(x), keras.initializers.VarianceScaling(variance)
            x = _conv(x, WIDTH, 3, f"conv_{number}{part}", use_bias=True, kernel_initializer=start)
        stream = layers.Add(name=f"add_{number}")([stream, x])
    return _ended(image, layers.ReLU()(stream), "plain_residual")


def inverted_residual() -> keras.Model:
    """Wide depthwise convolutions between narrow sums, as in MobileNetV2; ends in logits."""
    image, stream = _started()
    stream = _normalized(stream, "stem_norm")
    options = {"padding": "same", "use_bias": False}
    for number, width in enumerate(SUMS, start=1):
        x = _conv(stream, EXPANSION * stream.shape[-1], 1, f"expand_{number}")
        x = _normalized(x, f"expand_norm_{number}")
        x = layers.DepthwiseConv2D(3, name=f"depthwise_{number}", **options)(x)
        x = _conv(_normalized(x, f"depthwise_norm_{number}"), width, 1, f"project_{number}")
        x = layers.BatchNormalization(momentum=MOMENTUM, name=f"project_norm_{number}")(x)
        is_sum = stream.shape[-1] == width
        stream = layers.Add(name=f"add_{number}")([stream, x]) if is_sum else x
    return _ended(image, stream, "inverted_residual")


def _started():
    image = keras.Input((8, 8, 1), name="image")
    return image, _conv(image, WIDTH, 3, "stem")


def _conv(x, filters, size, name, use_bias=False, **options):
    return layers.Conv2D(filters, size, padding="same", use_bias=use_bias, name=name, **options)(x)


def _normalized(x, name):
    return layers.ReLU()(layers.BatchNormalization(momentum=MOMENTUM, name=name)(x))


def _ended(image, x, name):
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(image, layers.Dense(CLASSES, name="head")(x), name=name)


_images = partial(digits, shape=(8, 8, 1))
add_task("residual", residual, _images)
add_task("plain", plain_residual, _images)
add_task("inverted", inverted_residual, _images)
