"""Functions that JAX compiles as a whole, and not operation by operation."""

from collections.abc import Callable, Sequence
from typing import Any

import keras

# Keras has no function that compiles another, and what is compared is no model that is trained.
if keras.backend.backend() == "jax":
    import jax


def call_compiled(
    function: Callable[[Any, list], Any], arguments: Any, variables: Sequence[keras.Variable]
) -> Any:
    """What a function returns, compiled for this one call where the backend is JAX.

    Operation by operation the first run of a network takes JAX five times as long: it compiles
    each. What needs numbers to be known, as NumPy in a user's function does, runs so all the same.

    Args:
        function: Takes the arguments and pairs of variables and values, and returns tensors. It
            should use the values in place of the variables.
        arguments: A structure of tensors.
        variables: What it reads. Under other backends it gets no pairs.
    """
    if keras.backend.backend() != "jax":
        return function(arguments, [])

    def compiled(arguments: Any, values: list) -> Any:
        return function(arguments, list(zip(variables, values, strict=True)))

    values = [variable.value for variable in variables]
    try:
        return jax.jit(compiled)(arguments, values)
    except jax.errors.JAXTypeError:
        return compiled(arguments, values)
