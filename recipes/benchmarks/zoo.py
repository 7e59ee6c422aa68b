"""All 40 models of keras.applications: what can be pruned, how fast, and what is left.

For each model without half of the channels of every prunable group: which share of its producing
layers belongs to such a group; how long `prune_channels` takes, not verified, against building it
(the best of several runs in turn); MACs and parameters left. Each has a process and its own image
size, 1000 classes, and random weights. `pytest -m long tests/test_zoo.py` checks how exact compact
models are, and compares the MACs with those of TensorFlow's profiler.

    python -m recipes.benchmarks.zoo
    python -m recipes.benchmarks.zoo --models ResNet50 MobileNetV2
"""

from collections.abc import Iterator
from functools import partial

import keras
from keras import layers

import keras_switcher as ks
from keras_switcher.graph.channel_graph import ChannelGraph
from recipes.benchmarks.harness import in_own_process, random_masks, run, timed_in_turn
from recipes.networks.backbones import NAMES, backbone

KERNELS = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D, layers.Dense)


def measure(models: tuple = NAMES, repeats: int = 3) -> Iterator[dict]:
    """A row for each model."""
    for name in models:
        yield in_own_process(_measured, name, repeats)


def producing_layers(channel_graph: ChannelGraph) -> list[keras.layers.Layer]:
    """All layers with a kernel that makes channels, those of nested models included, each once."""
    operations = (call.op for call in channel_graph.graph.calls)
    return list({id(op): op for op in operations if isinstance(op, KERNELS)}.values())


def is_prunable(channel_graph: ChannelGraph, layer: keras.layers.Layer) -> bool:
    """Whether the channels that a layer makes, or carries if it is depthwise, can be removed."""
    if isinstance(layer, layers.SeparableConv2D):
        kernel, axis = layer.pointwise_kernel, -1
    else:
        kernel, axis = layer.kernel, -2 if isinstance(layer, layers.DepthwiseConv2D) else -1
    made = channel_graph.axes_of(kernel).get(axis % len(kernel.shape))
    return made is not None and bool(made.groups) and all(g.prunable for g in made.groups)


def _measured(name, repeats):
    model = backbone(name)
    prune = partial(ks.prune_channels, model, random_masks(model), verify=False)
    times, _ = timed_in_turn({"build": partial(backbone, name), "prune": prune}, repeats)
    small, channel_graph = prune(), ChannelGraph(model)
    producers = producing_layers(channel_graph)
    macs = ks.count_macs(model).total
    return {
        "model": name,
        "size": model.input.shape[1],
        "producers": len(producers),
        "prunable_producers": sum(is_prunable(channel_graph, layer) for layer in producers),
        "build_seconds": times["build"].min(),
        "prune_seconds": times["prune"].min(),
        "time_ratio": times["prune"].min() / times["build"].min(),
        "macs": macs,
        "macs_left": ks.count_macs(small).total / macs,
        "parameters_left": small.count_params() / model.count_params(),
        "reasons": "; ".join(sorted({g.reason for g in channel_graph.groups if g.reason})),
    }


if __name__ == "__main__":
    run(measure, __doc__, choices={"models": NAMES})
