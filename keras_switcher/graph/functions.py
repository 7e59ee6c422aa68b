"""Functions: what a Python function encloses, and which globals it reads."""

import dis
import types
from collections.abc import Iterator
from typing import Any


def cells_of(function: types.FunctionType) -> tuple[types.CellType, ...]:
    """The variables that a function encloses.

    Args:
        function: The function.
    """
    return function.__closure__ or ()


def is_empty(cell: types.CellType) -> bool:
    """Whether a variable that a function encloses has no value yet.

    Args:
        cell: See `cells_of`.
    """
    try:
        return cell.cell_contents is cell
    except ValueError:
        return True


def held_by_function(function: types.FunctionType) -> list:
    """What a function holds itself: what it encloses, its defaults and its attributes.

    Args:
        function: The function.
    """
    enclosed = [cell.cell_contents for cell in cells_of(function) if not is_empty(cell)]
    return [function.__defaults__, function.__kwdefaults__, function.__dict__, *enclosed]


def codes_of(function: types.FunctionType) -> Iterator[types.CodeType]:
    """The code of a function, and that of the functions and classes within it.

    Args:
        function: The function.
    """
    codes = [function.__code__]
    while codes:
        code = codes.pop()
        yield code
        codes += [part for part in code.co_consts if isinstance(part, types.CodeType)]


def globals_read(code: types.CodeType, names: dict[str, Any]) -> dict[str, Any]:
    """The globals that code reads, by name.

    Args:
        code: See `codes_of`.
        names: The globals of its function.
    """
    found = {}
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME") and step.argval in names:
            found[step.argval] = names[step.argval]
    return found
