"""To trace and compile graphs of networks this small takes longer than to train them eagerly.

Under JAX that is the other way round: eagerly it compiles every operation.
"""

import keras
import pytest


@pytest.fixture(autouse=True, scope="module")
def eager():
    compiled = keras.Model.compile

    def compile_eagerly(model, *args, **kwargs):
        if keras.backend.backend() != "jax":
            kwargs |= {"jit_compile": False, "run_eagerly": True}
        compiled(model, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.Model, "compile", compile_eagerly)
        yield
