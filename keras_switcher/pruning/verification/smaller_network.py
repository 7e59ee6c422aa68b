"""Compares a smaller network with the one that it was made from, on random batches."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from keras_switcher.graph.call import is_tensor
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.differences import arrays, difference
from keras_switcher.pruning.verification.random_runs import RandomRuns
from keras_switcher.pruning.verification.tolerance import rounding_step, tolerance_of
from keras_switcher.user_warnings import warn_user

# Two networks may differ by this many times as much as one moves when its numbers are rounded.
_MARGIN = 16
_ADVICE = (
    "Either the rule for a layer of your own is wrong, or a layer keeps what its weights do not "
    "tell (a Normalization whose weights were set needs finalize_state()), or this is an error of "
    "keras_switcher: please report it with the network. Nothing was written; verify=False returns "
    "the smaller network as it is."
)


def check_verify(verify: bool) -> None:
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
    numbers lie within the tables of embeddings that they reach. Nothing is changed by it. Where a
    network has functions that nobody knows, further samples are run one by one, of larger and
    smaller numbers: a function of all entries may hide its dependence in a batch.

    Outputs may differ by 1e-4 of the largest number in each. In half precision they may by 16
    steps of that precision (1.6 % for float16, 12.5 % for bfloat16): each layer rounds to the
    nearest step, and a smaller one adds up in another order. Some networks make much of rounding
    alone. So where a difference is larger, the gated network is run once more, its inputs and
    weights moved at random by one step of the precision; the difference is an error only if it is
    16 times as large as what that does to the outputs.

    Args:
        channel_graph: The `ChannelGraph` of the network that the smaller one was made from.
        factors: What scales that network's kernels: vectors by name of channel group, matrices by
            name of connection group.
        assignable: See `RandomRuns`.
    """

    def __init__(self, channel_graph: ChannelGraph, factors: dict, assignable: list) -> None:
        self.graph = channel_graph.graph
        self._runs = RandomRuns(channel_graph, factors, assignable)
        self._step = rounding_step(self.graph)
        self._tolerance = tolerance_of(self._step)

    def check(self, small: keras.Model, made: dict, kept_along: Callable) -> None:
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
        # Many GPUs round float32 to the precision of float16. Backends name their devices
        # differently, or not at all: where there is none it fails once more, in the same words.
        if problem:
            with keras.device("cpu:0"):
                problem = self._problem(small, made, kept_along)
        if problem:
            raise ValueError(f"{problem} {_ADVICE}")

    def _problem(self, small: keras.Model, made: dict, kept_along: Callable) -> str | None:
        """How a smaller network differs, in words, or None."""
        draw, *first = self._runs.first()
        if draw is None:
            _warn(f"'{self.graph.name}' does not run on random inputs")
            return None
        for inputs, expected in (first, *self._runs.more(draw)):
            try:
                actual = self._runs.run_small(small, inputs)
            # Where a network is wrong, its backend says so in words and types of its own.
            except Exception as error:
                return f"The smaller network does not run where '{self.graph.name}' does: {error}"
            distance = difference(expected, actual)
            if distance <= self._tolerance:
                continue
            if self._is_random(inputs):
                _warn(f"'{self.graph.name}' draws numbers at random in inference, too")
                return None
            if distance > _MARGIN * self._moved(inputs, expected):
                return (
                    f"The smaller network does not compute what '{self.graph.name}' does with "
                    f"these factors: on random inputs the outputs differ by {distance:.1e} of the "
                    f"largest, {self._first_difference(inputs, small, made, kept_along)}."
                )
        return None

    def _moved(self, inputs: Any, expected: list[np.ndarray]) -> float:
        """How far the outputs move when inputs and weights are rounded to other neighbours."""
        rng = np.random.default_rng(0)

        def moved(value: Any) -> Any:
            if not keras.backend.is_float_dtype(keras.backend.standardize_dtype(value.dtype)):
                return value
            noise = 1 + self._step * rng.uniform(-1, 1, value.shape)
            # As arrays: JAX computes in float64 only if it is told so when it starts.
            return ops.convert_to_tensor(ops.convert_to_numpy(value) * noise, value.dtype)

        return difference(expected, self._runs.run(inputs, moved))

    def _is_random(self, inputs: Any) -> bool:
        """Whether the network's outputs differ from run to run."""
        return difference(*self._runs.run_twice(inputs)) > self._tolerance

    def _first_difference(
        self, inputs: Any, small: keras.Model, made: dict, kept_along: Callable
    ) -> str:
        """Where a smaller network begins to differ, in words."""
        seen = self._runs.results(inputs)
        places = []
        for call in self.graph.calls:
            trios = zip(
                *(tree.flatten(x) for x in (call.outputs, seen[id(call)], made[id(call)])),
                strict=True,
            )
            places += [(call, *trio) for trio in trios if is_tensor(trio[-1])]
        probe = keras.Model(small.inputs, [new for *_, new in places])
        found = self._runs.run_small(probe, tree.flatten(inputs))
        for (call, old, value, _), actual in zip(places, found, strict=True):
            (expected,) = arrays([value])
            for axis, kept in kept_along(old).items():
                expected = np.compress(kept, expected, axis=axis)
            if difference([expected], [actual]) > self._tolerance:
                return f"and they differ from '{call.name}' (of type {type(call.op).__name__}) on"
        return "although no call differs in the channels that are kept"


def _warn(why: str) -> None:
    warn_user(
        f"The smaller network could not be compared with the one that it was made from: {why}. "
        "Compare their outputs on inputs of your own; verify=False leaves this out."
    )
