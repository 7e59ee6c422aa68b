"""Models and plans that an older version wrote load, and compute what they did."""

from pathlib import Path

import keras
import numpy as np
import pytest

from keras_switcher import PruningPlan

FILES = Path(__file__).parent / "files"


@pytest.mark.only("tensorflow", reason="Its factors are those of TensorFlow, to the last digits.")
@pytest.mark.parametrize("name", ["channels", "connections"])
def test_a_saved_model_computes_what_it_did(name):
    model, known = keras.saving.load_model(FILES / f"{name}.keras"), np.load(FILES / f"{name}.npz")
    np.testing.assert_allclose(model(known["x"]), known["gated"], atol=1e-5)
    np.testing.assert_allclose(model.compact()(known["x"]), known["compact"], atol=1e-5)
    for group, factors in model.scaling_factors().items():
        stored = known[f"factors_{group.replace('/', '__')}"]
        np.testing.assert_allclose(factors, stored, atol=1e-6)
    assert float(model.epochs_seen) == known["epochs"]
    assert int(model.optimizer.iterations) > 0
    assert int(model.switcher_optimizer.iterations) > 0


@pytest.mark.parametrize("name", ["channels", "connections"])
def test_a_saved_plan_makes_the_same_network(name):
    task = keras.saving.load_model(FILES / f"{name}_task.keras", compile=False)
    known = np.load(FILES / f"{name}.npz")
    small = PruningPlan.load(FILES / f"{name}_plan.json").apply(task)
    np.testing.assert_allclose(small(known["x"]), known["compact"], atol=1e-5)


def test_training_goes_on():
    rng = np.random.default_rng(0)
    model = keras.saving.load_model(FILES / "channels.keras")
    x, y = rng.normal(size=(32, 8, 8, 3)).astype("float32"), rng.integers(0, 4, 32)
    history = model.fit(x, y, epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    assert float(model.epochs_seen) == np.load(FILES / "channels.npz")["epochs"] + 1
