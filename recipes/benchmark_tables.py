"""The tables of `recipes/README.md` that show what benchmarks measured."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BenchmarkTable:
    """What one benchmark measured.

    Args:
        name: Its module in `recipes.benchmarks`, and its CSV file.
        text: What was measured.
        columns: The columns that are shown.
    """

    name: str
    text: str
    columns: tuple[str, ...]

    def to_markdown(self, rows: list[dict]) -> str:
        """The table.

        Args:
            rows: The rows of its file.
        """
        title = f"### `python -m recipes.benchmarks.{self.name}`\n"
        if not rows:
            return f"{title}\nNot run.\n"
        hardware = ", ".join(sorted({row["hardware"] for row in rows}))
        written = ["| " + " | ".join(self.columns) + " |", "|" + "---|" * len(self.columns)]
        written += ["| " + " | ".join(row[c] for c in self.columns) + " |" for row in rows]
        return "\n".join([title, f"{self.text}\n", f"{hardware}\n", *written, ""])


BENCHMARKS = (
    BenchmarkTable(
        "step_time",
        "Times of one update (fit) or batch (evaluate), in turn with the dense network's; ratios "
        "are medians over the repeats, cpu_ratio is that of CPU times.",
        ("network", "jit_compile", "kind", "model", "ms_per_batch", "ratio", "cpu_ratio"),
    ),
    BenchmarkTable(
        "sparse",
        "The MLP with a share of its connections cut, against the dense one: compressed LiteRT "
        "file and CSR matrices, in bytes, and times as ratios.",
        ("cut", "batch", "file_gzip_bytes", "csr_gzip_bytes", "litert_time", "csr_time"),
    ),
    BenchmarkTable(
        "growth",
        "Reading, planning and compacting residual networks of more and more layers.",
        ("blocks", "layers", "seconds", "milliseconds_per_layer"),
    ),
    BenchmarkTable(
        "memory",
        "Peak of a process that trains, medians of the repeats; ratio to the dense network's.",
        ("network", "model", "peak_mib", "ratio", "least_mib", "most_mib", "repeats"),
    ),
    BenchmarkTable(
        "latency",
        "Compact networks without half of their channels: how many times fewer MACs and how many "
        "times faster than the dense network.",
        (
            "network",
            "model",
            "execution",
            "round_to",
            "macs_ratio",
            "time_ratio",
            "share",
            "hardware",
        ),
    ),
    BenchmarkTable(
        "zoo",
        "The models of keras.applications without half of their channels: the share of the MACs "
        "left, and the time to read, plan and compact as a ratio to that of building.",
        ("model", "producers", "prunable_producers", "macs_left", "time_ratio"),
    ),
)
