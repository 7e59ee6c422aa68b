"""Printing: results on standard output, all else on standard error."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_SECONDS = 2.0


def show_json(found: dict[str, Any]) -> None:
    """Prints a result as JSON.

    Args:
        found: The result.
    """
    print(json.dumps(found, indent=2))


def show_table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Prints a table; numbers are aligned at the right, thousands separated.

    Args:
        header: Names of the columns.
        rows: The rows.
    """
    table = Table(box=None, pad_edge=False)
    for place, name in enumerate(header):
        is_number = all(isinstance(row[place], (int, float)) for row in rows)
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_written(value)) for value in row))
    Console().print(table)


def show_change(name: str, before: int | None, after: int | None) -> None:
    """Prints a count before and after.

    Args:
        name: What is counted.
        before: The count before; None where it is not known.
        after: The count after.
    """
    if before and after is not None:
        print(f"{name}: {before:,} -> {after:,} ({1 - after / before:.2%} removed)")
    else:
        print(f"{name}: not known")


def complain(kind: str, message: str) -> None:
    """Prints a message on standard error.

    Args:
        kind: `"error"` or `"warning"`.
        message: The message.
    """
    color = "red" if kind == "error" else "yellow"
    text = Text.assemble((f"{kind}: ", f"bold {color}"), message)
    Console(stderr=True, soft_wrap=True).print(text)


@contextmanager
def working(on: str) -> Iterator[None]:
    """A scope that says on standard error what takes its time, if it takes more than two seconds.

    Args:
        on: What is done, as `"Reading the network"`.
    """
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
    return f"{value:,}" if isinstance(value, (int, float)) else str(value)
