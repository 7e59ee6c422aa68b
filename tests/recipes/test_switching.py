"""The names of `--switcher` stand for what they say."""

import pytest

from keras_switcher import switchers
from recipes.networks.paper import lenet5, mlp
from recipes.settings import Settings
from recipes.switchers import (
    GRADUAL,
    PENALISED,
    RANKED,
    SWITCHERS,
    learns_budget,
    make_switcher,
    switched,
)

KINDS = {
    "row": switchers.RowSwitcher,
    "unet": switchers.UNetSwitcher,
    "unet_per_layer": switchers.UNetSwitcher,
    "unet_literal": switchers.UNetSwitcher,
    "free": switchers.FreeFactors,
    "frozen": switchers.FrozenSwitcher,
    "shuffled": switchers.ShuffledInput,
    "constant": switchers.ConstantInput,
    **dict.fromkeys(GRADUAL, switchers.Gradual),
    "slimming": switchers.Slimming,
    "d_gating": switchers.DGating,
    "l0": switchers.L0,
    "bc_gnj": switchers.BCGNJ,
    "bc_ghs": switchers.BCGHS,
    **RANKED,
}


@pytest.mark.parametrize("name", SWITCHERS)
def test_each_name_makes_its_switcher_with_the_start(name):
    switcher = make_switcher(
        Settings(switcher=name, start="half_zeros", seed=3, budget=0.25), mlp((8, 4, 4, 2)), 640
    )
    assert type(switcher) is KINDS[name]
    assert getattr(getattr(switcher, "switcher", switcher), "start", "half_zeros") == "half_zeros"
    assert getattr(switcher, "seed", 3) == 3
    assert getattr(switcher, "keep", 0.5) == (0.25 if name in RANKED else 0.5)
    assert getattr(switcher, "samples", 640) == 640


def test_gradual_switchers_renew_masks_after_a_share_of_an_epoch():
    more = {"floor": 0.1, "standing_still": True}
    settings = Settings(switcher="taylor", renew_every=0.3, batch_size=64, **more)
    made = make_switcher(settings, mlp((8, 4, 4, 2)), 640)
    assert (made.renew_every, made.floor, made.straight_through) == (3, 0.1, False)
    assert (made.criterion, made.allocation) == ("taylor", "global")
    often = make_switcher(Settings(switcher="uniform", renew_every=1e-6), mlp((8, 4, 4, 2)), 640)
    assert (often.renew_every, often.straight_through, often.allocation) == (1, True, "uniform")


@pytest.mark.parametrize("name", PENALISED)
def test_a_strength_is_that_of_the_penalty(name):
    made, default = (
        make_switcher(Settings(switcher=name, strength=strength), mlp((8, 4, 4, 2)), 640)
        for strength in (0.02, None)
    )
    if name.startswith("bc_"):
        assert (made.samples, default.samples) == (640 / 0.02, 640)
    else:
        assert made.strength == 0.02
        assert default.strength == type(default)().strength


@pytest.mark.parametrize("name", SWITCHERS)
def test_who_is_trained_follows_from_what_there_is_to_learn(name):
    connections = name in RANKED
    settings = Settings(switcher=name, start="half_zeros", budget=0.5, connections=connections)
    model = switched(mlp((8, 4, 4, 2)), settings, 640)
    expected = "task" if name in GRADUAL or name == "dnw" else "joint"
    assert model.alternation == ("switcher" if name == "edge_popup" else expected)
    assert (model.budget is not None) == learns_budget(settings)
    assert learns_budget(settings) == (name not in ("frozen", *PENALISED, *RANKED))


@pytest.mark.parametrize("of", ["weights", "macs"])
def test_the_budget_falls_within_its_part_of_training(of):
    settings = Settings(budget=0.3, budget_of=of, budget_start=0.1, budget_end=0.5, epochs=20)
    budget = switched(mlp((8, 4, 4, 2)), settings, 640).budget
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
        make_switcher(settings, mlp((8, 4, 4, 2)), 640)


def test_frozen_control_is_not_ranked_without_a_budget():
    settings = Settings(switcher="frozen", budget=None)
    assert make_switcher(settings, mlp((8, 4, 4, 2)), 640).keep is None


def test_frozen_control_keeps_about_the_share_of_the_weights():
    """In LeNet5's largest kernel channels, their positions and hidden units meet."""
    settings = Settings(switcher="frozen", start="near_one", budget=0.125)
    switcher = make_switcher(settings, lenet5(), 640)
    assert switcher.keep == pytest.approx(0.5)


def test_frozen_control_keeps_the_share_of_the_connections():
    settings = Settings(switcher="frozen", start="near_one", budget=0.25, connections=True)
    assert make_switcher(settings, mlp((8, 4, 4, 2)), 640).keep == 0.25


def test_the_unets_differ_as_their_names_say():
    names = [name for name in SWITCHERS if name.startswith("unet")]
    made = {
        name: make_switcher(Settings(switcher=name, start="half_zeros"), mlp((8, 4, 4, 2)), 640)
        for name in names
    }
    assert {name: (unet.stacked, unet.normalization) for name, unet in made.items()} == {
        "unet": (True, "instance"),
        "unet_per_layer": (False, "instance"),
        "unet_literal": (True, "batch"),
    }
