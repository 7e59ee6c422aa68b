"""report: what was learned and removed, as one HTML file."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

import keras_switcher as ks
from keras_switcher.cli.bench import times_of
from keras_switcher.cli.files import check_free, load
from keras_switcher.cli.networks import open_network, random_values
from keras_switcher.cli.options import ModelFile, Modules, Overwrite
from keras_switcher.cli.printing import say, working
from keras_switcher.report import write_report


def report(
    file: ModelFile,
    smaller: Annotated[
        Path | None, typer.Argument(help="The .keras file of a smaller one, made of it.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="The .html file to write.")] = Path(
        "report.html"
    ),
    history: Annotated[
        Path | None, typer.Option(help="A JSON file of the `epochs` of a StructureHistory.")
    ] = None,
    time: Annotated[
        bool, typer.Option("--time", help="Time the files, a sample at a time.")
    ] = False,
    modules: Modules = None,
    overwrite: Overwrite = False,
) -> None:
    """Write a report of a trained SwitcherModel, or of a model and a smaller one."""
    check_free(out, ".html", overwrite)
    model = load(file, modules)
    if (smaller is None) != isinstance(model, ks.SwitcherModel):
        raise ValueError(
            f"{file} holds a {type(model).__name__}: of a SwitcherModel, the smaller model is made "
            "here; of any other model, pass the .keras file of the smaller one, too."
        )
    small = None if smaller is None else load(smaller, modules)
    epochs = [] if history is None else _epochs(history)
    with working("Writing the report"), TemporaryDirectory() as folder:
        paths = [file, _compact(model, file, folder) if smaller is None else smaller]
        files = _files(paths, modules, time)
        write_report(model, out, small, epochs, files)
    say(f"{out} is written: open it in a browser.")


def _epochs(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise ValueError(
            f"{path} holds no history: {error}. Write one with json.dump(history.epochs, file)."
        ) from error


def _compact(model: ks.SwitcherModel, file: Path, folder: str) -> Path:
    """A file of the smaller model, beside which a SwitcherModel's own is shown."""
    path = Path(folder) / f"{file.stem} (compact).keras"
    model.compact().save(path)
    return path


def _files(paths: list[Path], modules: list[str] | None, time: bool) -> list[dict[str, Any]]:
    rows = [{"file": path.name, "bytes": f"{path.stat().st_size:,}"} for path in paths]
    if time:
        networks = [open_network(path, modules) for path in paths]
        found = times_of(networks, random_values(networks[0], 1))
        for row, times in zip(rows, found, strict=True):
            row["milliseconds (Keras, one sample)"] = f"{times['milliseconds']:.3g}"
            row["least to largest"] = f"{times['least']:.3g} to {times['largest']:.3g}"
    return rows
