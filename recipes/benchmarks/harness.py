"""Benchmarks' common parts: a command line, rows, processes, and functions timed in turn."""

import argparse
import inspect
import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median
from typing import NamedTuple

from recipes.rows import digest, surroundings, write_rows


def run(measure: Callable[..., Iterator[dict]], about: str, choices: dict | None = None):
    """Runs a benchmark from the command line, prints its rows, and writes them if asked to.

    Args:
        measure: Yields rows. Each of its arguments is an option; a tuple takes several values.
        about: What the help says.
        choices: Values that options may have, by name.
    """
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=about, formatter_class=formatter)
    for name, parameter in inspect.signature(measure).parameters.items():
        default, option = parameter.default, {"choices": (choices or {}).get(name)}
        if isinstance(default, tuple):
            option["nargs"] = "+"
        option["type"] = type(default[0] if isinstance(default, tuple) else default)
        flag = "--" + name.replace("_", "-")
        parser.add_argument(flag, default=default, help="default: %(default)s", **option)
    parser.add_argument("--rows", type=Path, help="folder where the rows are written, as one file")
    options = vars(parser.parse_args())
    folder, rows = options.pop("rows"), []
    for row in measure(**options):
        print(", ".join(f"{name} {value}" for name, value in row.items()), flush=True)
        rows.append({**row, **surroundings()})
    if folder:
        write_rows(folder / f"{rows[0]['keras_switcher']}-{digest(rows)}.json", *rows)


def in_own_process(function: Callable, *args):
    """What a function returns in a new process, which ends with it."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(function, *args).result()


class Times(NamedTuple):
    """Milliseconds of each repeat by name: those that passed, and those of all processors."""

    passed: dict[str, list[float]]
    cpu: dict[str, list[float]]

    def median(self, name: str) -> float:
        """The median over the repeats."""
        return median(self.passed[name])

    def spread(self, name: str, to: str) -> tuple[float, float, float]:
        """The median, least and largest ratio."""
        ratios = self.ratios(name, to)
        return tuple(round(of(ratios), 3) for of in (median, min, max))

    def ratios(self, name: str, to: str, cpu: bool = False) -> list[float]:
        """How many times the other's time it took, repeat by repeat."""
        times = self.cpu if cpu else self.passed
        return [a / b for a, b in zip(times[name], times[to], strict=True)]


def timed_in_turn(runs: dict[str, Callable], repeats: int, calls: int = 1) -> Times:
    """Times functions in turn, repeat after repeat; one more, which compiles, is not counted.

    Args:
        runs: The functions by name.
        repeats: Number of repeats.
        calls: Calls of each function in a repeat; a time is that of one.
    """
    passed, cpu = ({name: [] for name in runs} for _ in range(2))
    for repeat in range(repeats + 1):
        for name, function in runs.items():
            start, cpu_start = time.perf_counter(), time.process_time()
            for _ in range(calls):
                function()
            if repeat:
                passed[name].append(1000 * (time.perf_counter() - start) / calls)
                cpu[name].append(1000 * (time.process_time() - cpu_start) / calls)
    return Times(passed, cpu)
