"""Benchmarks' common parts: a command line, rows, processes, masks, functions timed in turn."""

import argparse
import importlib.metadata
import inspect
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
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
    parser = _parser(measure, about, choices)
    parser.add_argument("--rows", type=Path, help="folder where the rows are written, as one file")
    options = vars(parser.parse_args())
    folder, rows = options.pop("rows"), []
    for row in measure(**options):
        rows.append({**_shown(row), **surroundings()})
        if folder:
            name = f"{rows[0]['keras_switcher']}-{digest(rows[:1])}.json"
            write_rows(folder / name, *rows)


def run_each(
    measure: Callable[..., dict],
    about: str,
    names: Sequence[str],
    choices: dict | None = None,
    shown: Sequence[str] | None = None,
    packages: Sequence[str] = (),
):
    """Runs a benchmark of networks from the command line, each in a process, and prints its rows.

    `measure` returns the row of a name; its other arguments are options, as those of `run`. Each
    row is a file, if they are written, with the versions of packages; networks that have one are
    skipped.
    """
    parser = _parser(measure, about, choices)
    parser.add_argument("--only", nargs="+", default=names, choices=names, metavar="NAME")
    parser.add_argument("--rows", type=Path, help="folder where each row is written, as a file")
    parser.add_argument("--again", action="store_true", help="measure networks that have rows, too")
    options = vars(parser.parse_args())
    only, folder, again = (options.pop(name) for name in ("only", "rows", "again"))
    for name in only:
        path = folder / f"{name}.json" if folder else None
        if path and path.exists() and not again:
            print(f"{name} has a row: {path}", flush=True)
            continue
        row = _shown(in_own_process(partial(measure, **options), name), shown)
        if path:
            versions = {package: importlib.metadata.version(package) for package in packages}
            write_rows(path, {**row, **versions, **surroundings()})


def _parser(measure, about, choices):
    """A parser with an option for each argument of a function that has a default."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=about, formatter_class=formatter)
    for name, parameter in inspect.signature(measure).parameters.items():
        default, option = parameter.default, {"choices": (choices or {}).get(name)}
        if default is inspect.Parameter.empty:
            continue
        if isinstance(default, tuple):
            option["nargs"] = "+"
        option["type"] = type(default[0] if isinstance(default, tuple) else default)
        flag = "--" + name.replace("_", "-")
        parser.add_argument(flag, default=default, help="default: %(default)s", **option)
    return parser


def _shown(row, fields=None):
    """A row with numbers of four digits, whose fields, or these of them, are printed."""
    row = {n: float(f"{v:.4g}") if isinstance(v, float) else v for n, v in row.items()}
    fields = row if fields is None else fields
    print(", ".join(f"{name} {row.get(name, '-')}" for name in fields), flush=True)
    return row


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
