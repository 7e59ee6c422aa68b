"""bench: the milliseconds of several files, side by side."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from keras import tree

from keras_switcher.cli.networks import Arrays, Network, inputs_of, open_network, ordered
from keras_switcher.cli.options import AsJson, Data, Modules, Scale
from keras_switcher.cli.printing import say, show_json, show_table, working
from keras_switcher.latency.timing import RUNS, SUFFIXES, calls_within, seconds_per_call

_SECONDS = 0.05


def bench(
    files: Annotated[
        list[Path],
        typer.Argument(help="Files: .keras, .tflite, .onnx, .xml (OpenVINO), SavedModel folders."),
    ],
    batch: Annotated[int, typer.Option(min=1, help="Samples at a time.")] = 1,
    threads: Annotated[int, typer.Option(min=1, help="Threads of LiteRT, ONNX, OpenVINO.")] = 1,
    rounds: Annotated[int, typer.Option(min=3, help="How often each file has its turn.")] = 15,
    data: Data = None,
    scale: Scale = 1.0,
    modules: Modules = None,
    as_json: AsJson = False,
) -> None:
    """Time files in turn, and compare each with the first: medians, with least and largest."""
    networks = [open_network(path, modules) for path in files]
    values = [np.resize(x, (batch, *x.shape[1:])) for x in inputs_of(networks, data, scale, batch)]
    with working("Timing"):
        rows = times_of(networks, values, threads, rounds)
    if as_json:
        show_json({"batch": batch, "threads": threads, "rounds": rounds, "files": rows})
        return
    header = ("file", "milliseconds", "least", "largest", "ratio", "least", "largest")
    say("ratio: times the first file, in the same round")
    show_table(header, [[row["file"], *(f"{row[name]:.4g}" for name in _NAMES)] for row in rows])


def times_of(
    networks: list[Network], values: Arrays, threads: int = 1, rounds: int = 15
) -> list[dict[str, Any]]:
    """Times networks in turn; a row for each, with medians, and ratios to the first one.

    Args:
        networks: The networks.
        values: What they are run on, in the order of the first one's inputs.
        threads: The number of threads of their runtimes.
        rounds: How often each has its turn.
    """
    runs = [_run_of(each, ordered(values, networks[0], each), threads) for each in networks]
    numbers = [calls_within(run, _SECONDS) for run in runs]
    passed = np.array(
        [
            [seconds_per_call(run, number) for run, number in zip(runs, numbers, strict=True)]
            for _ in range(rounds)
        ]
    )
    paths = [network.path for network in networks]
    return [_row(path, column, passed[:, 0]) for path, column in zip(paths, passed.T, strict=True)]


_NAMES = ("milliseconds", "least", "largest", "ratio", "ratio_least", "ratio_largest")


def _row(path: Path, seconds: np.ndarray, of_first: np.ndarray) -> dict[str, Any]:
    both = []
    for each in (1000 * seconds, seconds / of_first):
        both += [float(np.median(each)), float(each.min()), float(each.max())]
    return {"file": str(path), **dict(zip(_NAMES, both, strict=True))}


def _run_of(network: Network, values: Arrays, threads: int) -> Any:
    """What is timed: the bare call of a runtime where it has one."""
    network.run(values)  # What does not run is told with the file's name.
    formats = {suffix: format for format, suffix in SUFFIXES.items()}
    if network.model is not None:
        predict = network.model.predict_on_batch
        x = tree.pack_sequence_as(network.structure, values)
        return lambda: predict(x)
    if network.path.suffix in formats and network.path.is_file():
        named = dict(zip(network.names, values, strict=True))
        return RUNS[formats[network.path.suffix]](network.path, named, threads)
    return lambda: network.run(values)
