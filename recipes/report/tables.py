"""Tables of studies as Markdown: a method beside its baselines, budgets, starts, searches."""

from collections.abc import Iterable
from math import sqrt

import pandas as pd
from scipy.stats import t

from recipes.report.statistics import Rows, Spread, signed
from recipes.studies.baselines import Lines
from recipes.studies.starts import PAIRS
from recipes.trials.experiment import Experiment
from recipes.trials.versions import BUDGETS_CHANGED

FIRST_VERSION = "0.1.0"


def markdown(rows: Iterable[dict], columns: Iterable[str] | None = None) -> str:
    """A table of texts, one dict a line; what a line lacks is left empty."""
    frame = pd.DataFrame(list(rows), columns=columns).fillna("")
    return frame.to_markdown(index=False, disable_numparse=True)


def compared(rows: Rows, lines: Lines, published: tuple = (), connections: bool = False) -> str:
    """A line per experiment, compared with the first.

    Args:
        rows: The rows that are shown.
        lines: Experiments by what a line says; those without rows, or with few, say so.
        published: Lines that others have published: label, accuracy, widths, weights removed.
        connections: Whether it is about single connections.
    """
    removed = "connections cut, %" if connections else "weights removed, %"
    widths = "left, by layer, seed 0" if connections else "widths, seed 0"
    first, table = next(iter(lines.values())).name, []
    for label, experiment in lines.items():
        name, accuracy = experiment.name, rows.spread(experiment.name)
        line = {"": label, "accuracy, %": "not run", "n": f"0 of {experiment.seeds}"}
        if accuracy:
            planned = f" of {experiment.seeds}" if accuracy.n < experiment.seeds else ""
            line |= {"accuracy, %": accuracy.text(100), "n": f"{accuracy.n}{planned}"}
            line["version"] = rows.versions(name)
            line["minus first line"] = "" if name == first else signed(rows.difference(name, first))
            line[removed] = rows.spread(name, "weights_removed").text(100, 1)
            line["MACs removed, %"] = rows.spread(name, "macs_removed").text(100, 1)
            line[widths] = rows.rows.get((name, 0), {}).get("widths", "")
        table.append(line)
    for label, accuracy, width, weights in published:
        found = {"": f"*{label}*", "accuracy, %": accuracy, removed: weights, widths: width}
        table.append(found)
    columns = ["", "accuracy, %", "n", "version", "minus first line", removed, widths]
    if not connections:
        columns.insert(-1, "MACs removed, %")
    return markdown(table, columns)


def budgets(rows: Rows, experiments: list[Experiment]) -> str:
    """What was asked for and what was kept, of all that was trained with a budget."""
    table = []
    for experiment in experiments:
        if kept := _kept(rows, experiment):
            shown = {"kept, %": Spread.of(kept).text(100)}
            table.append(_budget(experiment, kept, shown))
            table[-1]["version"] = rows.versions(experiment.name)
    return markdown(table)


def budgets_since(by_version: dict, experiments: list[Experiment]) -> str:
    """What budgets kept since they changed, with the accuracy before on the same seeds."""
    now, before = (Rows(by_version.get(v, {})) for v in (BUDGETS_CHANGED, FIRST_VERSION))
    table = []
    for experiment in experiments:
        if kept := _kept(now, experiment):
            shown = {"kept, %": f"{100 * min(kept):.2f} to {100 * max(kept):.2f}"}
            found, then = (r.values(experiment.name) for r in (now, before))
            beside = Spread.of(then[seed] for seed in found if seed in then)
            line = _budget(experiment, kept, shown)
            line["accuracy, %"] = Spread.of(found.values()).text(100)
            line[FIRST_VERSION] = beside.text(100) if beside else ""
            table.append(line)
    return markdown(table) if table else "Not run."


def _kept(rows, experiment):
    if experiment.method != "switched" or experiment.settings.budget is None:
        return []
    removed = rows.values(experiment.name, f"{experiment.settings.budget_of}_removed")
    return [1 - share for share in removed.values()]


def _budget(experiment, kept, shown):
    asked = experiment.settings.budget
    farthest = round(100 * max(abs(share - asked) for share in kept), 2)
    return {
        "experiment": experiment.name,
        "of": experiment.settings.budget_of,
        "asked for, %": f"{100 * asked:.1f}",
        **shown,
        "largest distance, points": f"**{farthest:.2f}**" if farthest > 1 else f"{farthest:.2f}",
        "n": str(len(kept)),
    }


def starts(rows: Rows) -> str:
    """Factors from one beside factors from near one: paired differences with their interval."""
    table = []
    for task, pair in PAIRS.items():
        one, near_one = pair["one"].name, pair["near_one"].name
        line, found = {"network": task, "from one": "not run"}, rows.difference(one, near_one)
        if found:
            line["from one"], line["from near one"] = (
                rows.spread(name).text(100) for name in (one, near_one)
            )
            line["one minus near one"] = f"{100 * found.mean:+.3f}"
            line["95 % interval"] = _interval(found)
            line |= {"n": str(found.n), "version": rows.versions(one, near_one)}
        table.append(line)
    columns = ("from one", "from near one", "one minus near one", "95 % interval", "n", "version")
    return markdown(table, ["network", *columns])


def _interval(found):
    """Student's: the differences of few seeds."""
    if found.n < 2:
        return ""
    half = t.ppf(0.975, found.n - 1) * found.std / sqrt(found.n)
    return f"{100 * (found.mean - half):+.3f} to {100 * (found.mean + half):+.3f}"


def searched(rows: Rows, experiments: list[Experiment]) -> str:
    """What a study on a validation split has found."""
    return tried(
        {**row, "tried": e.name, "version": rows.versions(e.name)}
        for e in experiments
        for row in rows.of(e.name)
    )


def tried(rows: Iterable[dict]) -> str:
    """A line for each setting and number of epochs, of rows with a field `tried`."""
    table = []
    for (name, epochs), same in pd.DataFrame(list(rows)).groupby(["tried", "epochs"], sort=False):
        accuracy, loss, removed = (
            Spread.of(same[field].tolist()) for field in ("accuracy", "loss", "weights_removed")
        )
        line = {"setting": name, "epochs": str(epochs), "accuracy, %": accuracy.text(100)}
        line |= {"loss": loss.text(1, 4), "weights removed, %": removed.text(100, 1)}
        table.append({**line, "n": str(accuracy.n), "version": same["version"].iloc[0]})
    return markdown(table)
