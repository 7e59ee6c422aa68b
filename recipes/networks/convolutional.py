"""The paper's convolutional networks, for CIFAR-10 and Mini-ImageNet; all read pixels 0 to 255.

Convolutions have no biases; but for VGG-cov2 they are normalised, as in the papers that the
networks come from. All end in logits.
"""

from collections.abc import Sequence
from functools import partial

import keras
from keras import layers

from recipes.datasets import cifar10, cifar10_part
from recipes.mini_imagenet import mini_imagenet
from recipes.networks import add_task
from recipes.networks.normalization import FusedBatchNormalization

# Of CIFAR-10's red, green and blue pixels; what the papers subtract and divide by.
MEAN, SPREAD = (125.3, 123.0, 113.9), (63.0, 62.1, 66.7)
# The channels of VGG16's convolutions; a pool follows each group.
VGG16 = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
# Filters of MobileNetV1's separable convolutions; those of a tuple halve the picture.
MOBILENET = (64, (128,), 128, (256,), 256, (512,), 512, 512, 512, 512, 512, (1024,), 1024)
# What a running mean forgets in a step: an epoch has a few hundred.
MOMENTUM = 0.9


def vgg_cov2(classes: int = 10, spread: float | None = None) -> keras.Model:
    """Two convolutions and three dense layers, no normalisation: Conv-2 of Frankle and Carbin.

    Dense weights start with a standard deviation, or as He and Glorot have it.
    """
    image, x = _started(32)
    for number in (1, 2):
        x = layers.ReLU()(_conv(x, 64, 3, f"conv_{number}"))
    x = layers.Flatten(name="flatten")(layers.MaxPooling2D(name="pool")(x))
    return _dense(image, x, (256, 256), classes, "vgg_cov2", spread)


def vgg16(hidden: Sequence[int] = (4096, 4096), classes: int = 10) -> keras.Model:
    """Thirteen convolutions with normalisations; the last pool has stride 1, one pixel is left.

    Simonyan and Zisserman 2015, arXiv 1409.1556.
    """
    image, x = _started(32)
    for stage, filters in enumerate(VGG16, start=1):
        for number, width in enumerate(filters, start=1):
            x = _normalized(_conv(x, width, 3, f"conv_{stage}{'abc'[number - 1]}"))
        strides = 1 if stage == len(VGG16) else 2
        x = layers.MaxPooling2D(2, strides, name=f"pool_{stage}")(x)
    return _dense(image, layers.Flatten(name="flatten")(x), hidden, classes, "vgg16")


def resnet(
    blocks: Sequence[int], width: int, size: int = 32, pool: bool = False, classes: int = 10
) -> keras.Model:
    """A residual network of basic blocks, each stage twice as wide as the one before.

    Where a sum changes its shape a convolution of one pixel makes the shortcut. `pool` halves the
    picture behind the stem. He et al. 2016, arXiv 1512.03385.
    """
    image, x = _started(size)
    x = _normalized(_conv(x, width, 3, "stem"))
    if pool:
        x = layers.MaxPooling2D(3, 2, padding="same", name="pool")(x)
    for stage, number in enumerate(blocks):
        for block in range(number):
            strides = 2 if stage and not block else 1
            x = _basic_block(x, width * 2**stage, strides, f"block_{stage + 1}{block + 1}")
    x = layers.GlobalAveragePooling2D(name="average")(x)
    return keras.Model(image, _head(x, classes), name=f"resnet_{2 + 2 * sum(blocks)}")


def mobilenet(alpha: float = 1.0, size: int = 32, classes: int = 10) -> keras.Model:
    """MobileNetV1 with a stem of stride 1, as for small pictures; all widths times `alpha`.

    Howard et al. 2017, arXiv 1704.04861.
    """
    image, x = _started(size)
    x = _normalized(_conv(x, round(32 * alpha), 3, "stem"))
    for number, filters in enumerate(MOBILENET, start=1):
        strides, width = (2, filters[0]) if isinstance(filters, tuple) else (1, filters)
        options = {"padding": "same", "use_bias": False, "name": f"depthwise_{number}"}
        start = {"depthwise_initializer": "he_normal"}
        x = _normalized(layers.DepthwiseConv2D(3, strides, **options, **start)(x))
        x = _normalized(_conv(x, round(width * alpha), 1, f"pointwise_{number}"))
    x = layers.GlobalAveragePooling2D(name="average")(x)
    return keras.Model(image, _head(x, classes), name="mobilenet")


def small_residual(width: int = 32) -> keras.Model:
    """The network `residual` for CIFAR-10: its stem has stride 2, and two pools follow.

    Six blocks of two convolutions, each behind a normalisation and a ReLU, between equal sums.
    """
    image, x = _started(32)
    stream = _conv(x, width, 3, "stem", strides=2)
    for number in range(1, 7):
        if number in (3, 5):
            stream = layers.AveragePooling2D(2, name=f"pool_{number}")(stream)
        x = _conv(_normalized(stream), width, 3, f"conv_{number}a")
        x = _conv(_normalized(x), width, 3, f"conv_{number}b")
        stream = layers.Add(name=f"add_{number}")([stream, x])
    x = layers.GlobalAveragePooling2D(name="average")(_normalized(stream))
    return keras.Model(image, _head(x, 10), name="small_residual")


def small_inverted(sums: Sequence[int] = (16, 32, 32, 32), expansion: int = 4) -> keras.Model:
    """The network `inverted` for CIFAR-10: its stem has stride 2, and where sums widen they halve.

    Wide depthwise convolutions between narrow sums.
    """
    image, x = _started(32)
    stream = _normalized(_conv(x, sums[0], 3, "stem", strides=2))
    options = {"padding": "same", "use_bias": False, "depthwise_initializer": "he_normal"}
    for number, width in enumerate(sums, start=1):
        is_sum = stream.shape[-1] == width
        x = _normalized(_conv(stream, expansion * stream.shape[-1], 1, f"expand_{number}"))
        strides = 1 if is_sum else 2
        x = layers.DepthwiseConv2D(3, strides, name=f"depthwise_{number}", **options)(x)
        x = _normalized(_conv(_normalized(x), width, 1, f"project_{number}"), None)
        stream = layers.Add(name=f"add_{number}")([stream, x]) if is_sum else x
    x = layers.GlobalAveragePooling2D(name="average")(stream)
    return keras.Model(image, _head(x, 10), name="small_inverted")


def _started(size):
    """A picture, and its pixels with a mean of about 0 and a spread of 1."""
    image = keras.Input((size, size, 3), name="image")
    scale = [1 / spread for spread in SPREAD]
    offset = [-mean / spread for mean, spread in zip(MEAN, SPREAD, strict=True)]
    return image, layers.Rescaling(scale, offset, name="rescaling")(image)


def _conv(x, filters, size, name, strides=1):
    options = {"padding": "same", "use_bias": False, "kernel_initializer": "he_normal"}
    return layers.Conv2D(filters, size, strides, name=name, **options)(x)


def _normalized(x, activation="relu"):
    x = FusedBatchNormalization(momentum=MOMENTUM, epsilon=1e-5)(x)
    return layers.Activation(activation)(x) if activation else x


def _basic_block(x, width, strides, name):
    shortcut = x
    if strides > 1 or x.shape[-1] != width:
        shortcut = _normalized(_conv(x, width, 1, f"{name}_shortcut", strides), None)
    x = _normalized(_conv(x, width, 3, f"{name}a", strides))
    x = _normalized(_conv(x, width, 3, f"{name}b"), None)
    return layers.ReLU()(layers.Add(name=f"{name}_add")([shortcut, x]))


def _dense(image, x, hidden, classes, name, spread=None):
    normal = spread and keras.initializers.RandomNormal(stddev=spread)
    options = {"use_bias": False, "kernel_initializer": normal or "he_normal"}
    for number, units in enumerate(hidden, start=1):
        x = layers.Dense(units, "relu", name=f"hidden_{number}", **options)(x)
    options["kernel_initializer"] = normal or "glorot_uniform"
    return keras.Model(image, _head(x, classes, **options), name=name)


def _head(x, classes, **options):
    # In half precision logits of several classes would be equal.
    return layers.Dense(classes, dtype="float32", name="head", **options)(x)


_resnet34 = partial(resnet, (3, 4, 6, 3), 64)
_mini = {"size": 84, "classes": 100}
add_task("vgg_cov2", vgg_cov2, cifar10, 28)
# The spread is that of the authors' code; the time is that of a U-Net over 16384x256 weights.
add_task("vgg_cov2_paper", partial(vgg_cov2, spread=0.01), cifar10, 3600)
add_task("small_residual", small_residual, cifar10_part, 5)
add_task("small_inverted", small_inverted, cifar10_part, 5)
add_task("mobilenet_quarter", partial(mobilenet, 0.25), cifar10, 99)
add_task("resnet20", partial(resnet, (3, 3, 3), 16), cifar10, 108)
add_task("resnet32", partial(resnet, (5, 5, 5), 16), cifar10, 180)
add_task("mobilenet", mobilenet, cifar10, 291)
add_task("resnet56", partial(resnet, (9, 9, 9), 16), cifar10, 320)
add_task("vgg16", vgg16, cifar10, 420)
add_task("resnet34", _resnet34, cifar10, 1600)
add_task("mini_mobilenet_quarter", partial(mobilenet, 0.25, **_mini), mini_imagenet, 700)
add_task("mini_mobilenet", partial(mobilenet, **_mini), mini_imagenet, 2000)
add_task("mini_resnet34", partial(_resnet34, pool=True, **_mini), mini_imagenet, 3000)
