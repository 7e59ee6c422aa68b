"""Peak memory of a training process: a switched network against the dense one.

Each model is trained for a few batches in a process of its own, several times in turn; a row has
the median of the peaks. Peaks of one and the same model differ by a tenth: the more often two large
operations run at once and the more holes the heap has, the higher they are. 64x64, batch 64, all
groups gated.

    python -m recipes.benchmarks.memory
    python -m recipes.benchmarks.memory --networks ResNet50 --switcher row --repeats 1
"""

import resource
from collections.abc import Iterator

import pandas as pd

from recipes.benchmarks.harness import in_own_process, run
from recipes.benchmarks.step_time import BACKBONES, compiled, samples

MODELS = ("dense", "joint", "batch")
BATCH = 64


def measure(
    networks: tuple = BACKBONES, switcher: str = "row", batches: int = 6, repeats: int = 3
) -> Iterator[dict]:
    """A row for each network and model; `repeats` are processes per model."""
    for network in networks:
        found = [
            {kind: in_own_process(_peak, network, kind, switcher, batches) for kind in MODELS}
            for _ in range(repeats)
        ]
        peaks = pd.DataFrame(found).agg(["median", "min", "max"])
        for kind, (peak, least, most) in peaks.items():
            row = {"network": network, "model": kind, "switcher": switcher}
            row |= {"peak_mib": round(peak), "ratio": peak / peaks["dense"]["median"]}
            yield row | {"least_mib": round(least), "most_mib": round(most), "repeats": repeats}


def _peak(network, kind, switcher, batches):
    """MiB at the highest, of this process."""
    model = compiled(network, *(() if kind == "dense" else (switcher, kind)))
    x, y = samples((64, 64, 3), batches * BATCH)
    model.fit(x, y, batch_size=BATCH, verbose=0)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    run(measure, __doc__)
