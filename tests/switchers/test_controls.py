"""The controls: each takes away one thing, and nothing else."""

import keras
import numpy as np
import pytest
from helpers.gradients import gradient_of
from helpers.toys import crossentropy, data, fit, furthest, mlp, randomize, same, switched, values
from keras import ops

from keras_switcher import SwitcherModel
from keras_switcher.switchers import (
    ConstantInput,
    FreeFactors,
    FrozenSwitcher,
    RowSwitcher,
    ShuffledInput,
    UNetSwitcher,
)

WRAPPERS = [FrozenSwitcher, ShuffledInput, ConstantInput]


def factors(model):
    return values(model.factors().values())


def disturb(task):
    randomize(task.trainable_variables, seed=9)


@pytest.mark.parametrize("alternation", ["batch", "joint", "epoch"])
def test_frozen_switcher_is_not_trained(alternation):
    model = switched(
        switcher=FrozenSwitcher(RowSwitcher(start="near_one")), alternation=alternation
    )
    switcher, task = values(model.switcher.variables), values(model.task.variables)
    before = factors(model)
    fit(model, epochs=2)
    assert same(switcher, model.switcher.variables)
    assert not same(task, model.task.variables)
    assert not same(before, factors(model)), "it still reads the weights as they become"


def test_frozen_switcher_keeps_its_running_statistics():
    inner = UNetSwitcher(normalization="batch", depth=1)
    model = switched(switcher=FrozenSwitcher(inner))
    before = values(model.switcher.variables)
    fit(model, epochs=2)
    assert same(before, model.switcher.variables)


@pytest.mark.parametrize(
    ("keep", "start"), [(0.25, "near_one"), (0.5, "near_one"), (1.0, "near_one"), (1.0, "one")]
)
def test_frozen_switcher_keeps_its_share_by_rank(keep, start):
    inner = RowSwitcher(start=start)
    model = SwitcherModel(mlp(), FrozenSwitcher(inner, keep=keep))
    for kept, free in zip(factors(model), values(inner(records=model.records)), strict=True):
        assert np.sum(kept > 0) == round(keep * len(free))
        np.testing.assert_array_equal(kept[kept > 0], free[kept > 0])
        assert free[kept > 0].min() >= free[kept == 0].max(initial=0)


@pytest.mark.parametrize("keep", [0, -0.5, 1.5, "half", True])
def test_frozen_switcher_refuses_a_share_out_of_range(keep):
    with pytest.raises(ValueError, match="keep"):
        FrozenSwitcher(RowSwitcher(), keep=keep)


@pytest.mark.parametrize(
    "within",
    [
        RowSwitcher,
        UNetSwitcher,
        lambda: FreeFactors(start="one"),
        lambda: ShuffledInput(ConstantInput(RowSwitcher())),
        lambda: FrozenSwitcher(RowSwitcher()),
    ],
)
def test_frozen_switcher_refuses_to_rank_equal_factors(within):
    with pytest.raises(ValueError, match=r"that start at one are all equal\. .*'near_one'"):
        FrozenSwitcher(within(), keep=0.5)
    FrozenSwitcher(within())
    FrozenSwitcher(within(), keep=1.0)


def test_a_trained_switcher_can_be_frozen_ranked_and_saved(tmp_path):
    trained = RowSwitcher()
    SwitcherModel(mlp(), trained)
    trained.of_channels.gamma.assign(0.3)
    frozen = FrozenSwitcher(trained, keep=0.5)
    again = FrozenSwitcher.from_config(frozen.get_config())
    assert again.keep == 0.5
    model = SwitcherModel(mlp(), again)
    again.switcher.set_weights(trained.get_weights())
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert same(factors(model), factors(loaded))
    assert [np.sum(kept > 0) for kept in factors(loaded)] == [
        round(len(kept) / 2) for kept in factors(loaded)
    ]


def ranks(vector):
    return np.argsort(np.argsort(vector))


def test_free_factors_read_no_weights():
    model = SwitcherModel(mlp(), FreeFactors())
    before = factors(model)
    disturb(model.task)
    assert same(before, factors(model))


def test_free_factors_train_by_the_gradient_of_the_factors():
    x, y = data()
    free = FreeFactors(seed=3, ceiling=None)
    model = switched(switcher=free, alternation="switcher", rate=1.0)
    assert (model.switcher.parameters.numpy() > 0).all()
    before = factors(model)
    names = list(model.factors())

    def loss(given):
        factors = dict(zip(names, given, strict=True))
        return crossentropy()(y, model.gated.run(ops.convert_to_tensor(x), factors))

    gradient = np.concatenate(values(gradient_of(loss, before)))
    fit(model, x, y, batch_size=len(x))
    moved = np.concatenate(before) - values([model.switcher.parameters])[0]
    np.testing.assert_allclose(moved, gradient, atol=1e-6)
    assert np.abs(gradient).max() > 1e-3


@pytest.mark.parametrize(("start", "mean", "spread"), [("near_one", 1, 0.3), ("half_zeros", 0, 1)])
def test_free_factors_start_where_asked(start, mean, spread):
    model = SwitcherModel(mlp(units=2000), FreeFactors(start, seed=1))
    drawn = values([model.switcher.parameters])[0]
    assert drawn.mean() == pytest.approx(mean, abs=0.07)
    assert drawn.std() == pytest.approx(spread, rel=0.07)
    again = SwitcherModel(mlp(units=2000), FreeFactors(start, seed=1))
    assert same([drawn], [again.switcher.parameters])


def test_shuffled_input_permutes_within_each_group():
    inner = RowSwitcher(start="near_one")
    model = SwitcherModel(mlp(units=16), ShuffledInput(inner, seed=1))
    orders = []
    for _ in range(2):
        own, shuffled = values(inner(records=model.records)), factors(model)
        for mine, theirs in zip(own, shuffled, strict=True):
            np.testing.assert_array_equal(np.sort(mine), np.sort(theirs))
        orders.append([np.argsort(o)[ranks(s)] for o, s in zip(own, shuffled, strict=True)])
        disturb(model.task)
    assert same(orders[0], orders[1]), "the permutation changes with the weights"
    assert not np.array_equal(orders[0][0], np.arange(16))


def test_shuffled_input_depends_on_its_seed_alone():
    first, second, other = (
        ShuffledInput(FreeFactors("near_one", seed=0), seed=seed) for seed in (1, 1, 2)
    )
    results = [factors(SwitcherModel(mlp(units=16), s)) for s in (first, second, other)]
    assert same(results[0], results[1])
    assert not same(results[0], results[2])


def test_constant_input_sees_the_weights_as_they_were():
    plain, reads_copies = RowSwitcher(start="near_one"), RowSwitcher(start="near_one")
    plain, model = (SwitcherModel(mlp(), s) for s in (plain, ConstantInput(reads_copies)))
    plain.task.set_weights(model.task.get_weights())
    plain.switcher.set_weights(model.switcher.switcher.get_weights())
    before = factors(model)
    assert furthest(before, factors(plain)) < 1e-6
    disturb(model.task)
    disturb(plain.task)
    assert same(before, factors(model))
    assert not same(before, factors(plain))


def test_constant_input_still_trains_its_switcher():
    model = switched(switcher=ConstantInput(RowSwitcher()))
    copies, inner = values(model.switcher._copies), values(model.switcher.switcher.variables)
    fit(model)
    assert same(copies, model.switcher._copies)
    assert not same(inner, model.switcher.switcher.variables)


def test_constant_input_keeps_its_copies_in_a_file(tmp_path):
    model = switched(switcher=ConstantInput(RowSwitcher()))
    fit(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert same(factors(model), factors(loaded))
    assert same(model.switcher._copies, loaded.switcher._copies)
    assert not same(loaded.switcher._copies[:1], [loaded.task.layers[0].kernel])


@pytest.mark.parametrize(
    "switcher",
    [
        FrozenSwitcher(RowSwitcher(units=4, start="near_one"), keep=0.5),
        FreeFactors(start="one", seed=4),
        ShuffledInput(RowSwitcher(start="one"), seed=7),
        ConstantInput(FreeFactors()),
        FrozenSwitcher(ShuffledInput(ConstantInput(RowSwitcher(units=3)), seed=2)),
    ],
    ids=lambda switcher: switcher.name,
)
def test_config_round_trip(switcher):
    again = type(switcher).from_config(switcher.get_config())
    assert again.get_config() == switcher.get_config()


def test_controls_can_be_nested():
    inner = RowSwitcher(start="near_one")
    model = switched(switcher=FrozenSwitcher(ShuffledInput(ConstantInput(inner), seed=3)))
    before, start = factors(model), values(inner.variables)
    own = values(inner(records=model.records))
    assert same([np.sort(factor) for factor in own], [np.sort(factor) for factor in before])
    assert not same(own, before)
    fit(model)
    assert same(start, inner.variables)
    assert same(before, factors(model)), "neither the switcher nor what it reads has changed"


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("inner", ["row", None, RowSwitcher])
def test_wrappers_want_a_switcher(wrapper, inner):
    with pytest.raises(ValueError, match=r"pass a keras_switcher Switcher.*Received: switcher="):
        wrapper(inner)


@pytest.mark.parametrize("wrapper", [None, *WRAPPERS])
def test_a_switcher_belongs_to_one_model(wrapper):
    inner = RowSwitcher(name="mine")
    SwitcherModel(mlp(), inner if wrapper is None else wrapper(inner))
    for outer in (lambda s: s, ShuffledInput):
        with pytest.raises(ValueError, match="'mine' belongs to another model"):
            SwitcherModel(mlp(), outer(inner))
