"""The application: its commands, and what becomes of errors and warnings."""

import re
import warnings
from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any

import typer

from keras_switcher.cli.bench import bench
from keras_switcher.cli.compact import compact
from keras_switcher.cli.export import export
from keras_switcher.cli.inspect import inspect
from keras_switcher.cli.printing import complain
from keras_switcher.cli.prune import prune
from keras_switcher.cli.report import report
from keras_switcher.cli.verify import verify

COMMANDS = (inspect, prune, compact, verify, export, bench, report)

app = typer.Typer(
    help="Prunes Keras networks that were saved as .keras files, and checks and measures the "
    "results. Files are loaded in Keras's safe mode: no code that they bring is run.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for command in COMMANDS:
    app.command()(command)

# What errors call an argument of Python's, and which of them are options.
_OF_PYTHON = re.compile("`([a-z_]+)`")
_OPTIONS = {name for command in COMMANDS for name in signature(command).parameters}


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; errors become a line on standard error.

    Args:
        arguments: The command's name and its arguments; by default those of the process.

    Returns:
        The exit code: 0; 1 where what was asked for does not hold, as outputs that differ; 2
        where it could not be tried: wrong arguments, or files that cannot be used.
    """
    with warnings.catch_warnings():
        warnings.showwarning = _shown_once()
        try:
            app(arguments and list(arguments))
        except SystemExit as end:  # So it ends, whatever became of it.
            return int(end.code or 0)
        # Whatever a file makes Keras or a backend say: a user wants its words, not our frames.
        except Exception as error:
            complain("error", _words(error))
            return 2
    return 0


def _words(error: Exception) -> str:
    """What an error says; for those of Python's own that say little, what it is, too."""
    said = "\n".join((str(error), *getattr(error, "__notes__", ())))
    lines = "\n".join(line.rstrip() for line in said.splitlines() if line.strip())
    bare = isinstance(error, (LookupError, TypeError, AttributeError)) or not lines
    return f"{type(error).__name__}: {lines}" if bare else _OF_PYTHON.sub(_as_option, lines)


def _as_option(argument: re.Match) -> str:
    """An argument of the functions behind a command, as `round_to`, as its option."""
    name = argument[1]
    return f"--{name.replace('_', '-')}" if name in _OPTIONS else argument[0]


def _shown_once() -> Callable[..., None]:
    """What shows a warning; models that are loaded or copied again would repeat theirs."""
    shown = set()

    def show(message: Warning | str, category: type[Warning], *args: Any, **kwargs: Any) -> None:
        if issubclass(category, UserWarning) and str(message) not in shown:
            shown.add(str(message))
            complain("warning", str(message))

    return show
