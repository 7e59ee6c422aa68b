"""compact: the smaller, plain model of a trained SwitcherModel."""

from typing import Annotated

import typer

import keras_switcher as ks
from keras_switcher.cli.files import check_free, load, save
from keras_switcher.cli.options import (
    AsJson,
    ModelFile,
    Modules,
    Of,
    Out,
    Overwrite,
    RoundTo,
    share,
)
from keras_switcher.cli.printing import say, show_json, working


def compact(
    file: ModelFile,
    out: Out,
    keep: Annotated[
        float | None,
        typer.Option(help="Keep the strongest up to this share, instead of what was learned."),
    ] = None,
    of: Of = "weights",
    round_to: RoundTo = 1,
    modules: Modules = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Write the smaller, plain model that a trained SwitcherModel stands for."""
    check_free(out, ".keras", overwrite)
    budget = None if keep is None else share(keep, of)
    model = load(file, modules)
    if not isinstance(model, ks.SwitcherModel):
        raise ValueError(f"{file} holds no SwitcherModel: nothing was learned. Use prune.")
    structure = model.structure(budget=budget)
    with working("Building the smaller model"):
        small = model.compact(round_to=round_to, budget=budget)
    save(small, out)
    if as_json:
        show_json({"out": str(out), **structure.to_dict()})
        return
    say(structure)
    say(f"{out} is written: same outputs, and it loads without this package.")
