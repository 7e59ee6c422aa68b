"""What layers of task networks take on a machine, kept beside the rows that were made with it.

A budget of latency is a share of such a table. `measure` writes one; a study that runs elsewhere
takes the one that is here, or its budgets would be others.

    python -m recipes.latency_tables residual small_residual

Run it on a machine that does nothing else. Needs the extra `litert`.
"""

import argparse
import json
from pathlib import Path

import keras_switcher as ks
from keras_switcher.atomic_files import atomic_write_text
from recipes.networks import TASKS
from recipes.rows import RESULTS, surroundings

FOLDER = RESULTS / "latency_tables"


def latency_table(network: str, folder: Path = FOLDER) -> ks.latency.LatencyTable:
    """The table of the network of this name; raises FileNotFoundError if there is none."""
    path = folder / f"{network}.json"
    if not path.exists():
        raise FileNotFoundError(
            f"There is no {path}: a budget of latency needs it. Write it on a quiet machine: "
            "python -m recipes.latency_tables TASK"
        )
    return ks.latency.LatencyTable.from_config(json.loads(path.read_text())["table"])


def measure(task: str, folder: Path = FOLDER) -> Path:
    """Measures a task network's layers, batch 1, one thread of LiteRT; returns the file."""
    network = TASKS[task].network()
    table = ks.latency.measure(network, verbose=False)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{network.name}.json"
    atomic_write_text(path, json.dumps({**surroundings(), "table": table.get_config()}, indent=1))
    return path


def main(arguments: list[str] | None = None):
    """Measures the tasks that are named."""
    options = {"formatter_class": argparse.RawDescriptionHelpFormatter}
    parser = argparse.ArgumentParser("recipes.latency_tables", description=__doc__, **options)
    parser.add_argument("tasks", nargs="+", choices=sorted(TASKS), metavar="TASK")
    for task in parser.parse_args(arguments).tasks:
        print(measure(task))


if __name__ == "__main__":
    main()
