"""Traced training steps: one for each setting, since they take long to trace."""

from collections.abc import Callable, Hashable


class TracedSteps:
    """Keeps a function for each of the settings that have been its model's.

    Training that goes back and forth between settings, by whole epochs say, traces each once. An
    object and not a dict: Keras would track the contents of a dict as parts of the model.
    """

    def __init__(self) -> None:
        self._functions: dict[Hashable, Callable] = {}

    def get(self, settings: Hashable, make: Callable) -> Callable:
        """The function for these settings, which `make()` returns if there is none yet."""
        if settings not in self._functions:
            self._functions[settings] = make()
        return self._functions[settings]
