"""Reading, pruning and training networks works where TensorFlow is not installed."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import sys
sys.modules["tensorflow"] = None  # Importing it fails as if it were not there.
import keras
import numpy as np
import keras_switcher as ks
from keras import layers

assert keras.backend.backend() == "{backend}"
model = keras.Sequential([
    keras.Input((8, 8, 3)),
    layers.Conv2D(6, 3, activation="relu", name="first"),
    layers.BatchNormalization(),
    layers.Conv2D(4, 3, name="second"),
    layers.GlobalAveragePooling2D(),
    layers.Dense(2, name="head"),
])
assert [group.name for group in ks.channel_groups(model)][0] == "first"
keep = np.arange(6) < 4
small = ks.prune_channels(model, {{"first": keep}})
weights = [w for layer in model.layers for w in layer.get_weights()]
second = model.get_layer("second")
kernel, bias = second.get_weights()
kernel[:, :, ~keep] = 0
second.set_weights([kernel, bias])
x = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
np.testing.assert_allclose(small.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-5)
assert ks.count_macs(small).total < ks.count_macs(model).total

switched = ks.SwitcherModel(model)
switched.compile("sgd", "mse", jit_compile=False)
switched.fit(x, np.zeros((2, 2)), verbose=0)
compact = switched.compact().predict(x, verbose=0)
np.testing.assert_allclose(switched.predict(x, verbose=0), compact, atol=1e-5)
print("done")
"""


def ran(script, backend):
    """A script that ran in a process of its own, on a backend."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_no_tensorflow_is_needed(backend):
    pytest.importorskip(backend)
    found = ran(SCRIPT.format(backend=backend), backend)
    assert found.stdout.strip() == "done", found.stderr


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_a_backend_that_is_not_installed_is_named_with_its_extra(backend):
    missing = f"import sys; sys.modules['{backend}'] = None; import keras_switcher"
    errors = ran(missing, backend).stderr
    assert f"{backend}" in errors
    assert "pip install tensorflow, or 'keras-switcher[jax]', or 'keras-switcher[torch]'" in errors
