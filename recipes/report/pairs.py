"""Pairs of methods: differences seed by seed, with an interval and what two errors say."""

from collections.abc import Iterable

from recipes.report.statistics import Rows, interval
from recipes.report.tables import markdown
from recipes.studies.tables import Lines

# Labels of lines: what is compared with what.
DECISION = (
    ("row switcher", "gradual magnitude"),
    ("row switcher", "free factors"),
    ("row switcher", "shuffled input"),
    ("free factors", "gradual magnitude"),
    ("row switcher", "uniform width, same MACs"),
    ("dense twin", "uniform width, same MACs"),
)
DECIDERS = (
    ("row switcher", "gradual magnitude"),
    ("row switcher", "free factors"),
    ("free factors", "gradual magnitude"),
    ("row switcher, cut early", "row switcher"),
    ("free factors, cut early", "free factors"),
    ("gradual magnitude, cut early", "gradual magnitude"),
    ("row switcher, cut early", "gradual magnitude, cut early"),
)
# So many points the dense twin must be above uniform width, or there is nothing to win.
LEAST_GAP = 0.02


def paired(rows: Rows, tables: dict[str, Lines], pairs: Iterable[tuple[str, str]]) -> str:
    """A line for each pair in each table of experiments, by the seeds that both have."""
    table = []
    for called, lines in tables.items():
        for one, other in pairs:
            if one not in lines or other not in lines:
                continue
            found = rows.difference(lines[one].name, lines[other].name)
            planned = min(lines[one].seeds, lines[other].seeds)
            line = {"": called, "difference": f"{one} minus {other}", "points": "not run"}
            line["n"] = f"0 of {planned}"
            if found:
                line["points"] = f"{100 * found.mean:+.2f}"
                line["95 % interval"] = interval(found, 2)
                line["n"] = str(found.n) if found.n == planned else f"{found.n} of {planned}"
                line["by two standard errors"] = verdict(found)
            table.append(line)
    columns = ["", "difference", "points", "95 % interval", "n", "by two standard errors"]
    return markdown(table, columns)


def verdict(found) -> str:
    """What two standard errors say of a difference; nothing of less than three pairs."""
    if found.n < 3:
        return ""
    if abs(found.mean) <= 2 * found.error:
        return "not decided"
    return "above" if found.mean > 0 else "below"


def counting(rows: Rows, tables: dict[str, Lines]) -> str:
    """Which tables count: those whose dense twin is far enough above uniform width."""
    table = []
    for called, lines in tables.items():
        names = lines["dense twin"].name, lines["uniform width, same MACs"].name
        line, found = (
            {"": called, "dense minus uniform, points": "not run"},
            rows.difference(*names),
        )
        if found:
            line["dense minus uniform, points"] = f"{100 * found.mean:+.2f}"
            line["n"] = str(found.n)
            line["counts"] = "yes" if found.mean > LEAST_GAP else "no"
        table.append(line)
    return markdown(table, ["", "dense minus uniform, points", "n", "counts"])
