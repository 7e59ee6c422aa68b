"""Mini-ImageNet: MobileNetV1 and ResNet-34, 84x84 pixels, 100 classes. The paper's test part.

Settings are those of CIFAR-10; the network of a quarter of the width is ours, the others are the
paper's. ResNet-34 has Cutout as well. `--data-dir` names a folder as `recipes.mini_imagenet` says.
"""

from dataclasses import replace

from recipes.studies import cifar10
from recipes.studies.tables import Lines, Shared, kept, unique

KEEP = 0.5
SETTINGS = {
    "mini_mobilenet_quarter": cifar10.MOBILENET,
    "mini_mobilenet": cifar10.MOBILENET,
    "mini_resnet34": cifar10.SETTINGS["resnet34"],
}
# Leave as many inputs of the dense layer as the paper's tables: 816 of 1024, and 376 of 512.
OF_DENSE_LAYERS = {
    "mini_mobilenet_quarter": 0.921,
    "mini_mobilenet": 0.929,
    "mini_resnet34": 0.99936,
}


def lines_of(task: str) -> Lines:
    """All experiments of a network by what a line says, the dense twin first."""
    dense, named = SETTINGS[task], f"{task} {{}}"
    twin = Shared(task, replace(dense, budget=None), named, 1).make("dense", "dense")
    settings = replace(dense, budget=KEEP, **cifar10.HEAD)
    point = Shared(task, settings, f"{named}, {kept(KEEP, 'macs')}", 1)
    lines = {"dense twin": twin, **point.lines("convolutional"), **point.lines("uniform_macs")}
    changes = {"groups": "dense", "budget": OF_DENSE_LAYERS[task], "budget_of": "weights"}
    of_dense = Shared(task, replace(settings, **changes), f"{named}, dense layers", 1)
    return lines | of_dense.lines("dense_layers")


LINES = {task: lines_of(task) for task in SETTINGS}
EXPERIMENTS = unique(*LINES.values())
