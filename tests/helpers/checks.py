"""Checks that tests share. They compare with results that were made without this package."""

import os
import tempfile

import keras
import numpy as np
from keras import layers, tree

from keras_switcher import channel_groups, prune_channels
from keras_switcher.gating.gated_network import gated_network
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.pruning.export import export_model

TOLERANCE = 1e-5
DIFFERENCES = []  # All that were measured; pytest prints the worst.


def check_exact(model, keep, scale=None, exported=False):
    """The gated, the compact and the exported network compute what they should, exactly.

    Args:
        model: A chain of layers; nested Sequential models may be part of it.
        keep: As `prune_channels` takes it.
        scale: As `prune_channels` takes it.
        exported: Whether to export the compact model too.

    Returns:
        The compact model.
    """
    scale = scale or {}
    before = weights_of(model)
    x = draw_inputs(model)
    factors = {n: np.float32(m * scale.get(n, np.ones(len(m)))) for n, m in keep.items()}
    expected = scale_by_hand(model, factors)(x, training=False)
    check_depends(expected, on=[model(x, training=False), np.roll(expected, 1, axis=0)])
    small = prune_channels(model, keep, scale, verify=False)  # Compared below.
    check_close(run_gated(model, factors, x), expected, f"gated {model.name}")
    check_close(small(x, training=False), expected, f"compact {model.name}")
    if exported and keras.backend.backend() == "tensorflow":  # Others make no SavedModel.
        import tensorflow as tf

        with tempfile.TemporaryDirectory() as folder:
            export_model(small, folder)
            loaded = tf.saved_model.load(folder)
            check_close(loaded.serve(x), expected, f"exported {model.name}")
    check_same_weights(model, before)
    return small


def check_close(actual, expected, name=""):
    """max |difference| / max |output| <= 1e-5."""
    actual, expected = (keras.ops.convert_to_numpy(values) for values in (actual, expected))
    assert actual.shape == expected.shape
    difference = np.abs(actual - expected).max() / np.abs(expected).max()
    DIFFERENCES.append((float(difference), name))
    assert difference <= TOLERANCE, f"{name}: relative difference {difference:.2e}"


def check_depends(outputs, on):
    """A comparison of `outputs` would notice if they were any of the others."""
    outputs = keras.ops.convert_to_numpy(outputs)
    for others in on:
        assert np.abs(outputs - others).max() > 1e-3 * np.abs(outputs).max()


def check_same_weights(model, before):
    """The weights are those that `weights_of` returned, bit by bit."""
    for old, new in zip(before, weights_of(model), strict=True):
        np.testing.assert_array_equal(old, new)


def check_independent(model, small, x):
    """Training the compact model changes nothing of the model that it was made from."""
    assert not {id(v) for v in model.variables} & {id(v) for v in small.variables}
    assert not {id(layer) for layer in model.layers} & {id(layer) for layer in small.layers}
    before, trained = weights_of(model), weights_of(small)
    small.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=True)
    small.train_on_batch(x, np.ones(small.output.shape[1:], "float32")[None].repeat(len(x), 0))
    assert any((a != b).any() for a, b in zip(trained, weights_of(small), strict=True))
    check_same_weights(model, before)


def check_plain(small, x):
    """It consists of Keras's own layers and reloads where this package's classes are unknown."""
    assert {type(layer).__module__.split(".")[0] for layer in small.operations} == {"keras"}
    known = keras.saving.get_custom_objects()
    kept = dict(known)
    known.clear()
    try:
        with tempfile.TemporaryDirectory() as folder:
            small.save(os.path.join(folder, "small.keras"))
            loaded = keras.saving.load_model(os.path.join(folder, "small.keras"))
    finally:
        known.update(kept)
    outputs = [tree.flatten(each(x, training=False)) for each in (loaded, small)]
    for one, other in zip(*outputs, strict=True):
        np.testing.assert_array_equal(one, other)


def with_random_weights(model, seed=0):
    """Gives each weight a value as training might, statistics of normalisations included."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        noise = rng.normal(size=weight.shape)
        if weight.name in ("moving_variance", "variance", "moving_stddev", "renorm_stddev"):
            weight.assign(0.5 + np.abs(noise))
        elif weight.name in ("kernel", "pointwise_kernel"):
            weight.assign(1.5 * noise / np.sqrt(np.prod(weight.shape[:-1])))
        elif weight.name in ("depthwise_kernel", "embeddings"):
            weight.assign(noise / np.sqrt(np.prod(weight.shape[:-2])))
        elif keras.backend.is_float_dtype(weight.dtype):
            weight.assign(0.2 * noise + (weight.name in ("gamma", "scale")))
    return finalized(model)


def finalized(model):
    """Lets layers that keep tensors made of their weights (Normalization) make them again."""
    for layer in layers_of(model) if isinstance(model, keras.Model) else ():
        if isinstance(layer, layers.Normalization):
            layer.finalize_state()
    return model


def copy_of(model):
    """A copy of a model with the same weights, made by Keras alone."""

    def again(op):
        """Operations without weights can be shared; some cannot be made again."""
        is_shared = isinstance(op, layers.Lambda) or not isinstance(op, layers.Layer)
        return op if is_shared else op.__class__.from_config(op.get_config())

    copy = keras.models.clone_model(model, clone_function=again)
    copy.set_weights(model.get_weights())
    return finalized(copy)


def draw_masks(groups, removed, seed=0):
    """Random `keep` and `scale` for prunable groups, `removed` of 1 switched off."""
    rng = np.random.default_rng(seed)
    keep, scale = {}, {}
    for group in groups:
        if group.prunable:
            dead = min(round(removed * group.size), group.size - 1)
            keep[group.name] = rng.permutation(group.size) >= dead
            scale[group.name] = rng.uniform(0.2, 2, group.size).astype("float32")
    return keep, scale


def masks_for(model, removed=0.5, seed=0):
    """`draw_masks` for the groups of a model."""
    return draw_masks(channel_groups(model), removed, seed)


def draw_inputs(model, size=16, seed=1):
    """A random batch, in the structure of the model's inputs; open sizes are 6."""
    rng = np.random.default_rng(seed)

    def draw(x):
        shape = (size, *(6 if length is None else length for length in x.shape[1:]))
        return (
            np.float32(rng.normal(size=shape))
            if "float" in x.dtype
            else rng.integers(8, size=shape)
        )

    return tree.map_structure(
        draw, model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    )


def weights_of(model):
    """Copies of all variables of a model."""
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in model.variables]


def run_gated(model, factors, x):
    """The outputs of the network with gates."""
    channel_graph = ChannelGraph(model)
    network, edges = gated_network(channel_graph, list(factors))
    return network([x, [edge.gather(factors, np) for edge in edges]], training=False)


def scale_by_hand(model, factors):
    """A copy of a chain with the factors multiplied into the kernels that read the channels.

    Which entries of a kernel read which channel is found by changing channels, one at a time, and
    looking at what arrives.
    """
    copy = copy_of(model)
    chain = layers_of(copy)
    names = [layer.name for layer in chain]
    for name, factor in factors.items():
        first = names.index(name.removesuffix("/inputs"))
        reader = next(i for i in range(first, len(chain)) if hasattr(chain[i], "kernel"))
        if not name.endswith("/inputs"):
            reader = next(i for i in range(first + 1, len(chain)) if hasattr(chain[i], "kernel"))
            factor = factor[_channels_that_arrive(chain[first:reader], chain[reader])]
        chain[reader].kernel.assign(chain[reader].kernel * factor[:, None])
    return copy


def layers_of(model):
    """The layers of a chain in order, those of nested models in their places."""
    parts = [p for p in model.layers if not isinstance(p, keras.layers.InputLayer)]
    nested = [layers_of(part) if isinstance(part, keras.Model) else [part] for part in parts]
    return [layer for part in nested for layer in part]


def _channels_that_arrive(chain, reader):
    """The channel of the first layer that each entry of the reader's input axis depends on."""
    rng = np.random.default_rng(0)
    made = rng.normal(size=(32, *chain[0].output.shape[1:]))
    axis = _channel_axis(chain[0], made)
    runs = [made]
    for channel in range(made.shape[axis]):
        changed = np.moveaxis(made.copy(), axis, 0)
        changed[channel] = rng.normal(size=changed[channel].shape)
        runs.append(np.moveaxis(changed, 0, axis))
    arrived = np.concatenate(runs).astype("float32")
    for layer in chain[1:]:
        arrived = layer(arrived)
    arrived = np.stack(np.split(np.asarray(arrived), len(runs)))
    arrived = np.moveaxis(arrived, _channel_axis(reader, arrived[0]) + 1, 1)
    changes = np.abs(arrived[1:] - arrived[0]).reshape(*arrived[1:].shape[:2], -1).max(-1) > 1e-5
    assert (changes.sum(0) == 1).all(), "a layer on the way mixes channels"
    return changes.argmax(0)


def _channel_axis(layer, values):
    return 1 if getattr(layer, "data_format", None) == "channels_first" else values.ndim - 1
