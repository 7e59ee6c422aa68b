"""Small graphs, at least one for each layer type that has a rule and for each known trap."""

from helpers.synthetic import attention, kernels, merges, moves, norms, operations, shapes, wholes
from helpers.synthetic.registry import GRAPHS

__all__ = [
    "GRAPHS",
    "attention",
    "kernels",
    "merges",
    "moves",
    "norms",
    "operations",
    "shapes",
    "wholes",
]
