"""The names of `--switcher` stand for what they say."""

import pytest

from keras_switcher import switchers
from recipes.networks.paper import lenet5, mlp
from recipes.settings import Settings
from recipes.switchers import SWITCHERS, make_switcher, switched

KINDS = {
    "row": switchers.RowSwitcher,
    "unet": switchers.UNetSwitcher,
    "unet_per_layer": switchers.UNetSwitcher,
    "unet_literal": switchers.UNetSwitcher,
    "free": switchers.FreeFactors,
    "frozen": switchers.FrozenSwitcher,
    "shuffled": switchers.ShuffledInput,
    "constant": switchers.ConstantInput,
}


@pytest.mark.parametrize("name", SWITCHERS)
def test_each_name_makes_its_switcher_with_the_start(name):
    switcher = make_switcher(
        Settings(switcher=name, start="half_zeros", seed=3, budget=0.25), mlp((8, 4, 4, 2))
    )
    assert type(switcher) is KINDS[name]
    assert getattr(switcher, "switcher", switcher).start == "half_zeros"
    assert getattr(switcher, "seed", 3) == 3
    assert getattr(switcher, "keep", 0.5) == 0.5


@pytest.mark.parametrize("of", ["weights", "macs"])
def test_the_budget_falls_within_its_part_of_training(of):
    settings = Settings(budget=0.3, budget_of=of, budget_start=0.1, budget_end=0.5, epochs=20)
    budget = switched(mlp((8, 4, 4, 2)), settings).budget
    assert budget.get_config() == {
        "keep": 0.3,
        "of": of,
        "start_epoch": 2,
        "end_epoch": 10,
        "strength": 1.0,
        "unknown": "refuse",
    }


@pytest.mark.parametrize("connections", [False, True])
def test_frozen_control_refuses_to_rank_equal_factors(connections):
    settings = Settings(switcher="frozen", start="one", budget=0.25, connections=connections)
    with pytest.raises(ValueError, match=r"all equal\. Choose --start near_one"):
        make_switcher(settings, mlp((8, 4, 4, 2)))


def test_frozen_control_is_not_ranked_without_a_budget():
    assert make_switcher(Settings(switcher="frozen", budget=None), mlp((8, 4, 4, 2))).keep is None


def test_frozen_control_keeps_about_the_share_of_the_weights():
    """In LeNet5's largest kernel channels, their positions and hidden units meet."""
    switcher = make_switcher(Settings(switcher="frozen", start="near_one", budget=0.125), lenet5())
    assert switcher.keep == pytest.approx(0.5)


def test_frozen_control_keeps_the_share_of_the_connections():
    settings = Settings(switcher="frozen", start="near_one", budget=0.25, connections=True)
    assert make_switcher(settings, mlp((8, 4, 4, 2))).keep == 0.25


def test_the_unets_differ_as_their_names_say():
    names = [name for name in SWITCHERS if name.startswith("unet")]
    made = {
        name: make_switcher(Settings(switcher=name, start="half_zeros"), mlp((8, 4, 4, 2)))
        for name in names
    }
    assert {name: (unet.stacked, unet.normalization) for name, unet in made.items()} == {
        "unet": (True, "instance"),
        "unet_per_layer": (False, "instance"),
        "unet_literal": (True, "batch"),
    }
