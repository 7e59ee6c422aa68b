"""How far the outputs of two networks that should be equal may differ."""

from keras import tree

from keras_switcher.graph.call import CallGraph
from keras_switcher.graph.differences import coarsest_step

TOLERANCE = 1e-4
# How many roundings of half precision may add up in the outputs.
_ROUNDINGS = 16


def rounding_step(graph: CallGraph) -> float:
    """The largest relative distance of neighbouring numbers that a network computes with.

    Args:
        graph: Its `CallGraph`.
    """
    policies = [getattr(call.op, "compute_dtype", None) for call in graph.calls]
    tensors = tree.flatten([call.outputs for call in graph.calls])
    return coarsest_step([*policies, *(getattr(x, "dtype", None) for x in tensors)])


def tolerance_of(step: float) -> float:
    """The difference that is allowed, relative to the largest output: more in half precision.

    Args:
        step: See `rounding_step`.

    Example:

    >>> tolerance_of(2.0**-23), tolerance_of(2.0**-10)
    (0.0001, 0.015625)
    """
    return max(TOLERANCE, _ROUNDINGS * step if step > 1e-6 else 0)
