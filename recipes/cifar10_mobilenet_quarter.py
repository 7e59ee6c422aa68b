"""CIFAR-10 with MobileNetV1 x0.25: dense, and under a switcher, half of the MACs.

    python -m recipes.cifar10_mobilenet_quarter
    python -m recipes.cifar10_mobilenet_quarter --groups dense --budget 0.861 --budget-of weights

A network that is small already: 3.3 million MACs, 256 channels before the dense layer. The second
command gates what the dense layer reads.

Settings, baselines and seeds are those of the study `python -m recipes.studies cifar10`.
`--data-dir` names a TFDS data directory that holds CIFAR-10, or packed files (`recipes.packed`);
without it TFDS downloads.
"""

from recipes.drawing import draw_dense_inputs
from recipes.recipe import Recipe
from recipes.studies import cifar10

RECIPE = Recipe(
    "cifar10_mobilenet_quarter",
    __doc__,
    cifar10.POINTS["mobilenet_quarter", 0.5]["row switcher"],
    {"dense_inputs.png": draw_dense_inputs},
)

if __name__ == "__main__":
    RECIPE.run()
