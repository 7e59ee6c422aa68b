"""Rows of results: a number comes with its seed, versions, hardware and command."""

import csv
import os
import platform
from collections.abc import Sequence
from pathlib import Path

import keras
import tensorflow as tf

import keras_switcher
from recipes.files import drop_half_line

FIELDS = (
    "recipe",
    "seed",
    "switcher",
    "start",
    "alternation",
    "budget",
    "epochs",
    "measured_on",
    "dense_accuracy",
    "switched_accuracy",
    "compact_accuracy",
    "weights_removed",
    "macs_removed",
    "widths",
    "max_relative_difference",
    "keras",
    "tensorflow",
    "keras_switcher",
    "hardware",
    "dense_seconds",
    "switched_seconds",
    "seconds",
    "command",
)


def surroundings() -> dict:
    """Versions and hardware."""
    return {
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "keras_switcher": keras_switcher.__version__,
        "hardware": _hardware(),
    }


def check_csv(path: Path, fields: Sequence[str] = FIELDS):
    """Makes sure that rows with these fields can be appended to a file.

    Raises:
        ValueError: If it has other columns.
    """
    if not path.exists() or path.stat().st_size == 0:
        return
    with path.open(newline="") as file:
        header = tuple(next(csv.reader(file)))
    if header != tuple(fields):
        raise ValueError(
            f"{path} has other columns than this recipe's rows, and was left as it is. "
            f"Choose another --csv.\n  in the file: {','.join(header)}\n"
            f"  in the row:  {','.join(fields)}"
        )


def append_row(path: Path, row: dict, fields: Sequence[str] = FIELDS):
    """Appends a row to a CSV file, with a header if the file is new; drops a half-written line.

    Raises:
        ValueError: If the file has other columns.
    """
    check_csv(path, fields)
    drop_half_line(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, fields, extrasaction="ignore", lineterminator="\n")
        if file.tell() == 0:
            writer.writeheader()
        writer.writerow(row)


def _hardware():
    """Processors and accelerators, without the name of the machine."""
    name = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    devices = [
        tf.config.experimental.get_device_details(device).get("device_name", "GPU")
        for device in tf.config.list_physical_devices("GPU")
    ]
    return ", ".join([f"{name} ({os.cpu_count()} cores)", *devices])
