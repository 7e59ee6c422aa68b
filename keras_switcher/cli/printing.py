"""Printing: results on standard output, all else on standard error."""

import json
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from keras_switcher.latency.table import PICOSECONDS
from keras_switcher.pruning.costs import shown_cost

_SECONDS = 2.0
# No terminal: lines are for other programs, and stay whole.
_WIDE = 10_000
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
_COLORS = re.compile(r"\x1b\[[0-9;]*m")
# What Keras writes before and behind the sentence that says what is wrong.
_BEFORE = (
    r"Exception encountered when calling \S+\s",
    r"A total of \d+ objects? could not be loaded\. ",
)
_BEHIND = (
    "Full object config:",
    "Full config:",
    "Arguments received by ",
    "List of objects that could not",
)


def show_json(found: dict[str, Any]) -> None:
    """Prints a result as JSON.

    Args:
        found: The result.
    """
    print(json.dumps(found, indent=2))


def say(*results: object) -> None:
    """Prints results, a line each; a file cannot steer the terminal by names in it.

    Args:
        *results: The results.
    """
    for result in results:
        print(visible(str(result)))


def visible(text: str) -> str:
    """Text with control characters written out, but for new lines.

    Args:
        text: The text.

    Example:

    >>> print(visible("red: " + chr(27) + "[31m"))
    red: \\x1b[31m
    """
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], text)


def short(error: Exception) -> str:
    """What an error says, in one line: no configurations, frames and lists of arguments.

    Args:
        error: The error.

    Example:

    >>> short(ValueError("It is broken. Arguments received by Dense.call(): ..."))
    'It is broken.'
    """
    said = _COLORS.sub("", "\n".join((str(error), *getattr(error, "__notes__", ()))))
    said = said.rpartition("Exception encountered: ")[2]
    for before in _BEFORE:
        said = re.sub(before, "", said)
    for behind in _BEHIND:
        said = said.partition(behind)[0]
    return visible(" ".join(said.split())) or type(error).__name__


def show_table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Prints a table; numbers are aligned at the right, thousands separated.

    Args:
        header: Names of the columns.
        rows: The rows.
    """
    console = Console()
    if not console.is_terminal:
        console.width = _WIDE
    table = Table(box=None, pad_edge=False)
    for place, name in enumerate(header):
        is_number = all(isinstance(row[place], (int, float)) for row in rows)
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_written(value)) for value in row))
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        print(line.rstrip())


def show_change(name: str, before: float | None, after: float | None) -> None:
    """Prints a cost before and after, as a `Structure` does.

    Args:
        name: What is counted, or `"milliseconds"`.
        before: The number before; None where it is not known.
        after: The number after.
    """
    if before and after is not None:
        of, unit = ("latency", PICOSECONDS / 1000) if name == "milliseconds" else (name, 1)
        shown = [shown_cost(of, round(number * unit)) for number in (before, after)]
        print(f"{of}: {' -> '.join(shown)} ({1 - after / before:.2%} removed)")
    else:
        print(f"{name}: not known")


def complain(kind: str, message: str) -> None:
    """Prints a message on standard error.

    Args:
        kind: `"error"` or `"warning"`.
        message: The message.
    """
    color = "red" if kind == "error" else "yellow"
    text = Text.assemble((f"{kind}: ", f"bold {color}"), visible(message))
    Console(stderr=True, soft_wrap=True).print(text)


@contextmanager
def working(on: str | None) -> Iterator[None]:
    """A scope that says on standard error what takes its time, if it takes more than two seconds.

    Args:
        on: What is done, as `"Reading the network"`; None if that is said by itself.
    """
    if on is None:
        yield
        return
    console = Console(stderr=True)
    if console.is_terminal:
        with console.status(f"{on} ..."):
            yield
        return
    timer = threading.Timer(_SECONDS, lambda: console.print(f"{on} ...", markup=False))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _written(value: Any) -> str:
    if isinstance(value, (int, float)):
        return f"{value:,}"
    return visible(str(value)).replace("\n", r"\n")
