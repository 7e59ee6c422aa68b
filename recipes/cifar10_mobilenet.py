"""CIFAR-10 with MobileNetV1: dense, and under a switcher that keeps half of the MACs.

    python -m recipes.cifar10_mobilenet
    python -m recipes.cifar10_mobilenet --groups dense --budget 0.858 --budget-of weights

Width 1, 1024 channels before the dense layer: what the paper's tables call "x0.25".
`recipes.cifar10_mobilenet_quarter` has a quarter of the width. The second command gates what the
dense layer reads, as the paper does.

Settings, baselines and seeds are those of the study `python -m recipes.studies cifar10`.
`--data-dir` names a TFDS data directory that holds CIFAR-10, or packed files (`recipes.packed`);
without it TFDS downloads.
"""

from recipes.drawing import draw_dense_inputs
from recipes.recipe import Recipe
from recipes.studies import cifar10

RECIPE = Recipe(
    "cifar10_mobilenet",
    __doc__,
    cifar10.POINTS["mobilenet", 0.5]["row switcher"],
    {"dense_inputs.png": draw_dense_inputs},
)

if __name__ == "__main__":
    RECIPE.run()
