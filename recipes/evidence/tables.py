"""The tables of `recipes/README.md`, as Markdown."""

from dataclasses import dataclass

from recipes.evidence.experiment import Experiment
from recipes.evidence.summary import Spread, difference, spread
from recipes.evidence.versions import versions

CHANNELS = ("weights removed, %", "MACs removed, %", "widths, seed 0")
CONNECTIONS = ("connections cut, %", "left, by layer, seed 0")
OF_CONNECTIONS = """\
What is left are numbers of connections, input to output. The compact model is a stock dense network
that multiplies its zeros, so no MACs are counted as removed (see the benchmark `sparse`).
"""
_FALLS = {
    "cosine": "as a cosine",
    "two cosines": "as a cosine in each half",
    "steps": "by ten at 1/2 and 3/4",
}


@dataclass(frozen=True)
class Table:
    """A table: one line per experiment, compared with the first.

    Args:
        title: Its heading.
        text: What is below the heading: what its networks have in common.
        lines: Maps what a line says to the name of its experiment.
        published: Lines that others have published: label, accuracy, widths, weights removed.
        connections: Whether it is about single connections.
    """

    title: str
    text: str
    lines: dict[str, str]
    published: tuple[tuple[str, str, str, str], ...] = ()
    connections: bool = False

    def to_markdown(self, rows: dict, experiments: list[Experiment]) -> str:
        """The table with what rows say; lines without rows, or with few, say so.

        Args:
            rows: What `rows_shown` returned, of one or more studies.
            experiments: The experiments of their studies.
        """
        planned = {experiment.name: experiment for experiment in experiments}
        of = [planned[name] for name in self.lines.values()]
        columns = CONNECTIONS if self.connections else CHANNELS
        header = ("", "accuracy, %", "n", "version", "minus first line", *columns)
        written = [_cells(header), "|" + "---|" * len(header)]
        for label, name in self.lines.items():
            written.append(_cells(self._line(label, planned[name], rows, len(header))))
        for name, accuracy, widths, weights in self.published:
            written.append(_cells([f"*{name}*", accuracy, "", "", "", weights, "", widths]))
        text = f"{self.text}\n{OF_CONNECTIONS}" if self.connections else f"{self.text}\n"
        found = [row for key, row in rows.items() if key[0] in self.lines.values()]
        return "\n".join([f"### {self.title}\n", text, setup(of), made_on(found), *written, ""])

    def _line(self, label, experiment, rows, columns):
        name = experiment.name
        accuracy = spread(rows, name, "accuracy")
        if accuracy is None:
            return [label, "not run", f"0 of {experiment.seeds}", *[""] * (columns - 3)]
        first = next(iter(self.lines.values()))
        n = accuracy.n if accuracy.n >= experiment.seeds else f"{accuracy.n} of {experiment.seeds}"
        shares = [spread(rows, name, "weights_removed")]
        if not self.connections:
            shares.append(spread(rows, name, "macs_removed"))
        return [
            label,
            accuracy.text(100),
            n,
            versions(rows, name),
            "" if name == first else signed(difference(rows, name, first)),
            *(share.text(100, 1) for share in shares),
            rows.get((name, 0), {}).get("widths", ""),
        ]


def _cells(cells):
    return f"| {' | '.join(map(str, cells))} |"


def signed(value: Spread | None) -> str:
    """A mean difference in points, and its standard error if that means something."""
    if value is None:
        return ""
    return f"{100 * value.mean:+.3f}" + (f" ({100 * value.error:.3f})" if value.n > 2 else "")


def setup(experiments: list[Experiment]) -> str:
    """How the networks of a table are trained, by the first one that has a switcher."""
    of = next((e for e in experiments if e.treatment == "switched"), experiments[0]).settings
    falls = _FALLS[of.schedule]
    written = (
        f"Unless a line says otherwise: {of.epochs} epochs, batch {of.batch_size}, SGD with "
        f"momentum {of.momentum}, rate {of.learning_rate} that falls {falls}, weight decay "
        f"{of.weight_decay}; switcher's rate {of.switcher_learning_rate}"
    )
    free = next((e.settings for e in experiments if e.settings.switcher == "free"), of)
    if free.switcher_learning_rate != of.switcher_learning_rate:
        written += f" (free factors {free.switcher_learning_rate})"
    if of.switcher_clipnorm:
        written += f", its gradient clipped to norm {of.switcher_clipnorm}"
    if of.ceiling:
        written += f", factors below {of.ceiling}"
    if of.budget:
        ends = [f"{100 * end:.0f}" for end in (of.budget_start, of.budget_end)]
        written += f", a budget that falls from {ends[0]} to {ends[1]} % of training"
    return f"{written}.\n"


def made_on(rows: list[dict]) -> str:
    """Versions and hardware of rows; nothing if there are none."""
    versions = {f"Keras {row['keras']}, TensorFlow {row['tensorflow']}" for row in rows}
    hardware = {row["hardware"] for row in rows}
    return f"{'; '.join(sorted(versions))}. {'; '.join(sorted(hardware))}.\n" if rows else ""
