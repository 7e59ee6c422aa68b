"""MNIST with the paper's MLP: dense, and under a switcher that cuts single connections.

    python -m recipes.mnist_mlp_connections --seed 0

A factor per weight (arXiv 2103.15590): nine tenths of the connections are cut while the network
trains. Draws the mask of the second layer over training, and how many connections the units have.
Settings, seeds and controls are those of the study `python -m recipes.studies mnist_connections`;
`docs/results.md` has what both have measured. Seven minutes on one core. `--data-dir` names a TFDS
data directory that holds MNIST; without it TFDS downloads.
"""

from recipes.recipe import Recipe
from recipes.studies import mnist_connections

RECIPE = Recipe("mnist_mlp_connections", __doc__, mnist_connections.ROW)

if __name__ == "__main__":
    RECIPE.run()
