"""CIFAR-10 with ResNet-20: dense, and under a switcher that keeps half of the MACs.

    python -m recipes.cifar10_resnet20
    python -m recipes.cifar10_resnet20 --budget 0.2

The smallest residual network of He et al., 41 million MACs: what is pruned to fewer MACs must beat
it, and it is narrow already.

Settings, baselines and seeds are those of the study `python -m recipes.studies cifar10`.
`--data-dir` names a TFDS data directory that holds CIFAR-10, or packed files (`recipes.packed`);
without it TFDS downloads.
"""

from recipes.drawing import draw_dense_inputs
from recipes.recipe import Recipe
from recipes.studies import cifar10

RECIPE = Recipe(
    "cifar10_resnet20",
    __doc__,
    cifar10.POINTS["resnet20", 0.5]["row switcher"],
    {"dense_inputs.png": draw_dense_inputs},
)

if __name__ == "__main__":
    RECIPE.run()
