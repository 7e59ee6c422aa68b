"""The tables of `recipes/README.md`, as Markdown."""

from dataclasses import dataclass

from recipes.evidence.summary import Spread, difference, spread

HEADER = (
    "| | accuracy, % | n | minus first line "
    "| weights removed, % | MACs removed, % | widths, seed 0 |"
)


@dataclass(frozen=True)
class Table:
    """A table: one line per experiment, compared with the first.

    Args:
        title: Its heading.
        text: What is below the heading: how it was trained.
        lines: Maps what a line says to the name of its experiment.
        published: Lines that others have published: label, accuracy, widths, weights removed.
    """

    title: str
    text: str
    lines: dict[str, str]
    published: tuple[tuple[str, str, str, str], ...] = ()

    def to_markdown(self, rows: dict) -> str:
        """The table with what the rows of a `Ledger` say; lines without rows say so."""
        first = next(iter(self.lines.values()))
        written = [HEADER, "|" + "---|" * 7]
        written += [_line(label, name, first, rows) for label, name in self.lines.items()]
        written += [f"| *{n}* | {a} | | | {w} | | {s} |" for n, a, s, w in self.published]
        return "\n".join([f"### {self.title}", "", self.text, "", *written, ""])


def _line(label, name, first, rows):
    accuracy = spread(rows, name, "accuracy")
    if accuracy is None:
        return f"| {label} | not run | 0 | | | | |"
    against = "" if name == first else _signed(difference(rows, name, first))
    weights, macs = (spread(rows, name, f"{of}_removed") for of in ("weights", "macs"))
    return (
        f"| {label} | {accuracy.text(100)} | {accuracy.n} | {against} | {weights.text(100, 1)} | "
        f"{macs.text(100, 1)} | {rows.get((name, 0), {}).get('widths', '')} |"
    )


def _signed(value: Spread | None):
    """The mean of differences by seed, and its standard error."""
    if value is None:
        return ""
    return f"{100 * value.mean:+.2f}" + (f" ({100 * value.error:.2f})" if value.n > 1 else "")
