"""MNIST with LeNet5-Caffe 20-50-800-500: dense, and under a switcher that prunes all of it.

    python -m recipes.mnist_lenet5 --seed 0
    python -m recipes.mnist_lenet5 --seed 0 --budget 0.25 --budget-of macs

Convolutions and dense layers are gated together: the 20 and 50 channels, the 800 flattened
positions (each tied to its channel) and the 500 hidden units. Writes `feature_maps.png`, the
paper's figure 3: for each digit the maps of the three strongest channels of the first convolution,
and of two that were switched off. That convolution has few weights: with seed 0 a budget of weights
takes none of its channels, one of MACs does.

Settings, seeds and controls are those of the study `python -m recipes.studies mnist`;
`docs/results.md` has what both have measured. 16 minutes on one core. `--data-dir` names a TFDS
data directory that holds MNIST; without it TFDS downloads.
"""

from recipes.drawing import draw_feature_maps
from recipes.recipe import Recipe
from recipes.studies import mnist

RECIPE = Recipe(
    "mnist_lenet5",
    __doc__,
    mnist.LENET5_CONTROLS["row switcher"],
    {"feature_maps.png": draw_feature_maps},
)

if __name__ == "__main__":
    RECIPE.run()
