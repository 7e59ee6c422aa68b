"""write_report: one HTML file that needs no other."""

import importlib.resources
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras

from keras_switcher.atomic_files import atomic_write_text
from keras_switcher.model import SwitcherModel
from keras_switcher.pruning.costs import shown_cost
from keras_switcher.report.content import Content, of_pair, of_switcher_model
from keras_switcher.report.pictures import COLORS, bar, curves, pattern
from keras_switcher.structure_history import StructureHistory

_SAME = 1e-4


def write_report(
    model: keras.Model,
    filepath: str | Path,
    small: keras.Model | None = None,
    history: StructureHistory | Sequence[dict] = (),
    files: Sequence[dict[str, Any]] = (),
) -> None:
    """Writes what was learned and removed as one HTML file, with pictures, that needs no other.

    It tells costs before and after, how many channels of each group are kept, which factors they
    have, why the others stay, and how far both networks are apart on random inputs.

    Args:
        model: A trained `SwitcherModel`; or a network, with a smaller one.
        filepath: The file, which ends in `.html`. What is there is replaced.
        small: A smaller network that was made of `model`, by `prune` for example.
        history: A `StructureHistory`, or its `epochs`: then counts over the epochs are drawn.
        files: Rows of what else is known, as names of files and their milliseconds.

    Raises:
        ValueError: If there is neither a `SwitcherModel` nor a smaller network, or both; if the
            smaller one was not made of `model`; if `history` is not that of `model`; if rows of
            `files` have other names.
        ImportError: If jinja2 is not installed.

    Example:

    >>> import tempfile
    >>> import keras_switcher as ks
    >>> hidden, head = keras.layers.Dense(8, name="hidden"), keras.layers.Dense(2)
    >>> task = keras.Sequential([keras.Input((4,)), hidden, head])
    >>> model = ks.SwitcherModel(task, ks.switchers.FreeFactors("half_zeros", seed=0))
    >>> path = Path(tempfile.mkdtemp()) / "report.html"
    >>> ks.write_report(model, path)
    >>> "hidden" in path.read_text()
    True
    """
    path = Path(filepath)
    if path.suffix != ".html":
        raise ValueError(f"`filepath` must end in .html. Received: filepath={str(filepath)!r}.")
    template = _template()
    if isinstance(model, SwitcherModel) == (small is not None):
        raise ValueError(
            "Pass a trained SwitcherModel alone, or a network and the smaller one: "
            f"Received: model={type(model).__name__}, small={type(small).__name__}."
        )
    epochs = history.epochs if isinstance(history, StructureHistory) else history
    _check_rows("files", files)
    _check_rows("history", epochs)
    if small is None:
        content = of_switcher_model(model, list(epochs))
    elif epochs:
        raise ValueError("`history` is that of a SwitcherModel: a smaller network has none.")
    else:
        content = of_pair(model, small)
    content.files = list(files)
    atomic_write_text(path, template.render(**_told(content)))


def _check_rows(name: str, rows: Any) -> None:
    """Raises ValueError for what is no list of rows with the same names each."""
    are_rows = isinstance(rows, (list, tuple)) and all(isinstance(row, Mapping) for row in rows)
    if not are_rows or len({tuple(row) for row in rows}) > 1:
        raise ValueError(
            f"`{name}` must be a list of dicts with the same keys each. Received: {name}="
            f"{str(rows)[:200]}."
        )


def _told(content: Content) -> dict[str, Any]:
    """What the template is filled with."""
    # Here: this module is part of what the package's __init__ imports.
    from markupsafe import Markup

    from keras_switcher import __version__

    pictures = SimpleNamespace(
        bar=lambda *of: Markup(bar(*of)),
        pattern=lambda *of: Markup(pattern(*of)),
        curves=lambda *of: Markup(curves(*of)),
    )
    kept = sum(group.kept for group in content.groups)
    total = sum(group.total for group in content.groups)
    return {
        "content": content,
        "pictures": pictures,
        "colors": COLORS,
        "costs": [_cost(name, content) for name, before in content.before.items() if before],
        "summary": f"{kept:,} of {total:,} channels in {len(content.groups)} groups are kept.",
        "exactness": _exactness(content.difference),
        "made_by": f"Written by keras_switcher {__version__} with Keras {keras.__version__}.",
    }


def _cost(name: str, content: Content) -> dict[str, str]:
    before, after = content.before[name], content.after[name]
    written = [shown_cost(name, x) for x in (before, after)]
    removed = f"{1 - after / before:.1%}"
    return {"name": name, "before": written[0], "after": written[1], "removed": removed}


def _exactness(difference: float | None) -> str:
    if difference is None:
        return "The networks could not be compared on random inputs."
    found = f"{difference:.1e} of the largest output"
    if difference <= _SAME:
        return f"On random inputs both networks compute the same: they are {found} apart."
    return (
        f"On random inputs the networks are {found} apart: what was removed had an effect. Train "
        "the smaller one on."
    )


def _template() -> Any:
    try:
        import jinja2
    except ImportError as error:
        raise ImportError(
            "A report needs jinja2. Install it with: pip install 'keras-switcher[report]'."
        ) from error
    text = importlib.resources.files("keras_switcher.report").joinpath("report.html").read_text()
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(text)
