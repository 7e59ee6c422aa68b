"""Methods of a trial, by name: each trains a network and says what it removed.

A file of this package registers its own: a new method or rival is such a file, and a line in
`recipes/studies/lines.toml` that names it.
"""

import importlib
import pkgutil
from collections.abc import Callable

METHODS: dict[str, Callable] = {}


def method(name: str) -> Callable:
    """Registers a function that takes a `Trial` and returns its `Outcome` under a name.

    Raises ValueError if another method has the name: rows would be those of the wrong one.
    """

    def register(function):
        if name in METHODS:
            raise ValueError(f"There is a method called {name!r} already: choose another name.")
        METHODS[name] = function
        return function

    return register


for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
