"""What every switcher and every control keeps to: one test for all of them."""

import inspect

import keras
import numpy as np
import pytest
from helpers.checks import check_close
from helpers.toys import data, fit, mlp, randomize, same, started, values

from keras_switcher import Budget, SwitcherModel
from keras_switcher.switchers import (
    BCGHS,
    BCGNJ,
    L0,
    NAMES,
    ConstantInput,
    DGating,
    EdgePopup,
    FreeFactors,
    FrozenSwitcher,
    RowSwitcher,
    ShuffledInput,
    Slimming,
    UNetSwitcher,
    get,
)

CONTROLS = {
    "free": lambda: FreeFactors(seed=1),
    "frozen": lambda: FrozenSwitcher(RowSwitcher(start="near_one"), keep=0.5),
    "shuffled": lambda: ShuffledInput(RowSwitcher(), seed=1),
    "constant": lambda: ConstantInput(RowSwitcher()),
}
ALL = [*NAMES, *CONTROLS]
# Masks of ones and zeros, without parameters.
GRADUAL = ("magnitude", "uniform", "taylor", "random")
# How a method is used, where it is not used as most are.
OPTIONS = {
    "edge_popup": {"connections": True, "alternation": "switcher"},
    "dnw": {"connections": True, "alternation": "task"},
    **{key: {"alternation": "task", "budget": Budget(0.4, end_epoch=1)} for key in GRADUAL},
}
SEEDED = {
    "l0": lambda: L0(seed=1),
    "bc_gnj": lambda: BCGNJ(seed=1),
    "bc_ghs": lambda: BCGHS(seed=1),
}
IS_JAX = keras.backend.backend() == "jax"  # Op by op it would compile each of them.


def switcher(name):
    return {**CONTROLS, **SEEDED}.get(name, lambda: get(name))()


def compiled(name, rate=0.01, **kwargs):
    """The same model every time."""
    options = {"compiled": {"run_eagerly": not IS_JAX}, **OPTIONS.get(name, {}), **kwargs}
    keras.utils.set_random_seed(1)
    return started(mlp, switcher(name), rate=rate, **options)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_makes_its_switcher(name):
    model = SwitcherModel(mlp(), name, **OPTIONS.get(name, {}))
    assert type(model.switcher) is type(get(name))
    assert [factor.shape for factor in model.scaling_factors().values()] == [
        record.shape for record in model.records
    ]


CHANGED_GRADUAL = {
    "criterion": "random",
    "allocation": "uniform",
    "floor": 0.25,
    "renew_every": 7,
    "straight_through": False,
}
CHANGED = {
    "slimming": {"strength": 0.5},
    "d_gating": {"depth": 4, "strength": 0.5, "threshold": 0.1},
    "l0": {"strength": 2, "samples": 9, "drop_rate": 0.1, "input_drop_rate": 0.3, "seed": 3},
    "bc_gnj": {"samples": 9, "threshold": -1.0, "seed": 3},
    "bc_ghs": {"samples": 9, "threshold": -1.0, "scale": 0.1, "seed": 3},
    "edge_popup": {"keep": 0.25, "seed": 3},
    "dnw": {"keep": 0.25},
    **dict.fromkeys(GRADUAL, CHANGED_GRADUAL),
    "row": {"units": 3, "start": "near_one", "ceiling": None},
    "unet": {
        "stacked": False,
        "start": "near_one",
        "normalization": "batch",
        "depth": 2,
        "row_width": 4,
    },
}


@pytest.mark.parametrize("name", ALL)
def test_config_round_trip(name):
    kind = type(switcher(name))
    made = kind(**CHANGED[name], name="mine") if name in NAMES else switcher(name)
    arguments = set(inspect.signature(type(made)).parameters) - {"kwargs"}
    config = made.get_config()
    assert arguments | {"name", "dtype"} <= set(config)
    for argument in arguments - {"switcher"}:
        assert config[argument] == getattr(made, argument)
        assert name not in CHANGED or config[argument] == CHANGED[name][argument]
    again = type(made).from_config(config)
    assert again.get_config() == config
    serialized = keras.saving.serialize_keras_object(made)
    assert serialized["registered_name"] == f"keras_switcher>{type(made).__name__}"


@pytest.mark.parametrize("name", ALL)
def test_a_training_in_two_parts_with_a_file_between_is_one_in_a_whole(name, tmp_path):
    whole, first = compiled(name), compiled(name)
    assert same(values(whole), values(first))
    x, y = data(16)
    fit(whole, x, y, epochs=2, batch_size=8)
    fit(first, x, y, batch_size=8)
    first.save(tmp_path / "model.keras")
    second = keras.saving.load_model(tmp_path / "model.keras")
    second.run_eagerly = whole.run_eagerly
    assert type(second.switcher) is type(whole.switcher)
    assert same(first.scaling_factors().values(), second.scaling_factors().values())
    fit(second, x, y, batch_size=8)
    assert same(values(whole), values(second))
    assert same(whole.scaling_factors().values(), second.scaling_factors().values())
    if whole.switcher.trainable_variables:
        untrained = compiled(name).switcher.trainable_variables
        assert not same(untrained, second.switcher.trainable_variables)


@pytest.mark.parametrize("name", ALL)
def test_a_budget_is_followed_or_refused(name):
    budget = Budget(0.4, start_epoch=0, end_epoch=5)
    if not switcher(name).follows_budget:
        with pytest.raises(ValueError, match=r"does not follow a budget.*Leave `budget` out"):
            SwitcherModel(mlp(), switcher(name), budget=budget, **OPTIONS.get(name, {}))
        model = SwitcherModel(mlp(), switcher(name), **OPTIONS.get(name, {}))
        with pytest.raises(ValueError, match="does not follow a budget"):
            model.budget = budget
        assert model.budget is None
        return
    keras.utils.set_random_seed(1)
    optimizers = {n: keras.optimizers.Adam(0.02) for n in ("optimizer", "switcher_optimizer")}
    model = started(
        lambda: mlp(units=24),
        switcher(name),
        budget=budget,
        alternation="task" if name in GRADUAL else "joint",
        compiled=optimizers,
    )
    fit(model, *data(64), epochs=8)
    assert model.structure().removed("weights") == pytest.approx(0.6, abs=0.1)


def test_a_file_with_a_budget_that_nothing_followed_still_loads():
    model = SwitcherModel(mlp(), switcher("frozen"))
    budget = keras.saving.serialize_keras_object(Budget(0.5))
    assert SwitcherModel.from_config({**model.get_config(), "budget": budget}).budget is None


@pytest.mark.parametrize("name", [name for name in ALL if switcher(name).equivariant])
def test_permuting_channels_permutes_factors(name):
    keras.utils.set_random_seed(1)
    model = SwitcherModel(mlp(), switcher(name), **OPTIONS.get(name, {}))
    randomize([*model.task.variables, *model.switcher.trainable_variables])
    before = model.scaling_factors()
    order = np.random.default_rng(0).permutation(8)
    hidden, head = model.task.layers
    (kernel, bias), (reading, shift) = hidden.get_weights(), head.get_weights()
    hidden.set_weights([kernel[:, order], bias[order]])
    head.set_weights([reading[order], shift])
    after = model.scaling_factors()
    # The axis of the hidden channels, by name of group.
    along = {"hidden": 0, "hidden/inputs": None, "hidden/connections": 1, "head/connections": 0}
    for group, factors in before.items():
        expected = factors if along[group] is None else factors.take(order, along[group])
        np.testing.assert_allclose(after[group], expected, atol=1e-5, err_msg=group)
    changed = [name for name in before if along[name] is not None]
    assert max(np.abs(after[name] - before[name]).max() for name in changed) > 0.01


def drawn(shape, least=0.3):
    """Numbers from `least` to 1.5, every other one zero."""
    numbers = np.random.default_rng(0).uniform(least, 1.5, shape)
    return numbers * (np.arange(shape[-1]) % 2)


def off(shape):
    return np.arange(shape[-1]) % 2 == 0


def assigned(name):
    """A switcher that prunes, and what makes it do so once it is built."""
    if name in ("edge_popup", "dnw", "frozen"):
        return switcher(name), lambda s: None
    made = {
        "row": lambda: RowSwitcher(start="half_zeros"),
        "unet": lambda: UNetSwitcher(start="half_zeros", depth=1),
        "shuffled": lambda: ShuffledInput(RowSwitcher(start="half_zeros")),
        "constant": lambda: ConstantInput(RowSwitcher(start="half_zeros")),
    }
    if name in made:
        return made[name](), lambda s: None

    def prune(s):
        if name in GRADUAL:
            s.masks.assign(off(s.masks.shape).astype("float32"))
        elif name == "bc_gnj":
            s.mean.assign(drawn(s.mean.shape, 0.3) + off(s.mean.shape))
            s.log_variance.assign(np.where(off(s.mean.shape), 1.0, -9.0))
        elif name == "bc_ghs":
            s.mean.assign(drawn(s.mean.shape) - 4.0 * off(s.mean.shape))
        elif name == "l0":
            numbers = drawn(s.log_alpha.shape)
            s.log_alpha.assign(np.where(off(s.log_alpha.shape), -9.0, numbers))
        else:
            (variable,) = s.trainable_variables
            variable.assign(drawn(variable.shape))

    return switcher(name), prune


@pytest.mark.parametrize("name", ALL)
def test_gated_is_compact(name):
    made, prune = assigned(name)
    keras.utils.set_random_seed(3)
    model = SwitcherModel(mlp(units=16), made, **OPTIONS.get(name, {}))
    randomize(model.task.variables, seed=2)
    prune(made)
    x, _ = data()
    factors = model.scaling_factors().values()
    assert any((factor == 0).any() for factor in factors)
    assert any(len(np.unique(factor)) > 2 for factor in factors) or name in OPTIONS
    small = model.compact()
    check_close(small(x), model(x), name)
    check_close(model.predict(x, verbose=0), small(x), name)
    assert small.count_params() < model.task.count_params() or name in OPTIONS


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Slimming(strength=-1), r"`strength` must be .*0 or more.*strength=-1"),
        (lambda: Slimming(strength="much"), r"Received: strength='much'"),
        (lambda: DGating(depth=1), r"whole number from 2 on.*depth=1"),
        (lambda: DGating(depth=2.5), r"depth=2.5"),
        (lambda: DGating(threshold=float("nan")), r"`threshold`.*threshold=nan"),
        (lambda: L0(samples=0), r"number of training samples.*samples=0"),
        (lambda: L0(drop_rate=1.0), r"probability within \(0, 1\).*drop_rate=1.0"),
        (lambda: L0(input_drop_rate=0), r"`input_drop_rate`.*input_drop_rate=0"),
        (lambda: BCGNJ(samples=None), r"number of training samples.*samples=None"),
        (lambda: BCGNJ(threshold=True), r"finite number.*threshold=True"),
        (lambda: BCGHS(scale=0.0), r"above 0.*scale=0.0"),
        (lambda: EdgePopup(keep=0), r"within \(0, 1\].*keep=0"),
        (lambda: NAMES["dnw"](keep=1.5), r"within \(0, 1\].*keep=1.5"),
    ],
)
def test_arguments_out_of_range_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
