"""Pictures of trained networks: what recipes drew, for `recipes/README.md`."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from recipes.running import RESULT


@dataclass(frozen=True)
class Drawn:
    """A picture that a recipe draws.

    Args:
        title: What it shows.
        recipe: Name of the recipe.
        options: The recipe's settings, as its rows have them.
        picture: Name of the file that the recipe writes.
        version: Of keras_switcher, with which it is drawn.
    """

    title: str
    recipe: str
    options: str
    picture: str
    version: str = "0.1.0"

    @property
    def command(self) -> str:
        """What draws it."""
        return f"python -m recipes.{self.recipe} {self.options}"

    @property
    def name(self) -> str:
        """The picture's name among those of all recipes."""
        return f"{self.recipe}_{self.picture}"

    def collect(self, runs: Path, figures: Path):
        """Copies it to the figures, if a run with these settings and version has left it.

        Args:
            runs: Where recipes write, a folder for each.
            figures: Where it goes.
        """
        result = runs / self.recipe / RESULT
        if not result.exists():
            return
        row = json.loads(result.read_text())
        if (row["command"], row["keras_switcher"]) == (self.command, self.version):
            shutil.copyfile(result.with_name(self.picture), figures / self.name)

    def to_markdown(self, figures: Path) -> str:
        """The picture with its title and command, or that it is not there yet.

        Args:
            figures: Where it is, if it is there; named as in the README beside them.
        """
        shown = f"![{self.title}]({figures.name}/{self.name})"
        if not (figures / self.name).exists():
            shown = "Not run."
        return f"### {self.title}\n\n`{self.command}`, version {self.version}\n\n{shown}\n"


GALLERY = (
    Drawn(
        "MNIST, LeNet5-Caffe: feature maps of the three strongest channels of the first "
        "convolution, and of two that are switched off",
        "mnist_lenet5",
        "--seed 0 --budget 0.25 --budget-of macs",
        "feature_maps.png",
    ),
    Drawn(
        "MNIST, MLP: connections of a layer over training",
        "mnist_mlp_connections",
        "--seed 0",
        "masks.png",
    ),
    Drawn(
        "MNIST, MLP: how many connections units have",
        "mnist_mlp_connections",
        "--seed 0",
        "degrees.png",
    ),
    Drawn(
        "MNIST, LeNet5-Caffe: how many connections units have",
        "mnist_lenet5_connections",
        "--seed 0",
        "degrees.png",
    ),
)
