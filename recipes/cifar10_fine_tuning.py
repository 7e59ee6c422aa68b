"""CIFAR-10 with a trained ResNet-20: wrapped, and half of its MACs after five epochs.

    python -m recipes.cifar10_fine_tuning
    python -m recipes.cifar10_fine_tuning --epochs 10

What someone does who has a trained network and wants a smaller one. The dense network is trained
first, as in `recipes.cifar10_resnet20`, and kept in the output folder; wrapped, it computes what it
did, and then its channels are switched off while the rate falls from a fifth of the first one.

Settings, baselines and seeds are those of the study `python -m recipes.studies cifar10`.
`--data-dir` names a TFDS data directory that holds CIFAR-10, or packed files (`recipes.packed`);
without it TFDS downloads.
"""

from recipes.recipe import Recipe
from recipes.studies import cifar10

RECIPE = Recipe(
    "cifar10_fine_tuning", __doc__, cifar10.FINE_TUNING["row switcher around the trained network"]
)

if __name__ == "__main__":
    RECIPE.run()
