"""Gradual switchers: masks meet the target as it falls, by scores, and are resumed exactly."""

import warnings

import keras
import numpy as np
import pytest
from helpers.checks import draw_inputs, with_random_weights
from helpers.toys import convnet, crossentropy, data, mlp
from keras import ops

import keras_switcher as ks
from keras_switcher.training.mask_renewal import MaskRenewal


def gradual(task, switcher="magnitude", rate=0.1, end_epoch=3, keep=0.4, **kwargs):
    kwargs.setdefault("alternation", "task")
    budget = ks.Budget(keep, end_epoch=end_epoch)
    model = ks.SwitcherModel(task, switcher, budget=budget, **kwargs)
    model.compile(keras.optimizers.SGD(rate), crossentropy(), run_eagerly=False)
    # As if it had been trained before, so that the budget does not wait.
    model.budget_progress.was_trained.assign(1.0)
    return model


class Kept(keras.callbacks.Callback):
    """The kept share and the target as each batch begins, after the masks are renewed."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_begin(self, batch, logs=None):
        model = self.model
        target = float(model.budget.target(model.schedule.epoch))
        kept = float(model.accounting.kept(model.factors(), model.budget.of))
        self.seen.append((kept, target))


@pytest.mark.parametrize("switcher", ["magnitude", "uniform", "taylor", "random"])
def test_masks_meet_the_target_from_below(switcher):
    make = {"magnitude": {}, "uniform": {"allocation": "uniform"}}.get(switcher)
    names = {"taylor": "taylor", "random": "random"}
    arguments = {"criterion": names[switcher]} if make is None else make
    model = gradual(
        with_random_weights(convnet()), ks.switchers.Gradual(renew_every=1, **arguments)
    )
    x, y = data(shape=(8, 8, 1))
    kept = Kept()
    model.fit(x, y, batch_size=8, epochs=5, callbacks=[kept], verbose=0)
    assert all(share <= target + 1e-6 for share, target in kept.seen)
    assert 1 - model.structure().removed("weights") <= 0.4
    assert set(np.concatenate([f.ravel() for f in model.scaling_factors().values()])) == {0.0, 1.0}
    inputs = draw_inputs(model.task)
    np.testing.assert_allclose(model.compact()(inputs), model(inputs), rtol=1e-5, atol=1e-5)


@pytest.mark.only("tensorflow", "jax", reason="Keras executes steps of PyTorch one by one.")
def test_masks_are_renewed_as_often_where_several_steps_are_executed_at_once(monkeypatch):
    model = gradual(mlp(), ks.switchers.Gradual(renew_every=6))
    model.steps_per_execution = 4
    begun, batches = [], []
    note = keras.callbacks.LambdaCallback(on_train_batch_begin=lambda b, logs: batches.append(b))
    monkeypatch.setattr(MaskRenewal, "_renew", lambda _: begun.append(batches[-1:]))
    x, y = data(16 * 8)
    model.fit(x, y, batch_size=8, epochs=2, callbacks=[note], verbose=0)
    assert batches == 2 * [0, 4, 8, 12]
    assert len(begun) == 2 * 3 + 1  # At batches 0, 8 and 12, and as training ends.


def test_names_choose_criterion_and_allocation():
    made = {name: ks.switchers.get(name) for name in ("magnitude", "uniform", "taylor", "random")}
    assert {name: (s.criterion, s.allocation) for name, s in made.items()} == {
        "magnitude": ("group_norm", "global"),
        "uniform": ("group_norm", "uniform"),
        "taylor": ("taylor", "global"),
        "random": ("random", "global"),
    }


def test_magnitude_keeps_the_largest_norms():
    model = gradual(with_random_weights(mlp(16)), groups=["hidden"], keep=0.5, rate=0.0)
    x, y = data()
    model.fit(x, y, epochs=4, verbose=0)
    w, v = (ops.convert_to_numpy(layer.kernel) for layer in model.task.layers)
    norms = np.sqrt((w**2).sum(0) + (v**2).sum(1))
    assert np.flatnonzero(model.scaling_factors()["hidden"]).tolist() == sorted(
        np.argsort(-norms)[:8].tolist()
    )


def test_what_is_off_may_come_back_until_the_budget_is_reached():
    model = gradual(with_random_weights(mlp(16)), groups=["hidden"], keep=0.5, rate=0.0)
    x, y = data()
    model.fit(x, y, epochs=2, verbose=0)
    off = np.flatnonzero(model.scaling_factors()["hidden"] == 0)
    assert len(off)
    head = model.task.layers[-1].kernel
    strong = ops.convert_to_numpy(head).copy()
    strong[off[0]] = 10
    head.assign(strong)
    model.fit(x, y, epochs=4, initial_epoch=2, verbose=0)
    assert model.scaling_factors()["hidden"][off[0]] == 1
    settled = model.scaling_factors()["hidden"]
    strong[:] = 1e-3
    strong[np.flatnonzero(settled == 0)] = 10
    head.assign(strong)
    model.fit(x, y, epochs=6, initial_epoch=4, verbose=0)
    assert np.array_equal(model.scaling_factors()["hidden"], settled)


def test_connections():
    model = gradual(with_random_weights(mlp(16)), connections=True, keep=0.3, rate=0.0)
    x, y = data()
    model.fit(x, y, epochs=4, verbose=0)
    masks = model.scaling_factors()
    assert 1 - model.structure().removed("weights") <= 0.3
    for group in model.gated.connections:
        size = np.abs(ops.convert_to_numpy(group.layer.kernel))
        mask = masks[group.name]
        # All but the path that keeps the layers connected.
        assert size[mask > 0].mean() > size[mask == 0].mean()


def test_saved_and_resumed_it_goes_on_as_if_nothing_had_been(tmp_path):
    x, y = data()

    def run(model, first, last):
        model.fit(x, y, batch_size=8, epochs=last, initial_epoch=first, shuffle=False, verbose=0)

    weights = with_random_weights(convnet()).get_weights()
    x, y = data(shape=(8, 8, 1))

    def start():
        task = convnet()
        task.set_weights(weights)
        return gradual(task, ks.switchers.Gradual(renew_every=2))

    whole = start()
    run(whole, 0, 4)
    half = start()
    run(half, 0, 2)
    half.save(tmp_path / "half.keras")
    loaded = keras.saving.load_model(tmp_path / "half.keras")
    run(loaded, 2, 4)
    for name, factors in whole.scaling_factors().items():
        assert np.array_equal(loaded.scaling_factors()[name], factors)
    for one, other in zip(whole.task.get_weights(), loaded.task.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("arguments", [{"allocation": "uniform"}, {"floor": 0.5}])
def test_shares_of_groups_are_refused_for_connections(arguments):
    model = gradual(mlp(), ks.switchers.Gradual(**arguments), connections=True)
    with pytest.raises(ValueError, match="single connections are ranked over all layers"):
        model.fit(*data(), verbose=0)


def test_it_is_not_wrapped():
    with pytest.raises(ValueError, match=r"masks of a Gradual are made by fit\(\)"):
        ks.switchers.ShuffledInput(ks.switchers.Gradual())


def test_without_a_budget_it_says_that_it_needs_one():
    model = ks.SwitcherModel(mlp(), "magnitude")
    model.compile("sgd", crossentropy())
    with pytest.raises(ValueError, match=r"follows a budget.*has none.*set `model\.budget`"):
        model.fit(*data(), verbose=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"criterion": ks.criteria.GroupNorm()}, "`criterion` must be the name of a criterion"),
        ({"straight_through": "no"}, "`straight_through` must be True or False"),
        ({"allocation": "local"}, "`allocation` must be one of"),
        ({"floor": 1}, "`floor` must be a share"),
        ({"renew_every": 0}, "`renew_every` must be a number of batches"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        ks.switchers.Gradual(**arguments)


def test_criteria_that_do_not_fit():
    x, y = data()
    with pytest.raises(ValueError, match="'activation' needs data of its own"):
        gradual(mlp(), ks.switchers.Gradual("activation")).fit(x, y, epochs=3, verbose=0)
    with pytest.raises(ValueError, match="`criterion` must be one of"):
        gradual(mlp(), ks.switchers.Gradual("norm")).fit(x, y, epochs=3, verbose=0)
    with pytest.raises(ValueError, match="Taylor scores channels alone"):
        gradual(mlp(), "taylor", connections=True).fit(x, y, epochs=3, verbose=0)


def test_another_budget_has_masks_of_its_own():
    """Also one of the same share, of something else."""
    model = gradual(with_random_weights(convnet()))
    x, y = data(shape=(8, 8, 1))
    model.fit(x, y, epochs=4, verbose=0)
    assert ks.count_macs(model.compact()).total > 0.4 * ks.count_macs(model.task).total
    model.budget = ks.Budget(0.4, of="macs", end_epoch=3)
    model.budget_progress.was_trained.assign(1.0)
    model.fit(x, y, epochs=1, verbose=0)
    assert ks.count_macs(model.compact()).total <= 0.4 * ks.count_macs(model.task).total


def test_what_a_criterion_lacks_is_said_before_training():
    x, y = data()
    for switcher, connections in (("taylor", True), (ks.switchers.Gradual("activation"), False)):
        model = gradual(mlp(), switcher, end_epoch=100, connections=connections)
        before = [ops.convert_to_numpy(weight) for weight in model.task.weights]
        with pytest.raises(ValueError, match=r"single connections|needs data of its own"):
            model.fit(x, y, epochs=1, verbose=0)
        after = [ops.convert_to_numpy(weight) for weight in model.task.weights]
        assert all(map(np.array_equal, before, after))


def stuck(epochs, **kwargs):
    """A model that learns nothing, so that its budget waits; what fit() says."""
    model = gradual(mlp(), rate=0.0, **kwargs)
    model.budget_progress.was_trained.assign(0.0)
    return model, lambda **more: said(model, epochs=epochs, **more)


def said(model, **kwargs):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(*data(), verbose=0, **kwargs)
    return [str(warning.message) for warning in caught if warning.category is UserWarning]


def test_a_budget_that_waited_until_training_ended_is_told_of_once():
    model, fit = stuck(epochs=2, end_epoch=2)
    (advice,) = fit()
    assert float(model.budget_progress.waited) == 2
    assert "40.00% of the weights were to be kept, and 100.00% are left. " in advice
    assert "the budget waited for 2 epochs: train longer" in advice
    # Then it goes on, and is reached after as long a fall.
    assert [text for text in fit(initial_epoch=1) if "were to be kept" in text] == []
    fit(initial_epoch=1)
    assert 1 - model.structure().removed("weights") <= 0.4


def test_what_the_masks_keep_is_told_where_training_is_stopped_within_the_fall():
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    model = gradual(mlp(16), end_epoch=4)
    (advice,) = said(model, epochs=9, callbacks=[Stop()])
    left = 1 - model.structure().removed("weights")
    assert 0.4 < left < 1
    assert f"{left:.2%} are left. The budget is reached at epoch 4, and 2 were trained" in advice


def test_masks_that_the_warm_up_has_left_no_time_for_are_told_of():
    (advice,) = said(gradual(mlp(), end_epoch=2, warmup_epochs=3), epochs=3)
    assert "100.00% are left. In the first 3 epochs (`warmup_epochs`) nothing is" in advice


def test_fits_that_are_known_to_be_too_short_are_told_of_before_and_the_reached_not_at_all():
    model = gradual(mlp(), end_epoch=3)
    assert [text[:24] for text in said(model, epochs=1)] == ["The budget reaches 40.00"]
    assert said(model, epochs=1) == []
    assert said(model, epochs=1) == []
    assert 1 - model.structure().removed("weights") <= 0.4


@ks.criteria.register("head_alone")
class HeadAlone(ks.criteria.Criterion):
    """Scores the connections of the head, and leaves those of other layers whole."""

    def scores(self, network):
        return {}

    def connection_scores(self, connections):
        head = connections[-1]
        return {head.name: np.abs(ops.convert_to_numpy(head.layer.kernel))}


def test_connections_that_a_criterion_leaves_out_stay():
    model = gradual(mlp(16), ks.switchers.Gradual("head_alone"), keep=0.8, connections=True)
    model.fit(*data(), epochs=4, verbose=0)
    masks = model.scaling_factors()
    assert (masks["hidden/connections"] == 1).all()
    assert 0 < masks["head/connections"].mean() < 1
    assert 1 - model.structure().removed("weights") <= 0.8
