"""Digits."""

from recipes.datasets import digits
from recipes.networks.mlp import mlp
from recipes.running import Recipe
from recipes.settings import Settings

RECIPE = Recipe(
    name="digits",
    about="Trains an MLP on scikit-learn's digits, dense and under a switcher that prunes it.",
    network=lambda: mlp((64, 128, 64, 10)),
    load=digits,
    picture=(8, 8),
    settings=Settings(epochs=60, batch_size=32, weight_decay=0.01, budget=0.4),
    switcher_rates={"row": 0.002, "unet": 0.004},
)

if __name__ == "__main__":
    RECIPE.run()
