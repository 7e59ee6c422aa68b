"""Tables as Markdown: a method beside its baselines, budgets, starts, searches, benchmarks."""

from collections.abc import Iterable

import pandas as pd

from recipes.report.statistics import Rows, Spread, interval, signed
from recipes.studies.starts import PAIRS
from recipes.studies.tables import Lines
from recipes.trials.trial import Experiment

BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}
# Methods that have a budget of their own, and those that take their structure from another one.
WITHIN_BUDGETS = ("switched", "cut early", "prune", "lottery ticket")
FROM_SCRATCH = ("learned structure", "random structure", "varied inputs", "uniform width")
SHARES = {
    "dense, %": "dense_accuracy",
    "switched, %": "switched_accuracy",
    "weights removed, %": "weights_removed",
    "MACs removed, %": "macs_removed",
}


def backend_of(row: dict) -> str:
    """The backend that a row was computed with, and its version."""
    return next(f"{called} {row[name]}" for name, called in BACKENDS.items() if name in row)


def markdown(rows: Iterable[dict], columns: Iterable[str] | None = None) -> str:
    """A table of texts, one dict a line; what a line lacks is left empty."""
    frame = pd.DataFrame(list(rows), columns=columns, dtype=object).fillna("")
    return frame.to_markdown(index=False, disable_numparse=True) if len(frame) else "Not run."


def compared(rows: Rows, lines: Lines, published: tuple = (), connections: bool = False) -> str:
    """A line per experiment, compared with the first; those without rows, or with few, say so.

    Below are lines that others have published: label, accuracy, widths, weights removed.
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
            of_dense = rows.spread(name, "dense_weights_removed")
            if of_dense and experiment.settings.groups == "dense":
                line[removed] += f" ({of_dense.text(100, 1)} of dense layers)"
            line["MACs removed, %"] = rows.spread(name, "macs_removed").text(100, 1)
            cost = Spread.of(filter(None, (training_cost(r, experiment) for r in rows.of(name))))
            line["training MACs"] = f"{cost.mean:.2f}" if cost else ""
            line[widths] = rows.rows.get((name, 0), {}).get("widths", "")
        table.append(line)
    for label, accuracy, width, share in published:
        table.append({"": f"*{label}*", "accuracy, %": accuracy, removed: share, widths: width})
    columns = ["", "accuracy, %", "n", "version", "minus first line", removed]
    columns += [] if connections else ["MACs removed, %"]
    columns += ["training MACs", widths]
    return markdown(table, columns)


def training_cost(row: dict, experiment: Experiment) -> float | None:
    """MACs of a training, forward and backward, as a share of the dense twin's.

    Older rows do not say: then it is that of the dense twin and of networks that are small from
    the start, or None.
    """
    if "training_cost" in row:
        return row["training_cost"]
    if experiment.method == "dense":
        return 1.0
    if "epochs" not in row or not experiment.method.startswith(FROM_SCRATCH):
        return None
    return row["epochs"] / experiment.settings.epochs * (1 - row["macs_removed"])


def budgets(rows: Rows, experiments: list[Experiment], before: Rows | None = None) -> str:
    """Budgets and the shares that were kept, of all that has a budget.

    Beside accuracies on the same seeds `before`, rows of version 0.1.0, where there are such.
    """
    table = []
    for experiment in experiments:
        name, of, budget = (
            experiment.name,
            experiment.settings.budget_of,
            experiment.settings.budget,
        )
        removed = rows.values(name, f"{of}_removed")
        if not experiment.method.startswith(WITHIN_BUDGETS) or budget is None or not removed:
            continue
        kept = [100 * (1 - share) for share in removed.values()]
        far = f"{max(abs(share - 100 * budget) for share in kept):.2f}"
        line = {"experiment": name, "of": of, "budget, %": f"{100 * budget:.1f}"}
        line["kept, %"] = Spread.of(kept).text()
        line["largest distance, points"] = f"**{far}**" if float(far) > 1 else far
        line["n"] = str(len(kept))
        if before is None:
            line["version"] = rows.versions(name)
        else:
            line["kept, %"] = f"{min(kept):.2f} to {max(kept):.2f}"
            line["accuracy, %"] = rows.spread(name).text(100)
            then = Spread.of(v for s, v in before.values(name).items() if s in removed)
            line["0.1.0"] = then.text(100) if then else ""
        table.append(line)
    return markdown(table)


def starts(rows: Rows) -> str:
    """Factors from one beside factors from near one: paired differences with their interval."""
    table = []
    for task, pair in PAIRS.items():
        names = [pair[start].name for start in ("one", "near_one")]
        line, found = {"network": task, "from one": "not run"}, rows.difference(*names)
        if found:
            line["from one"], line["from near one"] = (rows.spread(n).text(100) for n in names)
            line["one minus near one"] = f"{100 * found.mean:+.3f}"
            line["95 % interval"] = interval(found)
            line |= {"n": str(found.n), "version": rows.versions(*names)}
        table.append(line)
    columns = ("from one", "from near one", "one minus near one", "95 % interval", "n", "version")
    return markdown(table, ["network", *columns])


def tried(rows: Iterable[dict], called: str = "tried") -> str:
    """A line for each setting, in the field `called`, and number of epochs."""
    table = []
    for (name, epochs), same in pd.DataFrame(list(rows)).groupby([called, "epochs"], sort=False):
        accuracy, loss, removed = (
            Spread.of(same[field].tolist()) for field in ("accuracy", "loss", "weights_removed")
        )
        line = {"setting": name, "epochs": str(epochs), "accuracy, %": accuracy.text(100)}
        line |= {"loss": loss.text(1, 4), "weights removed, %": removed.text(100, 1)}
        table.append({**line, "n": str(accuracy.n), "version": same["version"].iloc[0]})
    return markdown(table)


def checks(rows: Iterable[dict]) -> str:
    """The rows of checks of budgets."""
    return markdown(
        {
            "case": row["experiment"],
            "seed": str(row["seed"]),
            "kept, %": f"{100 * row['kept']:.2f}",
            "off": f"{row['off']:.2f}",
            "dense": f"{row['dense']:.4f}",
            "switched": f"{row['switched']:.4f}",
            "loss fell by": str(row["loss_fell_by"]),
            "waited": f"{row['waited']:.2f}",
            "difference": f"{row['difference']:.1e}" if "difference" in row else "",
            "version": row["keras_switcher"],
        }
        for row in rows
    )


def recipes(rows: list[dict]) -> str:
    """What single recipes have measured, by command without the seed."""
    frame, table = pd.DataFrame(rows), []
    frame["command"] = frame["command"].str.replace(r" --seed \d+", "", regex=True)
    for (command, version), same in frame.groupby(["command", "keras_switcher"], sort=False):
        line = {"command": f"`{command}`", "version": version}
        line |= {c: Spread.of(same[field].tolist()).text(100) for c, field in SHARES.items()}
        if "connections" in command:  # Stock layers multiply with zeros.
            line["MACs removed, %"] = ""
        table.append({**line, "n": str(len(same))})
    return markdown(table)


def benchmark(rows: list[dict], columns: tuple[str, ...]) -> str:
    """The columns of a benchmark's rows, `backend` with its version, and where it ran."""
    hardware = ", ".join(sorted({row["hardware"] for row in rows}))
    known = ({**row, "backend": backend_of(row)} for row in rows)
    shown = ({column: str(row.get(column, "")) for column in columns} for row in known)
    return f"{hardware}\n\n{markdown(shown)}".strip()
