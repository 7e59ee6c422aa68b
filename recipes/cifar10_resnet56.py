"""CIFAR-10 with ResNet-56: dense, and under a switcher that keeps half of the MACs.

    python -m recipes.cifar10_resnet56

Where most pruning methods have published numbers: from 126 million MACs to 63.

Settings, baselines and seeds are those of the study `python -m recipes.studies cifar10`.
`--data-dir` names a TFDS data directory that holds CIFAR-10, or packed files (`recipes.packed`);
without it TFDS downloads.
"""

from recipes.drawing import draw_dense_inputs
from recipes.recipe import Recipe
from recipes.studies import cifar10

RECIPE = Recipe(
    "cifar10_resnet56",
    __doc__,
    cifar10.POINTS["resnet56", 0.5]["row switcher"],
    {"dense_inputs.png": draw_dense_inputs},
)

if __name__ == "__main__":
    RECIPE.run()
