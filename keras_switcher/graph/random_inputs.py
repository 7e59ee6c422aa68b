"""Random inputs on which networks and layers are compared."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from keras_switcher.graph.call import Call, CallGraph, is_tensor

# Sizes that are tried where a network leaves them open.
OPEN_SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)


@dataclass
class Draw:
    """One way to draw random values for symbolic tensors.

    Args:
        size: Stands for sizes that are open.
        distribution: `"normal"` or `"uniform"` (between 0 and 1): that of real numbers.
        samples: Stands for an open number of samples.
        seed: Starts the random numbers.
        scale: Multiplies real numbers.
    """

    size: int
    distribution: str = "normal"
    samples: int = 1
    seed: int = 0
    scale: float = 1.0

    def values(self, structure: Any, limits: dict | None = None) -> Any:
        """Random tensors in the places of symbolic ones.

        Args:
            structure: A structure with symbolic tensors in it.
            limits: Maps `id`s of tensors to what their values are drawn from: for whole numbers
                how many there are, or a list of them; for text a list of words.
        """
        rng, limits = np.random.default_rng(self.seed), limits or {}

        def draw(x: Any) -> Any:
            if not is_tensor(x):
                return x
            # The array keeps the type of the tensor: a cast would lose what an integer can hold.
            return ops.convert_to_tensor(self._array(x, rng, limits.get(id(x))), x.dtype)

        return tree.map_structure(draw, structure)

    def shapes(self, structure: Any) -> Any:
        """Symbolic tensors like those of a structure, of the sizes of those that are drawn."""
        return tree.map_structure(
            lambda x: keras.KerasTensor(self._shape(x), x.dtype) if is_tensor(x) else x, structure
        )

    def _shape(self, x: keras.KerasTensor) -> Sequence[int]:
        shape = [self.size if length is None else length for length in x.shape]
        return [self.samples if x.shape[0] is None else shape[0], *shape[1:]] if shape else ()

    def _array(
        self, x: keras.KerasTensor, rng: np.random.Generator, limit: int | list | None
    ) -> np.ndarray:
        shape = self._shape(x)
        if x.dtype == "string" or isinstance(limit, list):
            return rng.choice(limit or ["a", "b"], size=shape)
        if x.dtype == "bool":
            return rng.integers(2, size=shape) > 0
        if "complex" in x.dtype:
            return self.scale * (rng.normal(size=shape) + 1j * rng.normal(size=shape))
        if not keras.backend.is_float_dtype(x.dtype):
            return rng.integers(limit or 2, size=shape)
        return self.scale * getattr(rng, self.distribution)(size=shape)


def draws(tensors: Any, samples: tuple[int, ...]) -> Iterator[Draw]:
    """Ways to draw values for tensors, the cheapest and most telling first.

    Args:
        tensors: A structure of symbolic tensors.
        samples: The numbers of samples to try, where it is open.
    """
    is_open = any(None in x.shape[1:] for x in tree.flatten(tensors) if is_tensor(x))
    for size in OPEN_SIZES if is_open else OPEN_SIZES[:1]:
        for seed, number, distribution in product(range(3), samples, ("normal", "uniform")):
            yield Draw(size, distribution, number, seed)


def limits_of(graph: CallGraph) -> dict[int, Any]:
    """What the integer and text inputs of a network are drawn from.

    Whole numbers are bounded by the tables of embeddings that they reach; words are those that
    the network knows.

    Args:
        graph: The `CallGraph`.

    Returns:
        See `Draw.values`.
    """
    origins = {id(x): {id(x)} for x in tree.flatten(graph.inputs) if is_tensor(x)}
    limits: dict[int, Any] = {}
    for call in graph.calls:
        reached = [origins.get(id(x), set()) for x in call.inputs]
        for tensor, limit in _limits(call):
            for origin in origins.get(id(tensor), ()):
                limits[origin] = min(limits.get(origin, limit), limit, key=_extent)
        for tensor in tree.flatten(call.outputs):
            if not keras.backend.is_float_dtype(tensor.dtype):
                origins[id(tensor)] = set().union(*reached)
    return limits


def _limits(call: Call) -> list[tuple[keras.KerasTensor, Any]]:
    """What a call draws the values of tensors from, itself or by what is inside of it."""
    own = _limit(call.op)
    found = [] if own is None else [(x, own) for x in call.inputs]
    if isinstance(call.inside, CallGraph):
        inner = limits_of(call.inside)
        places = dict(zip(map(id, call.inside.inputs), call.inputs, strict=False))
        found += [(places[key], limit) for key, limit in inner.items() if key in places]
    return found


def _limit(op: keras.Operation) -> int | list | None:
    if isinstance(op, keras.layers.Embedding):
        return op.input_dim
    if hasattr(op, "get_vocabulary"):
        return op.get_vocabulary(include_special_tokens=False) or None
    return None


def _extent(limit: int | list) -> int:
    return limit if isinstance(limit, int) else len(limit)
