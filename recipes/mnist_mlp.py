"""MNIST."""

from recipes.datasets import mnist
from recipes.networks.mlp import mlp
from recipes.running import Recipe
from recipes.settings import Settings

RECIPE = Recipe(
    name="mnist_mlp",
    about="Trains the paper's MLP on MNIST, dense and under a switcher that prunes it.",
    network=mlp,
    load=mnist,
    picture=(28, 28),
    settings=Settings(weight_decay=0.003),
    switcher_rates={"row": 0.005, "unet": 0.005},
    has_data_dir=True,
)

if __name__ == "__main__":
    RECIPE.run()
