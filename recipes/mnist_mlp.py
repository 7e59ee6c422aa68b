"""MNIST with the paper's MLP 784-300-100-10: dense, and under a switcher that prunes it.

    python -m recipes.mnist_mlp --seed 0

Shows what an MLP keeps of its accuracy when a switcher with a budget takes three quarters of the
weights out of it while it trains. 30 epochs of SGD with momentum .9, rate .1 that falls as
a cosine, weight decay .003, batch 64; row switcher from one, rate .005, its gradient clipped to
norm 1, factors below 1.5, joint updates, a budget of 23.5 % of the weights that falls from 5 %
to 30 % of training. Both networks start from the same weights.

With version 0.1.0 (from near one), seed 0, test accuracy of the last epoch: dense 98.59 %, switched
98.57 % with 76.5 % of the weights removed, widths 342-152-65; the exported network's outputs differ
by 2.9e-7 of the largest. Five minutes on two cores that other work shared. Seeds and controls are
the study `python -m recipes.studies mnist`.

`--data-dir` names a TFDS data directory that holds MNIST; without it TFDS downloads.
"""

from recipes.drawing import draw_pixels
from recipes.recipe import Recipe
from recipes.settings import Settings

RECIPE = Recipe(
    name="mnist_mlp",
    about="Trains the paper's MLP on MNIST, dense and under a switcher that prunes it.",
    task="mlp",
    pictures={"pattern.png": draw_pixels},
    settings=Settings(weight_decay=0.003, switcher_clipnorm=1.0, ceiling=1.5, budget=0.235),
    switcher_rates={"row": 0.005, "unet": 0.005},
)

if __name__ == "__main__":
    RECIPE.run()
