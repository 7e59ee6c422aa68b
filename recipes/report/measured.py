"""Tables as Markdown of what is no study: checks of budgets, single recipes, benchmarks."""

from collections.abc import Iterable

from recipes.report.statistics import Spread
from recipes.report.tables import markdown

SHARES = ("dense_accuracy", "switched_accuracy", "weights_removed", "macs_removed")
COLUMNS = ("dense, %", "switched, %", "weights removed, %", "MACs removed, %")


def checks(rows: Iterable[dict]) -> str:
    """The rows of the budget's checks."""
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
    table, by_command = [], {}
    for row in rows:
        words = row["command"].split()
        at = words.index("--seed")
        command = " ".join(words[:at] + words[at + 2 :])
        by_command.setdefault((command, row["keras_switcher"]), []).append(row)
    for (command, version), found in by_command.items():
        texts = [Spread.of(row[share] for row in found).text(100) for share in SHARES]
        if "connections" in command:  # Stock layers multiply with zeros.
            texts[-1] = ""
        of_all = dict(zip(COLUMNS, texts, strict=True))
        table.append(
            {"command": f"`{command}`", "version": version, **of_all, "n": f"{len(found)}"}
        )
    return markdown(table)


def benchmark(rows: list[dict], columns: tuple[str, ...]) -> str:
    """The columns of a benchmark's rows, and where it ran."""
    if not rows:
        return "Not run."
    hardware = ", ".join(sorted({row["hardware"] for row in rows}))
    shown = ({column: str(row.get(column, "")) for column in columns} for row in rows)
    return f"{hardware}\n\n{markdown(shown)}"
