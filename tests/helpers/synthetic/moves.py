"""What stacks, repeats, rolls, pads or reorders channels, or moves positions into them."""

import keras
import numpy as np
from keras import layers, ops

from helpers.synthetic.registry import block, conv, graph, head, image


@graph()
def stacked_and_unstacked():
    inputs = image()
    x = ops.stack([block(inputs, "one"), conv(inputs, "two")], axis=-2)
    one, two = ops.unstack(x, axis=3)
    x = ops.max(ops.stack([one, two, conv(inputs, "three")], axis=1), axis=1)
    return inputs, head(block(x, "after"))


@graph(one="is taken apart by")
def unstacked_channels():
    inputs = image()
    first, *_, last = ops.unstack(block(inputs, "one"), axis=-1)
    return inputs, head(block(ops.stack([first, last], -1), "after"))


@graph()
def repeated_and_tiled():
    inputs = image()
    x = ops.repeat(block(inputs, "one", 5), 2, axis=-1)
    x = ops.repeat(conv(x, "two", 4), 2, axis=1)
    x = ops.tile(x, (1, 1, 1, 3))
    x = ops.tile(conv(x, "three", 5), 2) + conv(x, "four", 10)
    return inputs, head(block(x, "after"))


@graph(one="not as often as others")
def repeated_as_often_as_each():
    inputs = image()
    x = ops.repeat(block(inputs, "one", 3), [1, 2, 3], axis=-1)
    return inputs, head(block(x, "after"))


@graph()
def rolled_and_flipped():
    inputs = image()
    x = ops.roll(block(inputs, "one"), 3, axis=-1)
    x = ops.flip(conv(ops.roll(x, (1, -2), axis=(1, 3)), "two"), axis=(1, -1))
    y = ops.roll(conv(inputs, "three", activation="relu"), 2, axis=1)
    return inputs, head(block(x + ops.flip(y, axis=2), "after"))


@graph()
def rolled_sum():
    inputs = image()
    x = block(inputs, "one", 6)
    return inputs, head(block(x + ops.roll(x, 3, axis=-1), "after"))


@graph()
def padded_shortcut():
    """As in the residual networks for CIFAR-10: a shortcut gains channels of zeros."""
    inputs = image()
    x = block(inputs, "stem", 5)
    for name, width in (("one", 8), ("two", 12)):
        y = conv(block(x, f"{name}_in", width), f"{name}_out", width)
        more = width - x.shape[-1]
        x = layers.ReLU()(y + ops.pad(x, ((0, 0), (0, 0), (0, 0), (more // 2, more - more // 2))))
    return inputs, head(x)


@graph(stem="with other channels", side="belong to no group")
def padded_by_others():
    inputs = image()
    x = ops.pad(block(inputs, "stem", 5), ((0, 0), (0, 0), (1, 1), (1, 2)), mode="reflect")[
        :, :, 1:-1
    ]
    y = ops.pad(conv(inputs, "side", 6), ((0, 0), (0, 0), (0, 0), (1, 1)), constant_values=0.5)
    y = y + layers.Concatenate()([inputs, inputs, inputs[..., :2]])
    return inputs, head(block(layers.Concatenate()([x, y]), "after"))


@graph()
def blocks_of_positions():
    inputs = image()
    x = ops.space_to_depth(block(inputs, "one", 5), 2)
    x = ops.depth_to_space(conv(x, "two", 12), 2)
    x = block(x, "three", 6)
    x = ops.image.extract_patches(x, (3, 3))
    return inputs, head(conv(x, "four", 7, 1, activation="relu"))


@graph()
def blocks_of_positions_by_hand():
    inputs = image()
    x = ops.reshape(block(inputs, "one", 5), (-1, 3, 2, 3, 2, 5))
    x = ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, 3, 3, 20))
    x = ops.reshape(conv(x, "two", 12), (-1, 3, 3, 2, 2, 3))
    x = ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, 6, 6, 3))
    return inputs, head(block(x, "three"))


@graph()
def blocks_of_columns():
    inputs = image()
    x = ops.transpose(block(inputs, "one", 5), (0, 3, 1, 2))
    x = ops.transpose(ops.unfold(x, 2, stride=2), (0, 2, 1))
    x = ops.transpose(layers.Dense(12, activation="relu", name="two")(x), (0, 2, 1))
    x = ops.fold(x, (6, 6), 2, stride=2)
    return inputs, head(conv(ops.transpose(x, (0, 2, 3, 1)), "three", activation="relu"))


@graph()
def gated_halves():
    inputs = image()
    x = ops.glu(conv(inputs, "one", 12))
    return inputs, head(block(x, "after"))


@graph(uneven="cannot be told other sizes")
def splits_of_all_kinds():
    inputs = image()
    one, two, three = ops.split(block(inputs, "stem", 9), [2, 3], axis=-1)
    four, five = ops.array_split(conv(three, "uneven", 7), 2, axis=3)
    x = ops.append(conv(one, "small", 4), two, axis=-1)
    upper, lower = ops.hsplit(ops.concatenate([x, four, five], -1), 2)
    return inputs, head(block(ops.hstack([lower, upper]), "after"))


@graph()
def broadcast_vector():
    inputs = image()
    x = layers.GlobalAveragePooling2D(keepdims=True)(block(inputs, "one"))
    x = ops.broadcast_to(x[0], (6, 6, 8)) * conv(inputs, "two")
    return inputs, head(block(x, "after"))


@graph(ordered="lies along the axis of", length="lies along the axis of", total="is summed over")
def along_axes():
    inputs = keras.Input((5, 4))
    x = ops.cumsum(layers.Dense(6, activation="relu", name="one")(inputs), axis=1)
    x = ops.sort(layers.Dense(6, name="two")(x), axis=1)
    y = ops.moveaxis(layers.Dense(6, name="three")(x), -1, 1)[..., None]
    x = x + ops.moveaxis(ops.sum(ops.tril(y * np.ones(5, "float32"), k=-1), -1), 1, -1)
    x = ops.sort(layers.Dense(6, name="ordered")(x))
    x = ops.normalize(layers.Dense(6, name="length")(x), axis=-1)
    x = ops.diff(layers.Dense(6, name="four")(x), axis=1)
    x = ops.einsum("btc->bt", layers.Dense(6, name="total")(x))[..., None] * x
    return inputs, head(layers.Dense(6, activation="relu", name="five")(x))


@graph()
def reductions_of_all_kinds():
    inputs = image()
    x = block(inputs, "one")
    mean, variance = ops.moments(conv(x, "two"), axes=[1], keepdims=True)
    x = mean + variance * ops.nanmax(conv(x, "three"), axis=1, keepdims=True)
    x = ops.logsumexp(conv(x, "four"), axis=2) + ops.ptp(conv(x, "five"), axis=2)
    x = x * ops.norm(conv(inputs, "six"), axis=(1, 2))[:, None]
    return inputs, head(layers.Dense(6, activation="relu", name="last")(x[:, 0]))


@graph()
def functions_of_entries():
    inputs = image()
    x = ops.arctan(conv(inputs, "one")) + ops.trunc(3 * conv(inputs, "two"))
    x = x * ops.exp2(ops.sinc(conv(x, "three"))) + ops.erf(ops.fmax(x, 0.5))
    x = ops.logaddexp2(x, conv(inputs, "four")) - ops.stop_gradient(ops.heaviside(x, 0.0 * x))
    return inputs, head(block(ops.cbrt(x) + ops.ones_like(x) * ops.fmod(x, 2.0), "after"))
