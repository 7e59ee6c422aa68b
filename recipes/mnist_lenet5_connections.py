"""MNIST with LeNet5-Caffe: dense, and under a switcher that cuts connections of its dense layers.

    python -m recipes.mnist_lenet5_connections --seed 0

A factor per weight of the dense layers (arXiv 2103.15590); the convolutions stay whole. Draws the
mask of the first dense layer over training, and how many connections the units have. Settings,
seeds and controls are those of the study `python -m recipes.studies mnist_connections`;
`docs/results.md` has what both have measured. 18 minutes on one core. `--data-dir` names a TFDS
data directory that holds MNIST; without it TFDS downloads.
"""

from recipes.recipe import Recipe
from recipes.studies import mnist_connections

RECIPE = Recipe("mnist_lenet5_connections", __doc__, mnist_connections.LENET5["row switcher"])

if __name__ == "__main__":
    RECIPE.run()
