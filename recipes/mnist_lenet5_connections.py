"""MNIST with LeNet5-Caffe: dense, and under a switcher that cuts connections of its dense layers.

    python -m recipes.mnist_lenet5_connections --seed 0

A factor per weight of the dense layers (arXiv 2103.15590); the convolutions stay whole. 20 epochs
of SGD with momentum .9, rate .05 that falls as a cosine, weight decay .003, batch 64; row switcher
from one, rate .005, its gradient clipped to norm 1, factors below 1.5, joint updates, a budget
of 9.8 % of the weights that falls from 5 % to 30 % of training. Draws the mask of the first dense
layer over training, and how many connections the units have.

With version 0.1.0 (from near one), seed 0, test accuracy of the last epoch: dense 99.31 %, switched
99.26 % with 90.3 % of the weights removed: 14,523 of 400,000 and 1,916 of 5,000 connections are
left; the exported network's outputs differ by 1.2e-7 of the largest. 18 minutes on one core that
shared its machine. Controls and seeds are the study `python -m recipes.studies mnist_connections`.

`--data-dir` names a TFDS data directory that holds MNIST; without it TFDS downloads.
"""

from recipes.recipe import Recipe
from recipes.settings import Settings

RECIPE = Recipe(
    name="mnist_lenet5_connections",
    about="Trains LeNet5-Caffe on MNIST, dense and under a switcher that cuts connections.",
    task="lenet5",
    settings=Settings(
        epochs=20,
        learning_rate=0.05,
        weight_decay=0.003,
        switcher_clipnorm=1.0,
        connections=True,
        ceiling=1.5,
        budget=0.098,
    ),
    switcher_rates={"row": 0.005},
)

if __name__ == "__main__":
    RECIPE.run()
