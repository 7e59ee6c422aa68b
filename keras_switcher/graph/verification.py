"""Compares a smaller network with the one that it was made from, on a random batch."""

import warnings
from math import prod

import keras
import numpy as np
from keras import ops, tree

from keras_switcher.graph.anatomy import Anatomy
from keras_switcher.graph.random_inputs import draws, limits_of
from keras_switcher.graph.tensors import is_tensor
from keras_switcher.layers.gated import scaled

TOLERANCE = 1e-4
# How many roundings of half precision may add up in the outputs.
_ROUNDINGS = 16
# Two networks may differ by this many times as much as one moves when its numbers are rounded.
_MARGIN = 16
# A batch has so many samples, as long as no layer makes more than so many numbers of them.
_SAMPLES, _NUMBERS = 16, 2**16
_ADVICE = (
    "Either the rule for a layer of your own is wrong, or a layer keeps what its weights do not "
    "tell (a Normalization whose weights were set needs finalize_state()), or this is an error of "
    "keras_switcher: please report it with the network. Nothing was written; verify=False returns "
    "the smaller network as it is."
)


def check_verify(verify: bool):
    """Raises ValueError unless `verify` is True or False."""
    if not isinstance(verify, bool):
        raise ValueError(
            "`verify` says whether the smaller network is compared with the one that it was made "
            f"from: True or False. Received: verify={verify!r}."
        )


class Verification:
    """Compares a smaller network with the gated one on one random batch, in inference.

    A batch is one sample, or a few where that costs nothing: in a small network, a single one may
    find most rectifiers off. Open sizes are the smallest with which the network runs, whole
    numbers lie within the tables of embeddings that they reach. Nothing is changed by it.

    Outputs may differ by 1e-4 of the largest number in each. In half precision they may by 16
    steps of that precision (1.6 % for float16, 12.5 % for bfloat16): each layer rounds to the
    nearest step, and a smaller one adds up in another order. Some networks make much of rounding
    alone. So where a difference is larger, the gated network is run once more, its inputs and
    weights moved at random by one step of the precision; the difference is an error only if it is
    16 times as large as what that does to the outputs.

    Args:
        anatomy: The `Anatomy` of the network that the smaller one was made from.
        factors: What scales that network's kernels: vectors by name of channel group, matrices by
            name of connection group.
    """

    def __init__(self, anatomy: Anatomy, factors: dict):
        self.graph = anatomy.graph
        self._scales = {}
        for edge in anatomy.edges:  # A layer that is called twice has one edge for each call.
            if (scale := edge.scales(factors, np)) is not None:
                self._scales[id(edge.kernel), edge.kernel_axis] = edge, scale
        calls = self.graph.calls
        tensors = [x for call in calls for x in tree.flatten(call.outputs) if is_tensor(x)]
        policies = [getattr(call.op, "compute_dtype", None) for call in calls]
        self._step = max(map(_step, [*policies, *(x.dtype for x in tensors)]), default=0)
        largest = max((prod(n or 1 for n in x.shape[1:]) for x in tensors), default=1)
        few = min(_SAMPLES, max(1, _NUMBERS // max(largest, 1)))
        self._samples = (few, 1) if few > 1 else (1,)

    def check(self, small: keras.Model, made: dict, kept_along):
        """Raises an error if a smaller network computes something else.

        Args:
            small: The smaller network.
            made: Maps `id`s of calls to what they have become in the smaller network: structures
                of symbolic tensors, or of arrays where they make constants.
            kept_along: Maps a tensor of the network to boolean vectors by axis: what is kept.

        Raises:
            ValueError: If an output differs. The first call that differs is named.
        """
        problem = self._problem(small, made, kept_along)
        if problem and keras.distribution.list_devices("gpu"):
            with keras.device("cpu:0"):  # Many GPUs round float32 to the precision of float16.
                problem = self._problem(small, made, kept_along)
        if problem:
            raise ValueError(f"{problem} {_ADVICE}")

    def _problem(self, small, made, kept_along):
        """How a smaller network differs, in words, or None."""
        inputs, expected = self._first_run()
        if inputs is None:
            return _warn(f"'{self.graph.name}' does not run on random inputs")
        try:
            actual = _outputs_of(small, inputs)
        # Where a network is wrong, its backend says so in words and types of its own.
        except Exception as error:
            return f"The smaller network does not run where '{self.graph.name}' does: {error}"
        difference = _difference(expected, actual)
        if difference <= self._tolerance:
            return None
        if self._is_random(inputs):
            return _warn(f"'{self.graph.name}' draws numbers at random in inference, too")
        if difference <= _MARGIN * self._moved(inputs, expected):
            return None
        return (
            f"The smaller network does not compute what '{self.graph.name}' does with these "
            f"factors: on random inputs the outputs differ by {difference:.1e} of the largest, "
            f"{self._first_difference(inputs, small, made, kept_along)}."
        )

    @property
    def _tolerance(self):
        return max(TOLERANCE, _ROUNDINGS * self._step if self._step > 1e-6 else 0)

    def _first_run(self):
        """The first random inputs on which the network runs, and its outputs on them.

        Those on which an output is not finite, zero throughout, or the same for all samples, are
        taken only if there are no others.
        """
        limits, found = limits_of(self.graph), (None, None)
        for draw in draws(self.graph.inputs, self._samples):
            inputs = draw.values(self.graph.inputs, limits)
            try:
                self._check_sizes(draw)
                outputs = self._outputs(inputs)
            # Sizes that are too small fail in the words of each layer and backend.
            except Exception:
                continue
            if all(values.size for values in outputs):
                if all(map(_is_telling, outputs)):
                    return inputs, outputs
                found = found if found[0] is not None else (inputs, outputs)
        return found

    def _check_sizes(self, draw):
        """Raises an error if sizes that were open are too small: not every backend would notice."""
        if all(None not in x.shape[1:] for x in tree.flatten(self.graph.inputs)):
            return

        def visit(call, args, kwargs):
            outputs = call.op.compute_output_spec(*args, **kwargs)
            if any(0 in x.shape for x in tree.flatten(outputs) if is_tensor(x)):
                raise ValueError(f"Nothing is left for '{call.name}' to compute.")
            return outputs

        self.graph.replay(draw.shapes(self.graph.inputs), visit)

    def _outputs(self, inputs):
        with self._scope():
            return self._run(inputs)

    def _run(self, inputs, seen: dict | None = None):
        """The network's outputs; what its calls return is put into `seen`."""

        def visit(call, args, kwargs):
            if "training" in getattr(call.op, "_call_context_args", ()):
                kwargs = {**kwargs, "training": False}  # As Keras does in predict().
            outputs = call.op(*args, **kwargs)
            if seen is not None:
                seen[id(call)] = outputs
            return outputs

        return _arrays(self.graph.replay(inputs, visit))

    def _scope(self, moved=lambda value: value, variables=()):
        """A scope in which kernels are scaled and nothing that is assigned lasts."""
        values = {id(variable): (variable, moved(variable.value)) for variable in variables}
        for edge, scale in self._scales.values():
            _, kernel = values.get(id(edge.kernel), (None, edge.kernel))
            values[id(edge.kernel)] = edge.kernel, scaled(kernel, scale, edge.kernel_axis)
        return keras.StatelessScope(list(values.values()), collect_losses=True)

    def _moved(self, inputs, expected):
        """How far the outputs move when inputs and weights move by a step of their precision."""
        rng = np.random.default_rng(0)

        def moved(value):
            if not keras.backend.is_float_dtype(keras.backend.standardize_dtype(value.dtype)):
                return value
            noise = 1 + self._step * rng.uniform(-1, 1, value.shape)
            return ops.cast(ops.cast(value, "float64") * noise, value.dtype)

        ops_of_graph = {id(call.op): call.op for call in self.graph.calls}.values()
        variables = [v for op in ops_of_graph for v in getattr(op, "variables", ())]
        with self._scope(moved, variables):
            return _difference(expected, self._run(tree.map_structure(moved, inputs)))

    def _is_random(self, inputs):
        """Whether the network's outputs differ from run to run."""
        with self._scope():  # Generators of random numbers go on within it.
            return _difference(self._run(inputs), self._run(inputs)) > self._tolerance

    def _first_difference(self, inputs, small, made, kept_along):
        """Where a smaller network begins to differ, in words."""
        seen = {}
        with self._scope():
            self._run(inputs, seen)
        places = []
        for call in self.graph.calls:
            trios = zip(
                *(tree.flatten(x) for x in (call.outputs, seen[id(call)], made[id(call)])),
                strict=True,
            )
            places += [(call, *trio) for trio in trios if is_tensor(trio[-1])]
        probe = keras.Model(small.inputs, [new for *_, new in places])
        found = _outputs_of(probe, tree.flatten(inputs))
        for (call, old, value, _), actual in zip(places, found, strict=True):
            (expected,) = _arrays([value])
            for axis, kept in kept_along(old).items():
                expected = np.compress(kept, expected, axis=axis)
            if _difference([expected], [actual]) > self._tolerance:
                return f"and they differ from '{call.name}' (of type {type(call.op).__name__}) on"
        return "although no call differs in the channels that are kept"


def _outputs_of(small, inputs):
    with keras.StatelessScope(collect_losses=True):
        return _arrays(small(inputs, training=False))


def _arrays(outputs):
    return [ops.convert_to_numpy(values) for values in tree.flatten(outputs)]


def _is_telling(values):
    """Whether outputs say something of the inputs: a last ReLU may be dead on all of them."""
    if values.dtype.kind not in "fcV":
        return True
    varies = values.ndim == 0 or len(values) < 2 or bool((values != values[:1]).any())
    return varies and bool(np.isfinite(values).all() and values.any())


def _step(dtype):
    """The relative distance of numbers of a precision; 0 for what is no real number."""
    if dtype is None or not keras.backend.is_float_dtype(dtype):
        return 0
    return {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float64": 2.0**-52}.get(dtype, 2.0**-23)


def _difference(expected, actual):
    """The largest difference of outputs, each relative to the largest number among its own."""
    return max(map(_difference_of_one, expected, actual), default=0.0)


def _difference_of_one(a, b):
    if a.shape != b.shape:
        return np.inf
    if a.dtype.kind not in "biufcV":
        return 0.0 if np.array_equal(a, b) else np.inf
    a, b = a.astype("float64"), b.astype("float64")
    differing = ~((a == b) | (np.isnan(a) & np.isnan(b)))
    if not differing.any():
        return 0.0
    largest = max(np.abs(x[np.isfinite(x)]).max(initial=0) for x in (a, b))
    difference = np.abs(a - b)[differing].max() / largest if largest else np.inf
    return np.inf if np.isnan(difference) else float(difference)


def _warn(why):
    warnings.warn(
        f"The smaller network could not be compared with the one that it was made from: {why}. "
        "Compare their outputs on inputs of your own; verify=False leaves this out.",
        stacklevel=7,
    )
