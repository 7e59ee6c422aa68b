"""Gradients and compiled functions of whichever backend Keras runs on, to compare with."""

import keras
from keras import StatelessScope, Variable, ops, tree

BACKEND = keras.backend.backend()


def gradient_of(function, values):
    """As `value_and_gradient`, the gradient alone."""
    return value_and_gradient(function, values)[1]


def value_and_gradient(function, values, assigned=()):
    """The sum of all that a function returns, and its gradient; zero where nothing depends on it.

    Args:
        function: Takes `values`, with tensors in place of arrays; returns a structure of tensors.
        values: A structure of arrays, tensors and variables.
        assigned: Variables that the function assigns.

    Returns:
        A scalar, and tensors in the structure of `values`.
    """
    flat = tree.flatten(values)
    leaves = [v if isinstance(v, Variable) else ops.convert_to_tensor(v) for v in flat]

    def total(leaves):
        results = tree.flatten(function(tree.pack_sequence_as(values, leaves)))
        return sum(map(ops.sum, results)) if results else ops.zeros(())

    value, found = _GRADIENTS[BACKEND](total, leaves, assigned)
    found = [ops.zeros_like(v) if g is None else g for v, g in zip(leaves, found, strict=True)]
    return value, tree.pack_sequence_as(values, found)


def _by_tape(total, leaves, assigned):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch([leaf for leaf in leaves if not isinstance(leaf, Variable)])
        value = total(leaves)
    found = tape.gradient(value, [v.value if isinstance(v, Variable) else v for v in leaves])
    return value, [None if g is None else tf.convert_to_tensor(g) for g in found]


def _by_jax(total, leaves, assigned):
    import jax

    def of_values(values, before):
        pairs = list(zip(leaves, values, strict=True))
        held = [(v, value) for v, value in pairs if isinstance(v, Variable)]
        with StatelessScope([*zip(assigned, before, strict=True), *held]) as scope:
            value = total([v if isinstance(v, Variable) else value for v, value in pairs])
        return value, [scope.get_current_value(v) for v in assigned]

    given = [v.value if isinstance(v, Variable) else v for v in leaves]
    differentiate = jax.jit(jax.value_and_grad(of_values, has_aux=True))
    (value, after), found = differentiate(given, [v.value for v in assigned])
    for variable, new in zip(assigned, after, strict=True):
        variable.assign(new)
    return value, found


def _by_autograd(total, leaves, assigned):
    import torch

    given = [v if isinstance(v, Variable) else v.detach().requires_grad_() for v in leaves]
    with torch.enable_grad():
        value = total(given)
    sources = [v.value if isinstance(v, Variable) else v for v in given]
    if not value.requires_grad:
        return value, [None] * len(leaves)
    return value.detach(), torch.autograd.grad(value, sources, allow_unused=True)


_GRADIENTS = {"tensorflow": _by_tape, "jax": _by_jax, "torch": _by_autograd}


def compiled(function):
    """A function of tensors, compiled by XLA; PyTorch runs it as it is.

    Args:
        function: It takes tensors, and none that it computes with lies outside.
    """
    if BACKEND == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=True)
    if BACKEND == "jax":
        import jax

        return jax.jit(function)
    return function
