"""Loading: formats of files, and weights that stay what they were where it fails."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
from keras import ops

from keras_switcher.training.resuming.training_state import all_variables

MODEL_FORMAT = 1


def check_format(version: Any) -> None:
    """Raises for a model that this version of the package does not read.

    Args:
        version: The format that its file names.

    Raises:
        ValueError: If it is that of a newer version, or of none.
    """
    if type(version) is not int or version < 1:  # True is no format, though it equals 1.
        raise ValueError(
            f"A model's format is a whole number from 1 on. Received: format={version!r}. The file "
            "was not written by keras_switcher, or was changed since."
        )
    if version > MODEL_FORMAT:
        raise ValueError(
            f"This model was saved in format {version}; this version of keras_switcher reads "
            f"{MODEL_FORMAT}. Install a newer one."
        )


@contextmanager
def unchanged_on_failure(model: keras.Model, filepath: str | Path) -> Iterator[None]:
    """A context in which weights are loaded: if that fails, all variables are what they were.

    Args:
        model: The model, its optimizers included.
        filepath: The file, for the error.

    Raises:
        ValueError: If loading raises one: the file holds the weights of another network.
    """
    variables = all_variables(model)
    before = [ops.convert_to_numpy(variable) for variable in variables]
    try:
        yield
    except Exception as error:  # Whatever it is goes on, once the weights are back.
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)
        if isinstance(error, ValueError):
            raise ValueError(
                f"{filepath} does not hold weights of '{model.name}', which were left as they "
                f"were: {error}"
            ) from error
        raise
