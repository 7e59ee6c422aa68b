"""Checks of a budget: under any loss, and around a network that was trained before.

A row has its own fields here: scores, R2 (the worse one of two outputs) or accuracy on held-out
samples, of the dense network and under the budget.
"""

import keras
import numpy as np

from recipes.methods import method
from recipes.networks import TASKS
from recipes.studies.problems import PROBLEMS
from recipes.switching import switched
from recipes.trials.trial import Trial


@method("budget from scratch")
def from_scratch(trial: Trial) -> dict:
    """Trains dense and with a budget, on two thirds of the samples; the others are held out."""
    settings = trial.settings
    network, x, y, compiled = PROBLEMS[trial.experiment.task]()
    known, held_out = slice(2 * len(x) // 3), slice(2 * len(x) // 3, None)
    samples = x[known], [part[known] for part in y]
    scores, losses = [], []
    for is_switched in (False, True):
        keras.utils.set_random_seed(trial.seed)
        model = network()
        if is_switched:
            model = switched(model, settings)
        optimizer = _falling(settings.learning_rate, settings, len(samples[0]))
        model.compile(optimizer, jit_compile=False, **compiled)
        losses.append(_trained(model, samples, settings.epochs))
        outputs = keras.tree.flatten(model.predict(x[held_out], verbose=0))
        scores.append(min(map(_r2, [part[held_out] for part in y], outputs)))
    return _row(model, settings, *scores, *losses[1])


@method("budget around a trained network")
def around_trained(trial: Trial) -> dict:
    """Trains a network, wraps it, and fine-tunes it under the budget."""
    settings, (train, held_out, _) = trial.settings, trial.data
    trained = _network(trial.experiment.task, trial.seed, settings.epochs, settings, train)
    model = keras.models.clone_model(trained)
    model.set_weights(trained.get_weights())
    before = model.predict(held_out.x, verbose=0)
    keras.utils.set_random_seed(trial.seed)
    model = switched(model, settings)
    rate = settings.switcher_learning_rate
    _compile(model, settings, train, switcher_optimizer=_falling(rate, settings, len(train.x)))
    after = model.predict(held_out.x, verbose=0)
    first, last = _trained(model, train, settings.epochs)
    losses = first, max(last, 1e-7)  # A perfect fit has a loss of 0.
    scores = (held_out.accuracy(of) for of in (before, model.predict(held_out.x, verbose=0)))
    moved = float(np.abs(after - before).max())
    return _row(model, settings, *scores, *losses) | {"difference": moved}


def _network(task, seed, epochs, settings, train):
    keras.utils.set_random_seed(seed)
    model = TASKS[task].network()
    _compile(model, settings, train)
    model.fit(*train, epochs=epochs, verbose=0)
    return model


def _compile(model, settings, train, **optimizers):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    falling = _falling(settings.learning_rate, settings, len(train.x))
    model.compile(falling, loss, jit_compile=False, **optimizers)


def _trained(model, samples, epochs):
    """Trains; returns the losses before and after."""
    first = model.evaluate(*samples, verbose=0, return_dict=True)["loss"]
    model.fit(*samples, epochs=epochs, verbose=0)
    return first, model.evaluate(*samples, verbose=0, return_dict=True)["loss"]


def _falling(rate, settings, samples):
    """Under a constant rate scores of last epochs are chance, and a channel may go in the last."""
    steps = settings.epochs * -(-samples // settings.batch_size)
    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps))


def _row(model, settings, dense, score, first, last):
    kept = 1 - model.structure().removed(settings.budget_of)
    return {
        "epochs": settings.epochs,
        "kept": kept,
        "off": 100 * abs(kept - settings.budget),
        "dense": dense,
        "switched": score,
        "loss_fell_by": round(first / last, 1),
        "waited": float(keras.ops.convert_to_numpy(model.budget_progress.waited)),
    }


def _r2(y, outputs):
    return float(1 - np.mean((y - outputs) ** 2) / np.var(y, axis=0).mean())
