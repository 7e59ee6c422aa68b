"""To trace and compile graphs of networks this small takes longer than to train them eagerly."""

import keras
import pytest


@pytest.fixture(autouse=True, scope="module")
def eager():
    compiled = keras.Model.compile

    def compile_eagerly(model, *args, **kwargs):
        compiled(model, *args, **{**kwargs, "jit_compile": False, "run_eagerly": True})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.Model, "compile", compile_eagerly)
        yield
