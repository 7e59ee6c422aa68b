"""MNIST with the paper's MLP 784-300-100-10: dense, and under a switcher that prunes it.

    python -m recipes.mnist_mlp --seed 0

Shows what an MLP keeps of its accuracy when a switcher with a budget takes three quarters of the
weights out of it while it trains. Settings, seeds and controls are those of the study
`python -m recipes.studies mnist`; `docs/results.md` has what both have measured. Five minutes on
two cores. `--data-dir` names a TFDS data directory that holds MNIST; without it TFDS downloads.
"""

from recipes.drawing import draw_pixels
from recipes.recipe import Recipe
from recipes.studies import mnist

RECIPE = Recipe("mnist_mlp", __doc__, mnist.ROW, {"pattern.png": draw_pixels})

if __name__ == "__main__":
    RECIPE.run()
