"""MNIST with LeNet5-Caffe 20-50-800-500: dense, and under a switcher that prunes all of it.

    python -m recipes.mnist_lenet5 --seed 0

Convolutions and dense layers are gated together: the 20 and 50 channels, the 800 flattened
positions (each tied to its channel) and the 500 hidden units. 20 epochs of SGD with momentum .9,
rate .05 that falls as a cosine, weight decay .003, batch 64; row switcher from one, rate .005,
its gradient clipped to norm 1, factors below 1.5, joint updates, a budget of 14.5 % of the weights
that falls from 5 % to 30 % of training.

Writes `feature_maps.png`, the paper's figure 3: for each digit the maps of the three strongest
channels of the first convolution, and of two that were switched off.

With version 0.1.0 (from near one), seed 0, test accuracy of the last epoch: dense 99.31 %, switched
99.37 % with 85.6 % of the weights and 60.0 % of the MACs removed, widths 20-18-215-234 (two
convolutions, flattened positions, hidden units); the exported network's outputs differ by 4.1e-7 of
the largest. 16 minutes on one core that shared its machine. Seeds and controls are the study
`python -m recipes.studies mnist`.

The first convolution has few weights, so with this seed a budget of weights takes none of its
channels, and the figure has nothing to show as switched off. One of MACs does:

    python -m recipes.mnist_lenet5 --seed 0 --budget 0.25 --budget-of macs

With version 0.1.0: 99.31 % with 75.2 % of the MACs removed, widths 11-17-272-393.

`--data-dir` names a TFDS data directory that holds MNIST; without it TFDS downloads.
"""

from recipes.drawing import draw_feature_maps
from recipes.recipe import Recipe
from recipes.settings import Settings

RECIPE = Recipe(
    name="mnist_lenet5",
    about="Trains LeNet5-Caffe on MNIST, dense and under a switcher that prunes it.",
    task="lenet5",
    pictures={"feature_maps.png": draw_feature_maps},
    settings=Settings(
        epochs=20,
        learning_rate=0.05,
        weight_decay=0.003,
        switcher_clipnorm=1.0,
        ceiling=1.5,
        budget=0.145,
    ),
    switcher_rates={"row": 0.005, "unet": 0.005},
)

if __name__ == "__main__":
    RECIPE.run()
