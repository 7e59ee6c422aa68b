"""Rows of results: JSON files that are written whole, each with versions and hardware."""

import hashlib
import importlib
import json
import os
import platform
import re
from pathlib import Path

import keras

from keras_switcher.atomic_files import atomic_write_text

RESULTS = Path(__file__).parent / "results"


def surroundings() -> dict:
    """Versions and hardware."""
    modules = ("keras", keras.backend.backend(), "keras_switcher")
    versions = {name: importlib.import_module(name).__version__ for name in modules}
    return {**versions, "hardware": _hardware()}


def slug(name: str) -> str:
    """A name as one of a file or folder."""
    return re.sub(r"[^\w.]+", "-", name).strip("-")


def of_backend(name: str, backend: str | None = None) -> str:
    """A file or folder of results: each backend but TensorFlow has its own; by default this one."""
    backend = backend or keras.backend.backend()
    return name if backend == "tensorflow" else f"{name}-{backend}"


def write_rows(path: Path, *rows: dict):
    """Writes a file with one row, a field a line, or with a list of rows, a row a line.

    At any moment the file is the old one, the new one, or not there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if len(rows) == 1:
        fields = (f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in rows[0].items())
        atomic_write_text(path, "{\n" + ",\n".join(fields) + "\n}\n")
    else:
        atomic_write_text(
            path, "[\n" + ",\n".join(f"  {json.dumps(row)}" for row in rows) + "\n]\n"
        )


def read_rows(folder: Path, pattern: str = "*.json") -> list[dict]:
    """All rows of a folder's files, by their names; raises ValueError if one does not hold rows."""
    found = []
    for path in sorted(folder.glob(pattern)):
        try:
            content = json.loads(path.read_text())
        except ValueError as error:
            raise ValueError(f"{path} is damaged: {error}. Restore or delete it.") from error
        found += content if isinstance(content, list) else [content]
    return found


def accelerators() -> list[str]:
    """The names of the accelerators that the backend computes on."""
    backend = importlib.import_module(keras.backend.backend())
    if keras.backend.backend() == "jax":
        return [device.device_kind for device in backend.devices() if device.platform != "cpu"]
    if keras.backend.backend() == "torch":
        return [backend.cuda.get_device_name(n) for n in range(backend.cuda.device_count())]
    devices = backend.config.list_physical_devices("GPU")
    details = map(backend.config.experimental.get_device_details, devices)
    return [detail.get("device_name", "GPU") for detail in details]


def _hardware():
    """Processors and accelerators, without the name of the machine."""
    information, name = Path("/proc/cpuinfo"), platform.processor() or platform.machine()
    if information.exists():
        found = re.search(r"^model name\s*:\s*(.*)$", information.read_text(), re.MULTILINE)
        name = found.group(1).strip() if found else name
    return ", ".join([f"{name} ({os.cpu_count()} cores)", *accelerators()])


def digest(value: object) -> str:
    """A few digits that stand for a value of JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:8]
