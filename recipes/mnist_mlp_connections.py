"""MNIST with the paper's MLP: dense, and under a switcher that cuts single connections.

    python -m recipes.mnist_mlp_connections --seed 0

A factor per weight (arXiv 2103.15590): nine tenths of the connections are cut while the network
trains. 30 epochs of SGD with momentum .9, rate .1 that falls as a cosine, weight decay .003, batch
64; row switcher from one, rate .005, its gradient clipped to norm 1, factors below 1.5, joint
updates, a budget of 9.8 % of the weights that falls from 5 % to 30 % of training. Draws the mask of
the second layer over training, and how many connections the units have.

With version 0.1.0 (from near one), seed 0, test accuracy of the last epoch: dense 98.59 %, switched
98.59 % with 90.3 % of the connections cut; the exported network's outputs differ by 1.4e-7 of the
largest. Seven minutes on one core that shared its machine. Seeds and controls are the study
`python -m recipes.studies mnist_connections`.

`--data-dir` names a TFDS data directory that holds MNIST; without it TFDS downloads.
"""

from recipes.recipe import Recipe
from recipes.settings import Settings

RECIPE = Recipe(
    name="mnist_mlp_connections",
    about="Trains the paper's MLP on MNIST, dense and under a switcher that cuts connections.",
    task="mlp",
    settings=Settings(
        weight_decay=0.003, switcher_clipnorm=1.0, connections=True, ceiling=1.5, budget=0.098
    ),
    switcher_rates={"row": 0.005},
)

if __name__ == "__main__":
    RECIPE.run()
