"""What moves channels, or the positions around them, to other places."""

import keras
from keras import layers, ops

from helpers.synthetic.registry import block, conv, graph, head, image


@graph()
def padding_and_cropping():
    inputs = image()
    x = layers.ZeroPadding2D(((0, 1), (2, 0)))(block(inputs, "one"))
    x = conv(x, "two", 6, strides=2, padding="valid", activation="relu")
    x = layers.Cropping2D(((1, 0), (0, 1)))(layers.ZeroPadding2D(1)(x))
    return inputs, head(conv(x, "three", 5))


@graph()
def padding_and_cropping_in_other_ranks():
    one, three = keras.Input((9, 4)), keras.Input((4, 4, 4, 2))
    x = layers.Cropping1D(1)(layers.ZeroPadding1D((2, 1))(block(one, "one")))
    y = layers.Cropping3D(1)(layers.ZeroPadding3D(2)(block(three, "three")))
    x = layers.UpSampling1D(2)(layers.AveragePooling1D(2)(x))
    y = layers.UpSampling3D(2)(layers.AveragePooling3D(2)(y))
    x = head(block(x, "one_more"), "head_one")
    return [one, three], [x, head(block(y, "three_more"), "head_three")]


@graph()
def resizing():
    inputs = image()
    x = layers.UpSampling2D(2, interpolation="bilinear")(block(inputs, "one"))
    x = layers.Resizing(7, 5)(conv(x, "two", activation="relu"))
    x = layers.CenterCrop(4, 4)(conv(x, "three", 6))
    x = ops.image.resize(x, (6, 6))
    return inputs, head(block(x, "four"))


@graph()
def pooling():
    inputs = image(size=12)
    x = layers.MaxPooling2D(2, padding="same")(block(inputs, "one"))
    x = layers.AveragePooling2D(3, 1, "same")(conv(x, "two", 6))
    x = ops.average_pool(ops.max_pool(conv(x, "three"), 2, 1), 2, 1)
    x = layers.AdaptiveAveragePooling2D(3)(layers.AdaptiveMaxPooling2D(4)(conv(x, "four", 5)))
    return inputs, head(layers.Flatten()(layers.GlobalMaxPooling2D(keepdims=True)(x)))


@graph()
def flatten_after_cropping():
    inputs = image()
    x = layers.Cropping2D(((1, 2), (0, 3)))(block(inputs, "one"))
    x = layers.Dense(7, activation="relu", name="dense")(layers.Flatten()(x))
    return inputs, head(x)


@graph()
def flattened_concatenation():
    inputs = image()
    x = layers.MaxPooling2D()(block(inputs, "one", 6))
    y = layers.GlobalAveragePooling2D()(block(inputs, "two", 5))
    x = layers.Concatenate()([layers.Flatten()(x), y, layers.Flatten()(inputs)])
    return inputs, head(layers.Dense(7, activation="relu", name="dense")(x))


@graph()
def flatten_behind_permute():
    inputs = keras.Input((4, 5, 3))
    x = layers.Permute((3, 1, 2))(block(inputs, "one", 6))
    return inputs, head(layers.Dense(7, activation="relu", name="dense")(layers.Flatten()(x)))


@graph()
def permute_of_space():
    inputs = keras.Input((4, 5, 3))
    x = layers.Permute((2, 1, 3))(block(inputs, "one"))
    return inputs, head(block(x, "two"))


@graph(one="lies along axis 1 of the input of")
def permute_into_space():
    inputs = image(size=8)
    x = layers.Permute((3, 1, 2))(block(inputs, "one"))
    return inputs, head(block(x, "two"))


@graph()
def transpositions():
    inputs = keras.Input((4, 5, 3))
    x = ops.transpose(block(inputs, "one"), (0, 3, 2, 1))
    x = ops.relu(ops.swapaxes(x, 1, -1))
    x = ops.moveaxis(conv(x, "two", 6), (1, 2, 3), (2, 3, 1))
    x = ops.moveaxis(
        layers.MaxPooling2D(1, data_format="channels_last")(ops.moveaxis(x, 1, -1)), 1, 2
    )
    return inputs, head(block(x, "three"))


@graph()
def reshapes():
    inputs = image()
    x = layers.Reshape((36, 8))(block(inputs, "one"))
    x = ops.reshape(conv(x, "two", 6, activation="relu"), (-1, 6, 6, 6))
    x = layers.Reshape((3, 12, 6))(conv(x, "three", 6))
    return inputs, head(block(x, "four"))


@graph()
def reshape_that_splits_channels():
    inputs = image(size=4)
    x = layers.Reshape((4, 4, 2, 6))(block(inputs, "one", 12))
    x = ops.max(x, axis=3)
    return inputs, head(block(x, "two"))


@graph()
def reshape_with_open_sizes():
    inputs = keras.Input((None, 4))
    x = layers.Reshape((-1, 8))(layers.Dense(8, activation="relu", name="one")(inputs))
    return inputs, head(layers.Dense(6, activation="relu", name="two")(x))


@graph()
def sequence_of_patches():
    inputs = image(size=8)
    x = conv(inputs, "patches", 8, 4, strides=4, padding="valid")
    x = ops.reshape(x, (-1, 4, 8))
    y = layers.Dense(12, activation="gelu", name="wide")(x)
    x = x + layers.Dense(8, name="narrow")(y)
    return inputs, head(x[:, 0])


@graph()
def slices_of_channels():
    inputs = image()
    x = block(inputs, "stem", 10)
    y = conv(x[..., :4], "left", 6) + conv(x[:, :, :, 4:], "right", 6)
    return inputs, head(layers.ReLU()(layers.Concatenate()([y[..., 1:5], x[:, :, :, -3:]])))


@graph()
def overlapping_slices():
    inputs = image()
    x = block(inputs, "stem", 10)
    y = layers.Concatenate()([x[..., 2:7], x[:, ::1, :, 5:], conv(inputs, "other", 4)])
    return inputs, head(block(y[:, 1:-1, None, 2], "after"))


@graph()
def slices_that_are_added():
    inputs = image()
    x = block(inputs, "stem", 10)
    return inputs, head(block(x[..., :5] * ops.sigmoid(x[..., 5:]), "after"))


@graph(one="is indexed by a number", two="is sliced with steps")
def indexed_channels():
    inputs = image()
    x, y = block(inputs, "one"), block(inputs, "two")
    x = layers.Concatenate()([x[..., 3][..., None], y[..., ::2]])
    return inputs, head(block(x, "after"))


@graph()
def split():
    inputs = image()
    one, two = ops.split(block(inputs, "stem"), 2, axis=-1)
    x = layers.Concatenate()([block(one, "one", 5), two])
    first, second, third = ops.split(x, [2, 6], axis=-1)
    x = layers.Concatenate()([block(second, "two", 4), third, conv(first, "three", 3)])
    return inputs, head(block(x, "after"))


@graph()
def split_of_space():
    """Along an axis of fixed size, and along one of open size."""
    inputs = keras.Input((8, None, 3))
    upper, lower = ops.split(block(inputs, "stem"), 2, axis=1)
    left, right = ops.split(upper - lower, 2, axis=2)
    return inputs, head(block(left - right, "after"))


@graph()
def take():
    inputs = image()
    x = ops.take(block(inputs, "stem"), [5, 0, 3, 3, 7], axis=-1)
    x = ops.take(x, [4, 2, 0], axis=1)
    return inputs, head(block(x, "after"))


@graph()
def operations_that_concatenate():
    inputs = image()
    x = ops.concatenate([block(inputs, "one", 4), conv(inputs, "two", 6)], axis=-1)
    x = ops.concatenate([x, conv(inputs, "three", 10)], axis=2)
    return inputs, head(block(x, "after"))


@graph()
def reductions():
    inputs = image()
    x = block(inputs, "stem")
    x = x * ops.sigmoid(conv(ops.mean(x, axis=(1, 2), keepdims=True), "gate", 8, 1))
    y = ops.max(conv(x, "one", 6), axis=1)
    y = ops.sum(layers.Dense(5, activation="relu", name="two")(y), axis=1)
    return inputs, head(y)


@graph(stem="lies along axis", inner="is broadcast over")
def reductions_of_channels():
    inputs = image()
    x = block(inputs, "stem")
    y = ops.concatenate([ops.mean(x, -1, keepdims=True), ops.max(x, -1, keepdims=True)], -1)
    return inputs, head(block(x * ops.sigmoid(conv(y, "inner", 1)), "after"))


@graph()
def squeezed_and_expanded():
    inputs = image()
    x = layers.GlobalAveragePooling2D(keepdims=True)(block(inputs, "one"))
    x = layers.Dense(7, activation="relu", name="two")(ops.squeeze(x, axis=(1, 2)))
    x = ops.expand_dims(ops.expand_dims(x, 1), 1)
    x = layers.Dense(6, activation="relu", name="three")(x)
    return inputs, layers.Dense(3, name="head")(layers.Flatten()(x))


@graph(one="is squeezed by")
def squeezed_without_an_axis():
    inputs = keras.Input((3,), batch_size=16)
    x = ops.squeeze(layers.Dense(6, activation="relu", name="one")(inputs)[:, None])
    return inputs, layers.Dense(3, name="head")(x)


@graph()
def repeated_vector():
    inputs = keras.Input((5,))
    x = layers.RepeatVector(4)(layers.Dense(6, activation="relu", name="one")(inputs))
    return inputs, head(block(x, "two"))


@graph()
def padded():
    inputs = image()
    x = ops.pad(block(inputs, "one"), ((0, 0), (1, 0), (2, 1), (0, 0)))
    x = ops.pad(block(x, "two"), ((0, 0), (0, 0), (0, 0), (0, 2)))
    return inputs, head(block(x, "after"))
