"""Prints the rows of the zoo benchmark per model and per family, against the bars."""

import csv
from math import nan
from pathlib import Path

from recipes.benchmarks.zoo_models import FAMILIES, NAMES

DIFFERENCE, TIME, PRUNABLE, MACS_LEFT = 1e-4, 2.0, 0.92, 0.30
MACS_BAR = ("VGG", "ResNet", "ResNetV2", "MobileNet", "MobileNetV2", "MobileNetV3")
MACS_LEFT_OF = {"MobileNetV3Small": 0.32}


def read_rows(path: Path) -> list[dict]:
    """The rows of a CSV file; none if there is no file."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return sorted(rows, key=lambda row: NAMES.index(row["model"]))


def print_table(structure: list[dict], exactness: list[dict]):
    """Prints a line per model, a line per family, and which bars are met.

    Args:
        structure: Rows of `zoo.csv`.
        exactness: Rows of `zoo_exactness.csv`.
    """
    worst = {}
    for row in exactness:
        difference = float(row["max_relative_difference"])
        worst[row["model"]] = max(worst.get(row["model"], 0.0), difference)
    print(
        f"\n{'model':18}   producers   build    read  compact  ratio  "
        "MACs left  weights left  difference"
    )
    for row in structure:
        print(
            f"{row['model']:18}  {row['prunable_producers']:>4} /{row['producers']:>4}  "
            f"{float(row['build_seconds']):5.2f} s {float(row['read_seconds']):5.2f} s "
            f"{float(row['compact_seconds']):6.2f} s {float(row['time_ratio']):5.2f}x "
            f"{float(row['macs_left']):10.1%} {float(row['weights_left']):13.1%}    "
            f"{worst.get(row['model'], nan):.1e}"
        )
    print()
    for family in FAMILIES:
        members = [row for row in structure if row["family"] == family]
        if members:
            _print_family(family, members, worst)
    _print_bars(structure, worst)


def _print_family(family, rows, worst):
    made, producers = _producers(rows)
    left = [float(row["macs_left"]) for row in rows]
    ratio = max(float(row["time_ratio"]) for row in rows)
    print(
        f"{family:17} {made:4} of {producers:4} producing layers ({made / producers:.1%}), "
        f"MACs left {min(left):.1%} to {max(left):.1%}, at most {ratio:.2f}x build, "
        f"difference {max(worst.get(row['model'], nan) for row in rows):.1e}"
    )


def _print_bars(rows, worst):
    bars = {
        f"differences of the {len(worst)} that were compared at most {DIFFERENCE:g}": [
            name for name, difference in worst.items() if not difference <= DIFFERENCE
        ],
        f"read + plan + compact at most {TIME:g}x build": [
            row["model"] for row in rows if float(row["time_ratio"]) > TIME
        ],
        "MACs equal to TensorFlow's": [r["model"] for r in rows if r["macs_equal"] != "True"],
        f"MACs left at most {MACS_LEFT:.0%} (VGG, ResNet, MobileNet; MobileNetV3Small 32 %)": [
            row["model"]
            for row in rows
            if row["family"] in MACS_BAR
            and float(row["macs_left"]) > MACS_LEFT_OF.get(row["model"], MACS_LEFT)
        ],
    }
    print(f"\n{len(rows)} of {len(NAMES)} models read")
    for bar, missed in bars.items():
        print(f"{bar}: {'not met by ' + ', '.join(missed) if missed else 'met'}")
    if rows:
        made, producers = _producers(rows)
        met = "met" if made / producers >= PRUNABLE else "not met"
        print(
            f"at least {PRUNABLE:.0%} of the producing layers prunable: {met}, "
            f"{made:,} of {producers:,} ({made / producers:.2%})"
        )


def _producers(rows):
    made = sum(int(row["prunable_producers"]) for row in rows)
    return made, sum(int(row["producers"]) for row in rows)
