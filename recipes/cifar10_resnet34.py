"""CIFAR-10 with ResNet-34: dense, and under a switcher that keeps half of the MACs.

    python -m recipes.cifar10_resnet34
    python -m recipes.cifar10_resnet34 --groups dense --budget 0.999875 --budget-of weights

The paper's 21 million weights, all layers gated; channels that meet in sums are pruned together.
The second command gates the inputs of the dense layer alone, as the paper does.

Settings, baselines and seeds are those of the study `python -m recipes.studies cifar10`.
`--data-dir` names a TFDS data directory that holds CIFAR-10, or packed files (`recipes.packed`);
without it TFDS downloads.
"""

from recipes.drawing import draw_dense_inputs
from recipes.recipe import Recipe
from recipes.studies import cifar10

RECIPE = Recipe(
    "cifar10_resnet34",
    __doc__,
    cifar10.POINTS["resnet34", 0.5]["row switcher"],
    {"dense_inputs.png": draw_dense_inputs},
)

if __name__ == "__main__":
    RECIPE.run()
