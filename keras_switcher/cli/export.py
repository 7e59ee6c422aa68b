"""export: a file for another runtime, run and compared before it is kept."""

from pathlib import Path
from typing import Annotated, Any

import typer

import keras_switcher as ks
from keras_switcher.cli.data import as_taken, load_data
from keras_switcher.cli.files import load, task_of
from keras_switcher.cli.options import AsJson, Data, ModelFile, Modules, Scale
from keras_switcher.cli.printing import say, show_json, working
from keras_switcher.pruning.export.quantization import KINDS

# How a file's name ends, by which the other commands tell its format.
_FORMATS = {"litert": ".tflite", "onnx": ".onnx", "openvino": ".xml", "saved_model": ""}


def export(
    file: ModelFile,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="What to write: only an empty folder may be there.")
    ],
    format: Annotated[str, typer.Option(help=f"One of {', '.join(_FORMATS)}.")] = "litert",
    quantize: Annotated[str | None, typer.Option(help=f"For LiteRT: {', '.join(KINDS)}.")] = None,
    int8: Annotated[bool, typer.Option("--int8", help="The same as --quantize int8.")] = False,
    data: Data = None,
    scale: Scale = 1.0,
    verify: Annotated[bool, typer.Option(help="Run the file and compare it.")] = True,
    modules: Modules = None,
    as_json: AsJson = False,
) -> None:
    """Write a model in another format, compacted, run and compared before it is kept."""
    if format not in _FORMATS:
        raise ValueError(f"--format must be one of {', '.join(_FORMATS)}. Received: {format}.")
    if _FORMATS[format] and out.suffix != _FORMATS[format]:
        raise ValueError(f"--out must end in {_FORMATS[format]} for {format}. Received: {out}.")
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise ValueError(f"{out} exists and was left as it is. Pass another --out.")
    if int8 and quantize not in (None, "int8"):
        raise ValueError(f"--int8 is --quantize int8. Received: --quantize {quantize}, too.")
    quantize = "int8" if int8 else quantize
    if quantize not in (None, *KINDS):
        raise ValueError(f"--quantize must be one of {', '.join(KINDS)}. Received: {quantize}.")
    if quantize and format != "litert":
        raise ValueError(f"--quantize and --int8 are for --format litert. Received: {format}.")
    if (quantize == "int8") != (data is not None):
        raise ValueError(
            "--int8, or --quantize int8, needs --data, samples that tell the ranges of all values; "
            "nothing else does."
        )
    model = load(file, modules)
    samples = None
    if data is not None:
        samples = as_taken(load_data(data, task_of(model), scale)[0], task_of(model))
    settings: dict[str, Any] = {
        "format": "tf_saved_model" if format == "saved_model" else format,
        "verify": verify,
        "quantize": quantize,
        "representative": samples,
        "verbose": False,
    }
    with working(f"Writing {out.name}"):
        if isinstance(model, ks.SwitcherModel):
            report = model.export(out, **settings)
        else:
            report = ks.export_model(model, out, **settings)
    if as_json:
        written = ("format", "precision", "quantize", "size", "difference")
        show_json({"out": str(out), **{name: getattr(report, name) for name in written}})
    else:
        say(report)
