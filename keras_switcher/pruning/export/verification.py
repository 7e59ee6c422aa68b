"""Verification of exported files: each is run, and compared with the network that it stands for."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops, tree

from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.differences import difference
from keras_switcher.graph.random_inputs import Draw
from keras_switcher.graph.side_effects import variables_of_functions
from keras_switcher.pruning.export.exported_model import ExportedModel
from keras_switcher.pruning.export.names import input_names, output_names
from keras_switcher.pruning.verification.random_runs import RandomRuns
from keras_switcher.pruning.verification.tolerance import rounding_step, tolerance_of
from keras_switcher.user_warnings import warn_user

_ADVICE = (
    "Nothing was written. The guide 'Export' says which layers which format takes, and what to put "
    "in the place of others; another format may take the network as it is. verify=False writes the "
    "file without running it."
)


class Reference(NamedTuple):
    """What a file has to compute: a network under factors.

    Args:
        channel_graph: The network's `ChannelGraph`.
        factors: What scales its kernels, by name of group; none for the network as it is.
    """

    channel_graph: ChannelGraph
    factors: dict


class FileVerification:
    """Runs a file on random inputs, a few samples and a single one, and compares its outputs.

    Inputs are drawn as those of `Verification`. Outputs may differ by 1e-4 of the largest number
    in each, by more in half precision.

    Args:
        model: The model that was written.
        format: The file's format.
        reference: What it is compared with.
        input_signature: Specs of the inputs that the file takes, where it takes others than the
            network.
        samples: Batches of samples to compare on in the place of random inputs, in the order of
            the network's flattened inputs.
    """

    def __init__(
        self,
        model: keras.Model,
        format: str,
        reference: Reference,
        input_signature: Any = None,
        samples: list[np.ndarray] | None = None,
    ) -> None:
        self.format = format
        self._names = input_names(model), output_names(model, format)
        graph = reference.channel_graph.graph
        self._inputs = _like(graph.inputs, input_signature)
        self._tolerance = tolerance_of(rounding_step(graph))
        assignable = variables_of_functions([call.op for call in graph.calls])
        self._runs = RandomRuns(*reference, assignable, self._inputs)
        self._samples = samples

    def check(self, path: Path, exactly: bool = True) -> float | None:
        """Runs the file.

        Args:
            path: The file.
            exactly: Whether it must compute the same: a quantized one cannot.

        Returns:
            The largest difference, relative to the largest output; None where the network cannot
            be run on random inputs, or draws random numbers itself.

        Raises:
            ValueError: If the file does not run, or computes something else.
        """
        tolerance = self._tolerance if exactly else np.finfo("float64").max
        found = self._distance(path)
        # Many GPUs round float32 to the precision of float16; see `Verification`.
        if found is not None and not found <= tolerance:
            with keras.device("cpu:0"):
                found = self._distance(path)
        if found is None or found <= tolerance:
            return found
        what = f"its outputs differ by {found:.1e} of the largest"
        if np.isinf(found):
            what = "its outputs are not finite, or of another shape"
        raise ValueError(
            f"The file in the format '{self.format}' does not compute what the network does: "
            f"{what}. {_ADVICE}"
        )

    def _distance(self, path: Path) -> float | None:
        distances = []
        file = self._opened(path)
        for inputs, expected in self._batches():
            actual = self._run(file, inputs)
            distances.append(
                difference(expected, actual) if len(actual) == len(expected) else np.inf
            )
            if distances[-1] > self._tolerance and self._is_random(inputs):
                _warn("draws numbers at random in inference, too")
                return None
        return max(distances, default=None)

    def _batches(self) -> Iterator[tuple[Any, list[np.ndarray]]]:
        """Inputs, and what the network makes of them."""
        if self._samples is not None:
            flat = iter([ops.convert_to_tensor(array) for array in self._samples])
            inputs = tree.map_structure(lambda _: next(flat), self._inputs)
            yield inputs, self._runs.run(inputs)
            return
        draw, inputs, expected = self._runs.first()
        if draw is None or expected is None:
            _warn("does not run on random inputs")
            return
        if any(x.dtype.kind in "fc" and np.isnan(x).any() for x in expected):
            warn_user(
                "The network returns NaN on random inputs: look at its weights before using "
                "the file."
            )
        yield inputs, expected
        if draw.samples > 1:
            single = self._runs.drawn(_single(draw))
            yield single, self._runs.run(single)

    def _opened(self, path: Path) -> ExportedModel:
        return self._told(lambda: ExportedModel(path, self.format))

    def _run(self, file: ExportedModel, inputs: Any) -> list[np.ndarray]:
        """The outputs of a file in the order of the network's flattened ones."""
        own_inputs, own_outputs = self._names
        values = [ops.convert_to_numpy(value) for value in tree.flatten(inputs)]
        named = dict(zip(_matched(own_inputs, file.inputs), values, strict=True))
        given = {name: named[name] for name in file.inputs}
        made = self._told(lambda: file(given))
        made = made if isinstance(made, dict) else {file.outputs[0]: made}
        return [made[name] for name in _matched(own_outputs, file.outputs)]

    def _told(self, run: Callable) -> Any:
        try:
            return run()
        except ImportError:
            raise
        except Exception as error:  # Each runtime has errors of its own.
            raise ValueError(
                f"The file in the format '{self.format}' does not run: {error} {_ADVICE}"
            ) from error

    def _is_random(self, inputs: Any) -> bool:
        return difference(*self._runs.run_twice(inputs)) > self._tolerance


def _warn(why: str) -> None:
    warn_user(
        f"The exported file could not be compared with the network, which {why}. "
        "Compare their outputs on inputs of your own, with keras_switcher.ExportedModel."
    )


def _like(tensors: Any, input_signature: Any) -> Any:
    """Symbolic tensors in the structure of a network's inputs, of the shapes of a signature."""
    if input_signature is None:
        return tensors
    flat, specs = tree.flatten(tensors), tree.flatten(input_signature)
    if len(flat) != len(specs):
        raise ValueError(
            f"`input_signature` must have a spec for each of the {len(flat)} inputs. "
            f"Received: input_signature={input_signature}."
        )
    made = {
        id(x): keras.KerasTensor(tuple(spec.shape), keras.backend.standardize_dtype(spec.dtype))
        for x, spec in zip(flat, specs, strict=True)
    }
    return tree.map_structure(lambda x: made[id(x)], tensors)


def _single(draw: Draw) -> Draw:
    return replace(draw, samples=1, seed=draw.seed + 1)


def _matched(own: list[str], of_file: list[str]) -> list[str]:
    """The names of a file in the order of the network's: in its own order where they differ.

    An input that the network does not read may be missing in a file.
    """
    return own if set(of_file) <= set(own) else of_file
