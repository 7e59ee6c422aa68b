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
np.testing.assert_allclose(np.asarray(small(x)), np.asarray(model(x)), atol=1e-5)
assert ks.count_macs(small).total < ks.count_macs(model).total

switched = ks.SwitcherModel(model)
switched.compile("sgd", "mse", jit_compile=False)
switched.fit(x, np.zeros((2, 2)), verbose=0)
compact = np.asarray(switched.compact()(x))
np.testing.assert_allclose(switched.predict(x, verbose=0), compact, atol=1e-5)
print("done")
"""


@pytest.mark.parametrize("backend", ["jax"])
def test_no_tensorflow_is_needed(backend):
    if backend != "numpy":
        pytest.importorskip(backend)
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT.format(backend=backend)],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout.strip() == "done", ran.stderr
