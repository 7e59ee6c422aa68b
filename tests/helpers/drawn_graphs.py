"""Random graphs of the blocks that networks are made of."""

import keras
from hypothesis import strategies as st
from keras import layers, ops

from helpers.checks import with_random_weights
from helpers.synthetic.attention import attend, attend_by_head, by_head, merge, project
from helpers.synthetic.registry import block, conv, head


def _residual(x, name, width):
    y = conv(block(x, f"{name}_in", width), f"{name}_out", x.shape[-1])
    return layers.Add()([x, y])


def _raw_residual(x, name, width):
    y = layers.ReLU()(layers.BatchNormalization()(x))
    return conv(y, f"{name}_out", x.shape[-1]) + 0.5 * x


def _projection(x, name, width):
    return layers.Add()([block(x, f"{name}_in", width), conv(x, f"{name}_skip", width, 1)])


def _concatenation(x, name, width):
    return layers.Concatenate()([x, block(x, f"{name}_new", width)])


def _split(x, name, width):
    half = x.shape[-1] // 2
    return ops.concatenate([conv(x[..., :half], f"{name}_left", width), x[..., half:]], axis=-1)


def _gate(x, name, width):
    y = layers.GlobalAveragePooling2D()(x)
    y = layers.Dense(width, activation="relu", name=f"{name}_reduce")(y)
    y = layers.Dense(x.shape[-1], activation="sigmoid", name=f"{name}_expand")(y)
    return layers.Multiply()([x, layers.Reshape((1, 1, x.shape[-1]))(y)])


def _depthwise(x, name, width):
    x = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=1 + width % 2, name=name)(x)
    return layers.Activation("hard_silu")(layers.BatchNormalization()(x))


def _separable(x, name, width):
    return layers.SeparableConv2D(width, 3, padding="same", activation="relu", name=name)(x)


def _grouped(x, name, width):
    x = conv(x, f"{name}_to", 2 * width, 1)
    return conv(x, name, 2 * width, groups=2, activation="relu")


def _bottleneck(x, name, width):
    y = _depthwise(block(x, f"{name}_in", width, 1), f"{name}_depthwise", 2)
    return x + conv(_gate(y, name, 3), f"{name}_out", x.shape[-1], 1)


def _up_and_down(x, name, width):
    y = layers.Conv2DTranspose(width, 2, 2, name=f"{name}_up")(x)
    return layers.Concatenate()([layers.AveragePooling2D(2)(y), x])


def _mixer(x, name, width):
    y = layers.Reshape((x.shape[1] * x.shape[2], x.shape[3]))(x)
    y = layers.Dense(width, activation="gelu", name=f"{name}_wide")(layers.LayerNormalization()(y))
    y = layers.Dense(x.shape[-1], name=f"{name}_narrow")(y)
    return x + ops.reshape(y, (-1, *x.shape[1:]))


def _alternatives(x, name, width):
    one, two = conv(x, f"{name}_one", width), conv(x, f"{name}_two", width)
    return layers.Maximum()([one, two]) - ops.tanh(two)


def _shuffle(x, name, width):
    x = conv(x, f"{name}_to", 2 * width, 1)
    x = layers.Reshape((*x.shape[1:3], 2, width))(x)
    return layers.Reshape((*x.shape[1:3], 2 * width))(layers.Permute((1, 2, 4, 3))(x))


def _slices_in_a_sum(x, name, width):
    parts = [block(x, f"{name}_a", width), block(x, f"{name}_b", 3)]
    return layers.Concatenate()(parts) + conv(x, f"{name}_c", width + 3, 1)


def _parametric(x, name, width):
    return layers.PReLU(shared_axes=[1, 2])(layers.GroupNormalization(-1)(conv(x, name, width)))


def _heads(x, name, width):
    y = layers.Reshape((x.shape[1] * x.shape[2], x.shape[3]))(x)
    y = attend(*(project(y, f"{name}_{part}", width, 2) for part in ("query", "key", "value")))
    return x + ops.reshape(merge(y, f"{name}_merged", x.shape[-1]), (-1, *x.shape[1:]))


def _heads_of_reshapes(x, name, width):
    y = layers.Reshape((x.shape[1] * x.shape[2], x.shape[3]))(x)
    query, key, value = ops.split(layers.Dense(6 * width, name=f"{name}_qkv")(y), 3, axis=-1)
    y = attend_by_head(*(by_head(part, width) for part in (query, key, value)))
    return x + conv(ops.reshape(y, (-1, *x.shape[1:3], 2 * width)), f"{name}_out", x.shape[-1], 1)


def _normalized_groups(x, name, width):
    y = layers.GroupNormalization(width)(conv(x, f"{name}_in", 2 * width))
    return x + conv(layers.ReLU()(y), f"{name}_out", x.shape[-1], 1)


def _padded(x, name, width):
    y = conv(block(x, f"{name}_in", width), f"{name}_out", x.shape[-1] + width)
    return layers.ReLU()(y + ops.pad(x, ((0, 0), (0, 0), (0, 0), (1, width - 1))))


def _blocks_of_positions(x, name, width):
    x = conv(ops.space_to_depth(x, 2), name, 4 * width, 1, activation="gelu")
    return ops.roll(ops.depth_to_space(x, 2), 1, axis=-1)


def _each_row(x, name, width):
    x = layers.TimeDistributed(layers.Dense(width, "relu"), name=name)(x)
    return ops.flip(ops.tile(x, (1, 1, 1, 2)), axis=(2, 3))


BLOCKS = (
    *(_residual, _raw_residual, _projection, _concatenation, _split, _gate, _depthwise),
    *(_separable, _grouped, _bottleneck, _up_and_down, _mixer, _alternatives, _shuffle),
    *(_slices_in_a_sum, _parametric, _heads, _heads_of_reshapes, _normalized_groups, _padded),
    *(_blocks_of_positions, _each_row),
)


WIDTHS = st.integers(2, 6)
RECIPES = st.fixed_dictionaries(
    {
        "stem": st.sampled_from([0, 4, 7]),
        "blocks": st.lists(st.tuples(st.sampled_from(BLOCKS), WIDTHS), min_size=1, max_size=4),
        "early_head": st.booleans(),
        "flat": st.booleans(),
        "seed": st.integers(0, 1000),
    }
)


def build(stem, blocks, early_head, flat, seed):
    """The model of a recipe: blocks on small images, with one output or two."""
    x = inputs = keras.Input((4, 4, 3))
    if stem:
        x = block(x, "stem", stem)
    outputs = []
    for i, (make, width) in enumerate(blocks):
        x = make(x, f"block{i}", width)
        if i == 0 and early_head:
            outputs.append(head(x, "head_early"))
    if flat:
        x = layers.Dense(5, activation="relu", name="flat")(layers.Flatten()(x))
    outputs.append(head(x))
    return with_random_weights(keras.Model(inputs, outputs, name="drawn"), seed)
