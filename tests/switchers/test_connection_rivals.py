"""Edge-popup and DNW: masks by rank, and the gradients of what is off."""

import keras
import numpy as np
import pytest
from helpers.gradients import gradient_of
from helpers.toys import crossentropy, data, fit, mlp, same, stepped, switched, values
from keras import ops

from keras_switcher import SwitcherModel
from keras_switcher.switchers import DNW, EdgePopup
from keras_switcher.switchers.ranking import strongest

ALTERNATIONS = ["batch", "joint", "epoch", "switcher", "task"]


def top(matrix, keep):
    """1 for the largest magnitudes of a matrix."""
    least = np.sort(np.abs(matrix).ravel())[-max(1, round(keep * matrix.size))]
    return (np.abs(matrix) >= least).astype("float32")


def kernels(model):
    return values([layer.kernel for layer in model.task.layers])


def twin_of(model, masks):
    """The task network with these masks multiplied into its kernels."""
    twin = keras.models.clone_model(model.task)
    for layer, other, mask in zip(model.task.layers, twin.layers, masks, strict=True):
        kernel, bias = layer.get_weights()
        other.set_weights([kernel * mask, bias])
    return twin


def gradients_of(network, x, y):
    def loss(variables):
        return crossentropy()(y, network(x))

    return values(gradient_of(loss, network.trainable_variables))


def test_of_equal_entries_there_are_never_too_many():
    for keep, number in [(0.5, 6), (0.01, 1), (1.0, 12)]:
        mask = values([strongest(ops.ones((3, 4)), keep)])[0]
        assert mask.shape == (3, 4)
        assert mask.sum() == number
    assert set(np.unique(mask)) == {1}


@pytest.mark.parametrize("keep", [0.1, 0.5, 1.0])
def test_dnw_keeps_the_largest_weights_of_each_layer(keep):
    model = SwitcherModel(mlp(), DNW(keep), connections=True)
    for factor, kernel in zip(model.scaling_factors().values(), kernels(model), strict=True):
        np.testing.assert_array_equal(factor, top(kernel, keep))
    assert model.switcher.trainable_variables == []


def test_dnw_trains_all_weights_by_the_gradient_of_the_masked_network():
    x, y = data()
    model = switched(mlp(), DNW(0.5), alternation="task", connections=True, rate=1.0)
    masks = [top(kernel, 0.5) for kernel in kernels(model)]
    expected = gradients_of(twin_of(model, masks), x, y)
    before = values(model.task.trainable_variables)
    fit(model, x, y, batch_size=len(x))
    moved = [a - b for a, b in zip(before, values(model.task.trainable_variables), strict=True)]
    for one, other in zip(moved, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    of_head = moved[2][masks[1] == 0]
    assert np.abs(of_head).max() > 1e-3, "what is off is trained, too"


def test_what_dnw_has_switched_off_comes_back():
    model = switched(mlp(), DNW(0.3), alternation="task", connections=True, rate=0.5)
    before = model.scaling_factors()
    stepped(model, epochs=10)
    after = model.scaling_factors()
    for name, factor in before.items():
        assert factor.sum() == after[name].sum()
        assert (after[name] > factor).any()


@pytest.mark.parametrize("alternation", ALTERNATIONS)
def test_a_switcher_without_variables_works_with_every_alternation(alternation, tmp_path):
    x, y = data()
    model = switched(
        mlp(),
        DNW(0.5),
        alternation=alternation,
        connections=True,
        compiled={"switcher_optimizer": keras.optimizers.Adam()},
    )
    before = values(model.task.weights)
    history = fit(model, x, y, batch_size=8, epochs=2, validation_data=(x, y))
    assert np.isfinite(history["loss"]).all()
    assert same(before, model.task.weights) == (alternation == "switcher")
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    fit(loaded, x, y, batch_size=8)
    assert loaded.structure().removed("weights") == pytest.approx(0.5, abs=0.2)


def test_edge_popup_keeps_the_best_scores_of_each_layer():
    model = SwitcherModel(mlp(), EdgePopup(0.3, seed=1), alternation="switcher", connections=True)
    scores = values(model.switcher.scores)
    for factor, score, inputs in zip(model.scaling_factors().values(), scores, (4, 8), strict=True):
        np.testing.assert_array_equal(factor, top(score, 0.3))
        assert 0.7 / np.sqrt(inputs) < np.abs(score).max() <= 1 / np.sqrt(inputs)
        assert score.min() < 0 < score.max()
    again = EdgePopup(0.3, seed=1)
    SwitcherModel(mlp(), again, alternation="switcher", connections=True)
    assert same(scores, again.scores)


def test_edge_popup_trains_scores_by_the_gradient_of_its_connections():
    """`score - rate * weight * gradient on the scaled weight`, by the sign of the score."""
    x, y = data()
    options = {"alternation": "switcher", "connections": True, "rate": 1.0}
    model = switched(mlp(), EdgePopup(0.5, seed=1), **options)
    scores, before = values(model.switcher.scores), values(model.task.weights)
    of_twin = gradients_of(twin_of(model, [top(score, 0.5) for score in scores]), x, y)
    fit(model, x, y, batch_size=len(x))
    for i, kernel in enumerate(kernels(model)):
        expected = scores[i] - kernel * of_twin[2 * i] * np.sign(scores[i])
        np.testing.assert_allclose(values(model.switcher.scores)[i], expected, atol=1e-6)
    assert same(before, model.task.weights)


@pytest.mark.parametrize("alternation", ALTERNATIONS)
def test_edge_popup_says_where_weights_are_trained_as_well(alternation):
    model = switched(mlp(), EdgePopup(seed=1), alternation=alternation, connections=True)
    if alternation in ("switcher", "task"):
        stepped(model)  # Alone, the task network is trained within what was found.
        return
    with pytest.warns(UserWarning, match=r"weights stay as they are.*alternation='switcher'"):
        stepped(model)
    stepped(model)  # Once is enough.


@pytest.mark.parametrize("make", [DNW, EdgePopup])
@pytest.mark.parametrize("connections", [False, "both"])
def test_channels_are_refused(make, connections):
    with pytest.raises(ValueError, match=r"cuts single connections.*connections=True.*'hidden'"):
        SwitcherModel(mlp(), make(), connections=connections)
