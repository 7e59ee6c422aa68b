"""The gradients of a SwitcherModel: equations 5 to 7 of the paper, and finite differences."""

import keras
import numpy as np
import pytest
from helpers.paper import SWITCHER, TASK, gradients, paper_model, weights
from helpers.toys import crossentropy, data, float64, float64_error, randomize, switched, values
from keras import layers

SAMPLE = np.array([[1.3]]), np.array([2])


def stepped(**kwargs):
    """The gradients of one training step: with SGD at rate 1, what the weights lost."""
    with float64():
        model = paper_model(**kwargs)
        model.train_on_batch(*SAMPLE)
        task, switcher = weights(model)
    return TASK - task, SWITCHER - switcher


@pytest.mark.parametrize("through", [True, False])
def test_joint_step_has_the_gradients_of_equations_5_and_6(through):
    task, switcher = stepped(alternation="joint", gradient_through_switcher=through)
    of_task, of_switcher = gradients(TASK, SWITCHER, 1.3, 2, through=through)
    np.testing.assert_allclose(task, of_task, rtol=0, atol=float64_error(1e-12))
    np.testing.assert_allclose(switcher, of_switcher, rtol=0, atol=float64_error(1e-12))


def test_second_term_of_equation_6_matters_here():
    with_term, without = (gradients(TASK, SWITCHER, 1.3, 2, through=t)[0] for t in (True, False))
    assert np.abs(with_term - without).max() > 0.01


def test_warm_up_step_has_the_gradient_of_equation_7():
    task, switcher = stepped(warmup_epochs=1)
    np.testing.assert_allclose(
        task, gradients(TASK, SWITCHER, 1.3, 2, warm=True)[0], atol=float64_error(1e-12)
    )
    assert not switcher.any()


def test_batch_alternation_updates_the_task_from_the_new_switcher():
    task, switcher = stepped(alternation="batch")
    of_switcher = gradients(TASK, SWITCHER, 1.3, 2)[1]
    of_task = gradients(TASK, SWITCHER - of_switcher, 1.3, 2)[0]
    np.testing.assert_allclose(switcher, of_switcher, rtol=0, atol=float64_error(1e-12))
    np.testing.assert_allclose(task, of_task, rtol=0, atol=float64_error(1e-12))


@pytest.mark.only("tensorflow", reason="Under others Keras takes tanh and means in float32 alone.")
@pytest.mark.parametrize("direction", range(3))
def test_gradient_of_a_whole_network_equals_finite_differences(direction):
    with float64():
        task = keras.Sequential(
            [
                keras.Input((6, 6, 1)),
                layers.Conv2D(3, 3, activation="tanh"),
                layers.Flatten(),
                layers.Dense(5, "tanh"),
                layers.Dense(3),
            ]
        )
        x, y = data(8, (6, 6, 1))
        model = switched(task, alternation="joint", rate=1.0)
        randomize(model.switcher.trainable_variables, 0.3)
        model.switcher.of_channels.beta.assign(1.5)
        variables = model.trainable_variables
        before = values(variables)
        along = values(variables)
        random = np.random.default_rng(direction)
        along = [random.normal(size=value.shape) for value in before]

        def loss(step):
            for variable, value, change in zip(variables, before, along, strict=True):
                variable.assign(value + step * change)
            return float(crossentropy()(y, model(x)))

        expected = (loss(1e-5) - loss(-1e-5)) / 2e-5
        loss(0)
        model.train_on_batch(x, y)
        steps = zip(before, values(variables), along, strict=True)
        slope = sum(np.sum((old - new) * change) for old, new, change in steps)
    assert slope == pytest.approx(expected, rel=1e-6)
    assert abs(expected) > 1e-3
