"""Small graphs, at least one for each layer type that has a rule and for each known trap."""

from synthetic import kernels, merges, norms, operations, shapes, wholes
from synthetic.registry import GRAPHS

__all__ = ["GRAPHS", "kernels", "merges", "norms", "operations", "shapes", "wholes"]
