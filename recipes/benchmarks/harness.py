"""Benchmarks' common parts: a command line, rows, processes, masks, functions timed in turn."""

import argparse
import inspect
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import keras
import numpy as np
import pandas as pd

import keras_switcher as ks
from recipes.rows import digest, surroundings, write_rows


def run(measure: Callable[..., Iterator[dict]], about: str, choices: dict | None = None):
    """Runs a benchmark from the command line, prints its rows, and writes them if asked to.

    Each argument of `measure`, which yields rows, is an option; a tuple takes several values, of
    the choices by name if there are such. Rows are written as they come: a run that is ended early
    loses none.
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
        row = {n: float(f"{v:.4g}") if isinstance(v, float) else v for n, v in row.items()}
        print(", ".join(f"{name} {value}" for name, value in row.items()), flush=True)
        rows.append({**row, **surroundings()})
        if folder:
            name = f"{rows[0]['keras_switcher']}-{digest(rows[:1])}.json"
            write_rows(folder / name, *rows)


def in_own_process(function: Callable, *args):
    """What a function returns in a new process, which ends with it."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(function, *args).result()


def random_masks(model: keras.Model, removed: float = 0.5, seed: int = 0) -> dict[str, np.ndarray]:
    """Masks without a share of the channels of every prunable group, drawn at random.

    How long a network takes depends on how many channels there are, not on which.
    """
    random = np.random.default_rng(seed)
    groups = [group for group in ks.channel_groups(model) if group.prunable]
    return {g.name: random.permutation(g.size) >= min(removed * g.size, g.size - 1) for g in groups}


def timed_in_turn(
    runs: dict[str, Callable], repeats: int, calls: int = 1
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Times functions in turn, repeat after repeat; one more, which compiles, is not counted.

    Returns the seconds of a call that passed, and those of all processors: a row a repeat, a column
    a function. In a repeat each is called so many times.
    """
    passed, cpu = ({name: [] for name in runs} for _ in range(2))
    for _ in range(repeats + 1):
        for name, function in runs.items():
            start, cpu_start = time.perf_counter(), time.process_time()
            for _ in range(calls):
                function()
            passed[name].append((time.perf_counter() - start) / calls)
            cpu[name].append((time.process_time() - cpu_start) / calls)
    return pd.DataFrame(passed)[1:], pd.DataFrame(cpu)[1:]


def spread(ratios: pd.Series, name: str) -> dict[str, float]:
    """The median, least and largest ratio of all repeats, as fields of a row."""
    return {name: ratios.median(), f"{name}_min": ratios.min(), f"{name}_max": ratios.max()}


def power(sizes: Sequence[float], times: Sequence[float]) -> float | None:
    """The exponent with which times grow over sizes, 1 being linear; None of a single one."""
    if len(sizes) < 2:
        return None
    return np.polyfit(np.log(list(sizes)), np.log(list(times)), 1)[0]
