"""Probing: calls an unknown function on numbers to find out whether it is elementwise."""

from collections.abc import Callable, Iterator

import keras
import numpy as np
from keras import ops

from keras_switcher.graph.side_effects import backend_variables, restored
from keras_switcher.graph.variable_reads import captured_handles, reads_more_than_numbers
from keras_switcher.tensors import Shape, Tensor

# What a callable is tried on: what it makes of each of these must not depend on the others.
_NUMBERS = np.array([0, 1e-3, 0.1, 0.5, 1, 2, 3.7, 7, 30, 1e4, 1e8])
_NUMBERS = np.concatenate([_NUMBERS, -_NUMBERS[1:]])
READS_WEIGHTS = "it reads weights; make it a layer of its own"
_ASSIGNS = "it assigns to a variable"
_LARGEST = {"float16": 6e4}
_ROUNDING = {"float16": 1e-2, "bfloat16": 5e-2}
# Batches of which kinds of numbers: a largest, a smallest or a mean of all is another in each.
_SUBSETS = (
    lambda x: np.abs(x) < 1,
    lambda x: x.real > 0,
    lambda x: x.real < 0,
    lambda x: np.abs(x) < 100,
    lambda x: np.abs(x) > 100,
)


def why_not_elementwise(function: Callable, shape: Shape, dtype: str) -> str | None:
    """The reason why a callable is not elementwise, found by probing; None if it is.

    Numbers are tried alone and in batches with others: of all kinds, small ones only, only
    positive or negative ones, one large one among small ones, at other positions and in other
    shapes. Always the same must come of each. The callable runs some twenty times; what it assigns
    to variables that can be found is taken back.

    Args:
        function: The callable.
        shape: The shape of what it is called on, with the samples; None where a size is open.
        dtype: The type of what it is called on.
    """
    if dtype == "string":
        return "it reads text"
    with restored(backend_variables(function)) as changed:
        why = _why(_Probe(function, dtype), function, shape, dtype)
    return _ASSIGNS if why is None and changed else why


def _why(run: "_Probe", function: Callable, shape: Shape, dtype: str) -> str | None:
    table, rank = tried_numbers(dtype), len(shape)
    own = [size or 3 for size in shape[1:]]
    small = [min(size, 4) for size in own]
    rng = np.random.default_rng(0)
    try:
        column = table.reshape([-1] + [1] * (rank - 1))
        expected = run(column).reshape(len(table), -1)
        batch = rng.choice(table, size=[2, *small])
        if not np.array_equal(run(batch), run(batch), equal_nan=True):
            return "it draws at random, or remembers what it was called with"
        if reads_more_than_numbers(captured_handles(function, keras.KerasTensor(shape, dtype))):
            return READS_WEIGHTS
        for picked in _batches(table, own, small):
            if not run.agrees(table[picked], expected[picked]):
                at_each = run(np.broadcast_to(column, [len(table), *small]))
                first = at_each[(slice(None), *[slice(1)] * (rank - 1))]
                if np.allclose(at_each, first, equal_nan=True):
                    return "what it makes of one entry depends on others, or on their number"
                return "what it makes of an entry depends on its position"
    except _ProbeError as error:
        return str(error)
    return _ASSIGNS if run.assigns else None


def tried_numbers(dtype: str) -> np.ndarray:
    """Different numbers of a type, from small to large."""
    if dtype == "bool":
        return np.array([False, True])
    if "complex" in dtype:
        return _NUMBERS + 1j * np.roll(_NUMBERS, 1)
    if "int" in dtype:
        limits = np.iinfo(dtype)
        return np.unique(np.clip(_NUMBERS, limits.min, limits.max).astype(dtype))
    return _NUMBERS[np.abs(_NUMBERS) < _LARGEST.get(dtype, np.inf)]


def _batches(table: np.ndarray, own: list[int], small: list[int]) -> Iterator[np.ndarray]:
    """Which of the numbers lie where in the batches that are tried."""
    rng, every = np.random.default_rng(1), np.arange(len(table))
    narrower = [max(size - 1, 1) for size in small]  # Compact layers are, along whichever axis.
    for alone in every[::3]:
        yield alone.reshape([1] * (len(own) + 1))
    for shape in ([2, *small], [2, *narrower], [1, *own]):
        yield rng.integers(len(table), size=shape, dtype="uint8")
    for axis, size in enumerate(own, 1):  # Every number at every position along each axis.
        shape = [len(table)] + [1] * len(own)
        shape[axis] = size
        at_each = np.add.outer(every, np.arange(size)) % len(table)
        yield at_each.reshape(shape)
    kinds = [every[kind(table)] for kind in _SUBSETS]
    for number, kind in enumerate(filter(len, kinds)):
        yield rng.choice(kind, size=[2, *(narrower if number % 2 else small)])
    for changed in (np.argmax(table.real), np.argmin(table.real)):
        few = rng.choice(kinds[0], size=[2, *small])
        few.flat[rng.integers(few.size)] = changed
        yield few


class _ProbeError(Exception):
    """Says in words how a callable failed."""


class _Watch(keras.StatelessScope):
    """A scope in which no variable of Keras changes, and that notes which are read and assigned."""

    def __init__(self) -> None:
        super().__init__()
        self.weights: list[keras.Variable] = []
        self.assigns = False

    def get_current_value(self, variable: keras.Variable) -> Tensor:
        if len(variable.shape) and keras.backend.is_float_dtype(variable.dtype):
            self.weights.append(variable)
        return super().get_current_value(variable)

    def add_update(self, update: tuple[keras.Variable, Tensor]) -> None:
        self.assigns = True
        super().add_update(update)


class _Probe:
    """Runs a callable on arrays."""

    def __init__(self, function: Callable, dtype: str) -> None:
        self._function = function
        self._dtype = dtype
        self._watch = _Watch()  # One for all runs: what is drawn at random differs between them.

    @property
    def assigns(self) -> bool:
        """Whether the callable has assigned to a variable of Keras."""
        return self._watch.assigns

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """What the callable makes of an array: real and imaginary parts, along a last axis."""
        try:
            with np.errstate(all="ignore"), self._watch:
                made = self._function(ops.convert_to_tensor(x, self._dtype))
                made = ops.convert_to_numpy(made)
        except Exception as error:  # The user's code may raise anything: that is the reason then.
            if self.assigns:  # What was assigned in a graph is of no use in the next run.
                raise _ProbeError(_ASSIGNS) from error
            raised = f"it raised {type(error).__name__} when it was called on an input of shape"
            raise _ProbeError(f"{raised} {x.shape}: {str(error)[:200]}") from error
        if self._watch.weights:
            raise _ProbeError(READS_WEIGHTS)
        if made.shape != x.shape:
            raise _ProbeError(f"it makes {made.shape} of an input of shape {x.shape}")
        if made.dtype.kind in "OSU":
            raise _ProbeError("it makes text")
        self._rounding = max(_ROUNDING.get(d, 1e-5) for d in (self._dtype, str(made.dtype)))
        parts = (made.real, made.imag) if made.dtype.kind == "c" else (made,)
        return np.stack([np.float64(part) for part in parts], axis=-1)

    def agrees(self, x: np.ndarray, expected: np.ndarray) -> bool:
        """Whether the callable makes this of an array, but for rounding."""
        made = self(x)
        with np.errstate(all="ignore"):
            near = np.abs(made - expected) <= self._rounding * (
                np.abs(x)[..., None] + np.abs(expected)
            )
        return bool((near | (made == expected) | (np.isnan(made) & np.isnan(expected))).all())
