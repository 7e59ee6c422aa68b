"""Writes a model for inference, without overwriting anything."""

from pathlib import Path

import keras


def export_model(
    model: keras.Model, filepath: str | Path, format: str = "tf_saved_model", **kwargs
):
    """Exports a plain Keras model to a path where nothing is yet.

    Args:
        model: The model.
        filepath: Where to write: a folder for SavedModel, a file otherwise.
        format: Any format of `keras.Model.export`.
        **kwargs: See `keras.Model.export`.

    Raises:
        ValueError: If there is something at `filepath` already.
        ImportError: If the format needs a package that is not installed.
    """
    path = Path(filepath)
    if path.is_file() or (path.is_dir() and any(path.iterdir())):
        raise ValueError(f"{path} exists already and was left as it is. Export to another path.")
    model(model.input)  # Keras refuses to write some formats for a model that was never called.
    try:
        model.export(str(path), format=format, **{"verbose": False, **kwargs})
    except ImportError as error:
        extra = " Install it with: pip install 'keras-switcher[onnx]'." if format == "onnx" else ""
        raise ImportError(f"Export as '{format}' needs another package: {error}.{extra}") from error
