"""The gallery shows what its commands draw, and nothing else."""

import importlib
import json

import pytest

from recipes.gallery import GALLERY, Drawn
from recipes.running import OF_CONNECTIONS, RESULT
from recipes.settings import read_settings

DRAWN = Drawn("Title", "some_recipe", "--seed 3", "maps.png")


@pytest.fixture
def folders(tmp_path):
    for name in ("runs/some_recipe", "figures"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path / "runs", tmp_path / "figures"


def test_a_picture_is_taken_from_a_run_with_its_settings_alone(folders):
    runs, figures = folders
    assert DRAWN.to_markdown(figures).endswith("Not run.\n")
    DRAWN.collect(runs, figures)
    (runs / "some_recipe" / "maps.png").write_bytes(b"drawn")
    other = "python -m recipes.some_recipe --seed 4"
    for command, version in [(other, "0.1.0"), (DRAWN.command, "0.0.9"), (DRAWN.command, "0.1.0")]:
        assert not (figures / DRAWN.name).exists()
        result = {"command": command, "keras_switcher": version}
        (runs / "some_recipe" / RESULT).write_text(json.dumps(result))
        DRAWN.collect(runs, figures)
    assert (figures / "some_recipe_maps.png").read_bytes() == b"drawn"
    assert DRAWN.to_markdown(figures) == (
        "### Title\n\n`python -m recipes.some_recipe --seed 3`, version 0.1.0\n\n"
        "![Title](figures/some_recipe_maps.png)\n"
    )


@pytest.mark.parametrize("drawn", GALLERY, ids=lambda drawn: drawn.name)
def test_recipes_draw_what_the_gallery_shows(drawn):
    """And write their settings down as it has them."""
    recipe = importlib.import_module(f"recipes.{drawn.recipe}").RECIPE
    settings = read_settings(recipe._parser().parse_args(drawn.options.split()))
    assert drawn.picture in (OF_CONNECTIONS if settings.connections else recipe.pictures)
    assert settings.as_options(recipe.settings) == drawn.options
