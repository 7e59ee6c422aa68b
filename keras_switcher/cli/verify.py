"""verify: whether two files compute the same, whatever their formats."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from keras_switcher.cli.networks import (
    Arrays,
    Network,
    inputs_of,
    open_network,
    ordered,
    outputs_ordered,
)
from keras_switcher.cli.options import AsJson, Data, Modules, Scale
from keras_switcher.cli.printing import say, show_json, working
from keras_switcher.graph.differences import difference
from keras_switcher.graph.tracing import trace
from keras_switcher.pruning.verification.tolerance import TOLERANCE, rounding_step, tolerance_of

NetworkFile = Annotated[
    Path,
    typer.Argument(help=".keras, .tflite, .onnx, .xml (OpenVINO), or a SavedModel's folder."),
]


def verify(
    first: NetworkFile,
    second: NetworkFile,
    data: Data = None,
    scale: Scale = 1.0,
    tolerance: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="How far outputs may differ, as a share of the largest one: by default 1e-4, "
            "and more in half precision.",
        ),
    ] = None,
    modules: Modules = None,
    as_json: AsJson = False,
) -> None:
    """Compare the outputs of two files on random inputs or on data; exit code 1 if they differ."""
    networks = [open_network(path, modules) for path in (first, second)]
    values = inputs_of(networks, data, scale)
    with working("Comparing"):
        outputs = [network.run(ordered(values, networks[0], network)) for network in networks]
    found = _distance(outputs_ordered(outputs[0], *networks), outputs[1])
    tolerance = _tolerance(networks) if tolerance is None else tolerance
    equal = found <= tolerance
    if as_json:
        # JSON has no word for infinity.
        shown = found if np.isfinite(found) else None
        show_json({"equal": equal, "difference": shown, "tolerance": tolerance})
    elif np.isfinite(found):
        says = "compute the same" if equal else "differ"
        limit = "" if equal else f", and --tolerance is {tolerance:.1e}"
        say(f"{first} and {second} {says}: by {found:.1e} of the largest output{limit}.")
    else:
        say(f"{first} and {second} differ: outputs of other shapes, or not finite.")
    if not equal:
        raise typer.Exit(1)


def _tolerance(networks: list[Network]) -> float:
    """What rounding may do: that of the coarsest numbers that one of them computes with."""
    tasks = [network.task for network in networks if network.task is not None]
    return max((tolerance_of(rounding_step(trace(task))) for task in tasks), default=TOLERANCE)


def _distance(first: Arrays, second: Arrays) -> float:
    if [x.shape for x in first] != [x.shape for x in second] or not _are_finite(first):
        return float("inf")
    return difference(first, second)


def _are_finite(outputs: Arrays) -> bool:
    """Whether all outputs are numbers: two networks that return none compute nothing alike."""
    return all(x.dtype.kind not in "fcV" or bool(np.isfinite(x).all()) for x in outputs)
