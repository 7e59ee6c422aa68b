"""CIFAR-10 with VGG16: dense, and under a switcher that keeps 27 % of the MACs.

    python -m recipes.cifar10_vgg16
    python -m recipes.cifar10_vgg16 --groups dense --budget 0.796 --budget-of weights

Thirteen normalised convolutions and 512-4096-4096-10 dense. The second command gates what dense
layers read, as the paper does, and leaves as many weights.

Settings, baselines and seeds are those of the study `python -m recipes.studies cifar10`.
`--data-dir` names a TFDS data directory that holds CIFAR-10, or packed files (`recipes.packed`);
without it TFDS downloads.
"""

from recipes.drawing import draw_dense_inputs
from recipes.recipe import Recipe
from recipes.studies import cifar10

RECIPE = Recipe(
    "cifar10_vgg16",
    __doc__,
    cifar10.POINTS["vgg16", 0.27]["row switcher"],
    {"dense_inputs.png": draw_dense_inputs},
)

if __name__ == "__main__":
    RECIPE.run()
