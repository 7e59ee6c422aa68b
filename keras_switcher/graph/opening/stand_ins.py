"""Stand-ins: cheap functions in the places of layers that two runs have in common.

A layer that both call on the same tensors returns the same in both. What it returns need not be
computed: random numbers that depend on all that it is called on tell as well whether it is.
"""

import inspect
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import layers, ops, tree
from keras.src.backend.common import global_state  # Private: no other record of `training`.

from keras_switcher.graph.equations import with_known_sizes
from keras_switcher.graph.opening.held import attributes_set
from keras_switcher.graph.opening.hidden_value import HiddenValue
from keras_switcher.graph.opening.plain_values import is_value
from keras_switcher.graph.sublayers import with_sublayers

_DROPOUTS = (
    *(layers.Dropout, layers.SpatialDropout1D, layers.SpatialDropout2D, layers.SpatialDropout3D),
    *(layers.GaussianDropout, layers.GaussianNoise),
)
# Layers of which it is known on what they depend, and that may return any real number.
_KINDS = (
    *_DROPOUTS,
    *(layers.Dense, layers.EinsumDense, layers.BatchNormalization, layers.LayerNormalization),
    *(layers.GroupNormalization, layers.RMSNormalization, layers.Conv1D, layers.Conv2D),
    *(layers.Conv3D, layers.DepthwiseConv1D, layers.DepthwiseConv2D, layers.SeparableConv1D),
    *(layers.SeparableConv2D, layers.Conv1DTranspose, layers.Conv2DTranspose),
)
_PROJECTIONS = 4
# Of a length that no tensor's axes have for a period.
_NUMBERS = np.random.default_rng(0).normal(size=65521).astype("float32")


def may_stand_in(op: keras.Operation) -> bool:
    """Whether a layer may have a stand-in wherever it is called: one of Keras that is known.

    Args:
        op: The layer.
    """
    return type(op) in _KINDS


def depends_on_training(op: layers.Layer) -> bool:
    """Whether a layer may do something else in training.

    Args:
        op: The layer.
    """
    takes_it = "training" in inspect.signature(type(op).call).parameters
    is_other = (*_DROPOUTS, layers.BatchNormalization)
    return takes_it and (not may_stand_in(op) or isinstance(op, is_other))


class StandIns:
    """Stand-ins for some layers, the same in all runs.

    Args:
        held: The layers: those that `may_stand_in`, and others.
        kinds: What the others are, by `id`: a kind, all of which return tensors of the same
            shapes, and whether they do something else in training.
        known: By kind and shapes of tensors that are read the tensors that are returned; it grows.

    Attributes:
        is_left_out: Whether any that depends on `training` was told a value that is not hidden.
    """

    def __init__(
        self, held: list[layers.Layer], kinds: Mapping[int, tuple[Hashable, bool]], known: dict
    ) -> None:
        self._held = held
        self._kinds = kinds
        self._known = known
        self._depends = [
            kinds[id(op)][1] if id(op) in kinds else depends_on_training(op) for op in held
        ]
        self._counted = [_has_state(op) for op in held]
        self.is_left_out = False
        self._functions: dict[int, Callable] = {}
        self._own: dict[Any, keras.KerasTensor] = {}

    @contextmanager
    def placed(self) -> Iterator[Counter]:
        """A scope in which they stand in the places of the layers.

        Yields:
            A counter of the calls of those that have a state, in training and not: it grows.
        """
        counts: Counter = Counter()
        self.is_left_out = False
        places = enumerate(self._held)
        functions = [(op, partial(self._call, op, op.call, n, counts)) for n, op in places]
        self._functions = {id(op): function for op, function in functions}
        with ExitStack() as stack:
            for op, function in functions:
                stack.enter_context(attributes_set(op, call=function))
            yield counts

    def instead_of(self, op: keras.Operation, given: tuple) -> Callable | None:
        """The function in the place of a layer of Keras that would not cast what it is called on.

        Args:
            op: The layer, or an operation.
            given: What it is called on.
        """
        function = self._functions.get(id(op)) if may_stand_in(op) else None
        is_cast = any(getattr(x, "dtype", None) != "float32" for x in tree.flatten(given))
        return None if function is None or is_cast or op.compute_dtype != "float32" else function

    def _call(
        self,
        op: layers.Layer,
        call: Callable,
        place: int,
        counts: Counter,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        training = self._training(place, kwargs.get("training"))
        if self._counted[place]:
            counts[place, training] += 1
        given = [x for x in tree.flatten((args, kwargs)) if hasattr(x, "shape")]
        try:
            values = [ops.convert_to_numpy(x) for x in given]
        # Within a loop that the backend runs, say, there are no numbers.
        except Exception:
            return call(*args, **kwargs)
        others = {name: x for name, x in kwargs.items() if name != "training"}
        told = [x for x in tree.flatten((args, others)) if isinstance(x, (int, float))]
        numbers = _projected(values) + training + sum(told)
        made = self._returned(op, call, given, args, kwargs)
        flat = [_spread(numbers, x, 31 * place + at) for at, x in enumerate(tree.flatten(made))]
        outputs = tree.pack_sequence_as(made, flat)
        is_active = may_stand_in(op) and getattr(op, "activation", None) is not None
        return op.activation(outputs) if is_active else outputs

    def _training(self, place: int, told: bool | HiddenValue | None) -> bool:
        """Whether a layer that depends on it is in training."""
        if not self._depends[place]:
            return False
        # Keras notes what a call goes by, also if its call() does not take it.
        around = global_state.get_global_attribute("current_call_ctx")
        self.is_left_out |= not isinstance(getattr(around, "training", None), HiddenValue)
        return told.value if isinstance(told, HiddenValue) else bool(told)

    def learn(self, kind: Hashable, given: Any, outputs: Any) -> None:
        """Notes what a layer of a kind returns.

        Args:
            kind: The kind.
            given: What it was called on.
            outputs: What it returned.
        """
        shapes = tuple(tuple(x.shape) for x in tree.flatten(given) if hasattr(x, "shape"))
        self._known[kind, shapes] = tree.map_structure(_symbol, outputs)

    def _returned(
        self, op: layers.Layer, call: Callable, given: list, args: tuple, kwargs: dict
    ) -> Any:
        """Symbolic tensors, or None, like what a layer returns."""
        is_box = id(op) in self._kinds
        shapes = tuple(tuple(x.shape) for x in given)
        key = self._kinds[id(op)][0] if is_box else id(op), shapes
        known = self._known if is_box else self._own
        if key in known:
            return known[key]
        if is_box:
            # Whatever it assigns to its variables, it is not to be seen in this run.
            with keras.StatelessScope(collect_losses=True):
                made = tree.map_structure(_symbol, call(*args, **kwargs))
        else:
            read = keras.KerasTensor(given[0].shape, op.compute_dtype)
            if isinstance(op, layers.EinsumDense):
                made = with_known_sizes(op, read)
            else:
                made = keras.KerasTensor(op.compute_output_shape(read.shape), read.dtype)
        known[key] = made
        return made


def _has_state(op: layers.Layer) -> bool:
    """Whether calls of a layer change its variables, as statistics and random seeds."""
    # Private: `non_trainable_variables` has all of those of a frozen layer.
    parts = with_sublayers(op)
    return any(part._non_trainable_variables or part._seed_generators for part in parts)


def _symbol(x: Any) -> Any:
    if is_value(x):
        return x
    return keras.KerasTensor(x.shape, keras.backend.standardize_dtype(x.dtype))


def _projected(values: list[np.ndarray]) -> np.ndarray:
    """A few numbers to which each entry of arrays, its place and its size matter."""
    total = np.zeros(_PROJECTIONS)
    for place, each in enumerate(values):
        flat = np.asarray(each, "float32").ravel()
        norm = float(np.linalg.norm(flat))
        if not np.isfinite(norm):
            flat = np.nan_to_num(flat)
            norm = float(np.linalg.norm(flat))
        table = _table(flat.size + 64 * (len(values) + _PROJECTIONS))
        for row in range(_PROJECTIONS):
            first = 64 * (place + row)
            along = table[first : first + flat.size] @ flat
            total[row] += along / norm if norm else 0.0
        total[-1] += np.log1p(norm)
    return total


def _spread(numbers: np.ndarray, x: Any, place: int) -> Any:
    """A tensor of as many random numbers as asked for, that depend on a few."""
    if is_value(x):
        return x
    size = int(np.prod(x.shape))
    table = _table(size + place + 4096 * _PROJECTIONS)
    made = np.zeros(size, "float32")
    for row, number in enumerate(numbers):
        made += np.float32(number) * table[place + 4096 * row : place + 4096 * row + size]
    if keras.backend.is_float_dtype(x.dtype):
        return ops.convert_to_tensor(made.reshape(x.shape), x.dtype)
    return ops.convert_to_tensor((made > 0).reshape(x.shape), x.dtype)


def _table(size: int) -> np.ndarray:
    return _NUMBERS if size <= _NUMBERS.size else np.resize(_NUMBERS, size)
