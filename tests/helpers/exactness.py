"""Checks surgery on any graph against a reference that is made without any surgery."""

import keras
import numpy as np
from keras import ops, tree

from helpers.checks import (
    DIFFERENCES,
    check_same_weights,
    copy_of,
    draw_inputs,
    layers_of,
    weights_of,
)
from helpers.gradients import value_and_gradient
from keras_switcher import prune_channels
from keras_switcher.gating.gated_network import gated_network
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.sublayers import with_sublayers
from recipes.benchmarks import exactness

RATE = 0.01


def check_exact_graph(model, keep, scale=None, step=True, tolerance=1e-5):
    """The gated and the compact network compute what a copy with scaled kernel rows does.

    Args:
        model: Any Functional model.
        keep: As `prune_channels` takes it.
        scale: As `prune_channels` takes it.
        step: Whether to compare one training step too.
        tolerance: The largest difference, relative to the largest number compared.

    Returns:
        The compact model.
    """
    before, x = weights_of(model), draw_inputs(model)
    factors = {n: np.float32(m * (scale or {}).get(n, np.ones(len(m)))) for n, m in keep.items()}
    reference = scaled_copy(model, factors)
    expected = tree.flatten(reference(x, training=False))
    if any((factor != 1).any() for factor in factors.values()):
        plain = tree.flatten(model(x, training=False))
        changes = [_difference(a, b) for a, b in zip(expected, plain, strict=True)]
        assert max(changes) > 1e-3, f"the factors do not matter in {model.name}"
    small = prune_channels(model, keep, scale, verify=False)
    trained = copy_of(model) if step else model
    gated = _Gated(trained, factors)
    for name, network in (("gated", gated), ("compact", small)):
        for actual, each in zip(tree.flatten(network(x, training=False)), expected, strict=True):
            check_near(actual, each, tolerance, f"{name} {model.name}")
    if step:
        starts = [weight.numpy() for weight in reference.weights]
        losses = [
            _train(network, owner, x)
            for network, owner in ((reference, reference), (gated, trained), (small, small))
        ]
        check_near(losses, losses[:1] * 3, tolerance, f"loss of {model.name}")
        _check_updated(model, keep, reference, small, tolerance)
        _check_gated_step(model, trained, factors, reference, starts, tolerance)
    check_same_weights(model, before)
    return small


def check_near(actual, expected, tolerance, name):
    """The largest difference is small beside the largest number."""
    difference = _difference(actual, expected)
    DIFFERENCES.append((difference, name))
    assert difference <= tolerance, f"{name}: relative difference {difference:.2e}"


def scaled_copy(model, factors):
    """A copy in which the kernels that read channels of a group are multiplied by its factors."""
    copy = copy_of(model)
    for kernel, factor in _row_factors(copy, factors):
        kernel.assign(kernel * factor)
    return copy


def kernels_scaled(model, factors):
    """Within it, a model itself is scaled: of shared variables and own layers no copy is sure."""
    return exactness.kernels_scaled(ChannelGraph(model), factors)


class _Gated:
    """The gated network of a model, with its factors filled in."""

    def __init__(self, model, factors):
        self.network, edges = gated_network(ChannelGraph(model), list(factors))
        self.factors = [edge.gather(factors, np) for edge in edges]

    def __call__(self, x, training):
        return self.network([x, self.factors], training=training)


def _row_factors(model, factors):
    return exactness.row_factors(ChannelGraph(model), factors)


def _train(network, owner, x):
    """One step of gradient descent by hand; stochastic networks step in inference mode."""
    parts = [part for layer in layers_of(owner) for part in with_sublayers(layer)]
    stochastic = any(hasattr(part, "seed_generator") for part in parts)
    variables = owner.trainable_variables

    def losses(variables):
        outputs = tree.flatten(network(x, training=not stochastic))
        return [ops.mean(ops.square(output - 0.5)) for output in outputs]

    loss, gradients = value_and_gradient(losses, variables, owner.non_trainable_variables)
    for variable, gradient in zip(variables, gradients, strict=True):
        variable.assign(variable - RATE * gradient)
    return float(loss)


def _check_updated(model, keep, reference, small, tolerance):
    """Each weight of the trained compact model is one of the trained reference's.

    Which one is told by the compact model of a copy whose weights are numbered from one; rows of
    channels that stay although they are off have the number zero.
    """
    numbered, start = copy_of(model), 1
    for weight in numbered.weights:
        size = int(np.prod(weight.shape))
        weight.assign(np.arange(start, start + size).reshape(weight.shape))
        start += size
    values = np.concatenate([[0], *(np.reshape(w.numpy(), -1) for w in reference.weights)])
    for number, weight in zip(
        prune_channels(numbered, keep, verify=False).weights, small.weights, strict=True
    ):
        places = np.asarray(number.numpy(), int)
        actual = np.where(places > 0, weight.numpy(), 0)
        check_near(actual, values[places], tolerance, f"trained {weight.path} of {model.name}")


def _check_gated_step(model, trained, factors, reference, starts, tolerance):
    """A kernel behind a gate moves by the factor times what the scaled kernel moves by."""
    scales = {id(kernel): factor for kernel, factor in _row_factors(trained, factors)}
    triples = zip(trained.weights, model.weights, reference.weights, starts, strict=True)
    for weight, old, scaled, start in triples:
        moved = scaled.numpy() - start
        expected = old.numpy() + scales.get(id(weight), 1) * moved
        check_near(weight.numpy(), expected, tolerance, f"step of {weight.path} of {model.name}")


def _difference(actual, expected):
    actual, expected = (np.float64(keras.ops.convert_to_numpy(x)) for x in (actual, expected))
    assert actual.shape == expected.shape
    assert np.isfinite(expected).all()
    largest = np.abs(expected).max()
    return float(np.abs(actual - expected).max() / (largest if largest > 0 else 1))
