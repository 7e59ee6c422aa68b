"""Options: arguments that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

import keras_switcher as ks
from keras_switcher.graph.kernel import COSTS

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
RoundTo = Annotated[int, typer.Option(help="Each group keeps a multiple of this number, or all.")]
Keep = Annotated[float, typer.Option(help="The share to keep, within (0, 1).")]
Of = Annotated[str, typer.Option(help="Of what: weights or macs.")]
Data = Annotated[
    Path | None,
    typer.Option(
        help="Samples: .npz with x and y, .npy, or a folder with one of images for each class."
    ),
]
Scale = Annotated[float, typer.Option(help="What pixels of images, 0 to 255, are multiplied with.")]


def share(keep: float, of: str) -> ks.Budget:
    """The budget that options ask for.

    Args:
        keep: The share to keep.
        of: Of what.

    Raises:
        ValueError: If there is none of these.
    """
    if of not in COSTS:
        raise ValueError(
            f"--of must be one of {', '.join(COSTS)}. Received: {of}. Budgets of latency are for "
            "Python, see the guide 'Budgets'."
        )
    if not 0 < keep < 1:
        raise ValueError(f"--keep must be a share between 0 and 1. Received: {keep}.")
    return ks.Budget(keep, of=of)
