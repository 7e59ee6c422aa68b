"""How rates fall over a training, and a training in parts."""

import keras
import numpy as np
import pytest
from helpers.toys import data, mlp, randomize, same, values

from recipes.datasets import Part
from recipes.settings import Settings
from recipes.training import train

EPOCHS, RATE = 6, 0.1
UPDATES = 4 * EPOCHS


def trained(folder, spans=(range(EPOCHS),), schedule="cosine"):
    """A small network after these spans of a training, and the rates of its updates."""
    settings = Settings(
        epochs=EPOCHS, batch_size=8, learning_rate=RATE, momentum=0.0, schedule=schedule
    )
    model, rates = mlp(), []
    randomize(model.weights)

    def note(*_, **__):
        if keras.backend.backend() == "jax":  # While it trains, variables have no values.
            model.jax_state_sync()
        rates.append(float(model.optimizer.learning_rate))

    record = keras.callbacks.LambdaCallback(on_train_batch_begin=note)
    for span in spans:
        part, of_span = Part(*data()), folder / str(span.start)
        train(model, part, settings, of_span, callbacks=[record], span=span)
    return model, rates


def cosine(updates):
    return RATE * (1 + np.cos(np.pi * np.arange(updates) / updates)) / 2


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("cosine", cosine(UPDATES)),
        ("two cosines", np.tile(cosine(UPDATES // 2), 2)),
        # Keras takes the update at which a step ends to be the last one before it.
        ("steps", np.repeat([RATE, RATE / 10, RATE / 100], [13, 6, 5])),
    ],
)
def test_rates_fall_as_the_schedule_says(schedule, expected, tmp_path):
    _, rates = trained(tmp_path, schedule=schedule)
    np.testing.assert_allclose(rates, expected, atol=1e-7)


@pytest.mark.parametrize("schedule", ["cosine", "steps"])
def test_a_training_in_two_parts_is_the_whole_one(schedule, tmp_path):
    whole, rates = trained(tmp_path / "whole", schedule=schedule)
    spans = [range(4), range(4, EPOCHS)]
    parts, the_same = trained(tmp_path / "parts", spans, schedule)
    assert the_same == rates
    assert same(values(whole.weights), parts.weights)


def test_an_interrupted_training_says_where_it_goes_on_and_counts_its_time(tmp_path, capsys):
    settings = Settings(epochs=3, batch_size=8, learning_rate=RATE)

    def run(epochs):
        return train(mlp(), Part(*data()), settings, tmp_path, span=range(epochs))

    before = run(2)
    assert "goes on" not in capsys.readouterr().out
    after = run(3)
    assert "  goes on after epoch 2\n" in capsys.readouterr().out
    assert 0 < before < after
    assert run(3) == after
