"""CIFAR-10 with VGG-cov2: dense, and under a switcher that prunes all of its layers.

    python -m recipes.cifar10_vgg_cov2
    python -m recipes.cifar10_vgg_cov2 --groups dense
    python -m recipes.cifar10_vgg_cov2 --connections --budget 0.1

Two convolutions of 64 channels and 16384-256-256-10 dense, no normalisation; nine tenths of the
weights are behind the Flatten. The budget is the paper's share of the weights, 60.4 %. `--groups
dense` gates what dense layers read, as the paper does: the 16,384 positions, each tied to its
channel, and 256 and 256 units.

Settings, baselines and seeds are those of the study `python -m recipes.studies cifar10`.
`--data-dir` names a TFDS data directory that holds CIFAR-10, or packed files (`recipes.packed`);
without it TFDS downloads.
"""

from recipes.recipe import Recipe
from recipes.studies import cifar10

RECIPE = Recipe("cifar10_vgg_cov2", __doc__, cifar10.POINTS["vgg_cov2", 0.604]["row switcher"])

if __name__ == "__main__":
    RECIPE.run()
