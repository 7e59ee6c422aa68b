"""Options: arguments that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

ModelFile = Annotated[Path, typer.Argument(help="A model, saved as a .keras file.")]
Out = Annotated[Path, typer.Option("--out", "-o", help="The .keras file to write.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what exists there.")]
Modules = Annotated[
    list[str] | None,
    typer.Option(
        "--import",
        metavar="MODULE",
        help="A module that registers layers of the file, from this folder or installed. Its code "
        "is run. May be repeated.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
RoundTo = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Each group keeps a multiple of this number, or all. By default 1; with --of latency, "
        "what is as fast as narrower layers.",
    ),
]
Keep = Annotated[float, typer.Option(help="The share to keep, within (0, 1).")]
Of = Annotated[
    str,
    typer.Option(help="Of what: weights, macs, or latency: layers are timed on this machine."),
]
TimedFormat = Annotated[
    str | None,
    typer.Option("--format", help="For --of latency: litert (by default), onnx or openvino."),
]
TimedThreads = Annotated[
    int | None,
    typer.Option("--threads", min=1, help="For --of latency: its threads, by default 1."),
]
Cache = Annotated[
    Path | None, typer.Option(help="For --of latency: a file that keeps what was timed.")
]
Data = Annotated[
    Path | None,
    typer.Option(
        help="Samples: .npz with x and y, .npy, or a folder with one of images for each class."
    ),
]
Scale = Annotated[
    float, typer.Option(help="What samples, as pixels from 0 to 255, are multiplied with.")
]
