"""All 40 models of keras.applications: what can be pruned, how fast, and what is left.

For each model: which share of its producing layers belongs to a prunable group; how long reading,
planning and compacting take against building it (the best of four runs in turn); MACs by this
package against TensorFlow's profiler; MACs and weights left without 50 % of the channels of every
prunable group. Each has a process and its own image size, 1000 classes, and random weights. How
exact compact models are is measured by `pytest -m long tests/test_zoo.py`.

    python -m recipes.benchmarks.zoo
    python -m recipes.benchmarks.zoo --models ResNet50 MobileNetV2
"""

import itertools
import time
from collections.abc import Iterator

from keras_switcher.graph.channel_graph import ChannelGraph
from recipes.benchmarks.growth import compacted
from recipes.benchmarks.harness import in_own_process, run
from recipes.benchmarks.zoo_counting import GROUPED, counted_macs, profiled_macs
from recipes.benchmarks.zoo_models import NAMES, build, family_of, is_prunable, producing_layers


def measure(models: tuple = NAMES, repeats: int = 4) -> Iterator[dict]:
    """A row for each model."""
    for name in models:
        yield in_own_process(_measured, name, repeats)


def _measured(name, repeats):
    seconds = []
    build("MobileNet", size=32)  # What the first model of a process pays for, whichever it is.
    for _ in range(repeats):
        times = [time.perf_counter()]
        model = build(name)
        times.append(time.perf_counter())
        channel_graph = ChannelGraph(model)
        times.append(time.perf_counter())
        small = compacted(channel_graph)
        times.append(time.perf_counter())
        seconds.append([end - start for start, end in itertools.pairwise(times)])
    building, reading, compacting = (min(column) for column in zip(*seconds, strict=True))
    producers, groups, left = (
        producing_layers(channel_graph),
        channel_graph.groups,
        ChannelGraph(small),
    )
    macs, profiled = counted_macs(channel_graph), profiled_macs(model)
    grouped = macs.pop(GROUPED, 0)  # Of these the profiler knows nothing.
    total = macs.total() + grouped
    return {
        "model": name,
        "family": family_of(name),
        "size": model.input.shape[1],
        "layers": len(channel_graph.graph.calls),
        "groups": len(groups),
        "prunable_groups": sum(group.prunable for group in groups),
        "producers": len(producers),
        "prunable_producers": sum(is_prunable(channel_graph, layer) for layer in producers),
        "build_seconds": round(building, 3),
        "read_seconds": round(reading, 3),
        "compact_seconds": round(compacting, 3),
        "time_ratio": round((reading + compacting) / building, 3),
        "macs": total,
        "macs_grouped": grouped,
        "macs_tensorflow": profiled.total(),
        "macs_equal": macs == profiled,
        "macs_left": round(_cost(left, "macs") / total, 4),
        "weights_left": round(_cost(left, "weights") / _cost(channel_graph, "weights"), 4),
        "reasons": "; ".join(sorted({group.reason for group in groups if group.reason})),
    }


def _cost(channel_graph, of):
    return sum(kernel.cost(of) for kernel in channel_graph.kernels)


if __name__ == "__main__":
    run(measure, __doc__, choices={"models": NAMES})
