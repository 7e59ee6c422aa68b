"""What one backend wrote is read under the others, and training goes on."""

import keras
import numpy as np
import pytest
from helpers.exchanged import BACKENDS, FILES, samples
from helpers.toys import fit, values


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.filterwarnings("ignore:`jit_compile=True` has no effect:UserWarning")
def test_a_model_of_another_backend_is_the_same(backend):
    model = keras.saving.load_model(FILES / f"{backend}.keras")
    with np.load(FILES / f"{backend}.npz") as known:
        stored = [known[name] for name in known.files if name != "outputs"]
        outputs = known["outputs"]
    for found, expected in zip(values(model), stored, strict=True):
        np.testing.assert_array_equal(found, expected)
    x, y = samples()
    atol = 1e-5 * np.abs(outputs).max()
    np.testing.assert_allclose(model.predict(x, verbose=0), outputs, rtol=0, atol=atol)
    compact = keras.ops.convert_to_numpy(model.compact()(x, training=False))
    np.testing.assert_allclose(compact, outputs, rtol=0, atol=atol)
    fit(model, x, y, initial_epoch=3, epochs=4)
    assert int(keras.ops.convert_to_numpy(model.epochs_seen)) == 4
