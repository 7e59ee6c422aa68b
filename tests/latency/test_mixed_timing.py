"""Networks in mixed precision are timed in float32, as their files are."""

import keras
import pytest
from keras import layers

import keras_switcher as ks
from keras_switcher.latency import stopwatch


def network():
    inputs = keras.Input((8, 8, 2))
    x = layers.Conv2D(16, 3, padding="same", name="first")(inputs)
    x = layers.Conv2D(32, 1, activation="relu", name="second")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, layers.Dense(5, name="head")(x))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_a_network_in_mixed_precision_is_timed_in_full_precision(policy, monkeypatch):
    timed = []

    def seconds(model, *settings):
        timed.append(model)
        return 1e-6 + 1e-9 * ks.count_macs(model).total

    monkeypatch.setattr(stopwatch, "seconds_of", seconds)
    before = keras.config.dtype_policy()
    full = network()
    try:
        keras.config.set_dtype_policy(policy)
        mixed = network()
        table = ks.latency.measure(mixed, verbose=False)
    finally:
        keras.config.set_dtype_policy(before)
    assert {layer.output.dtype for model in timed for layer in model.layers} == {"float32"}
    assert mixed.get_layer("first").compute_dtype == keras.DTypePolicy(policy).compute_dtype
    assert table.milliseconds(mixed) == table.milliseconds(full)
    small = ks.prune(mixed, ks.Budget(0.8, of="latency", table=table))
    assert table.milliseconds(small, pruned_from=mixed) <= 0.8 * table.milliseconds(mixed)


def test_a_network_that_cannot_be_built_in_full_precision_is_told():
    class Odd(layers.Dense):
        def get_config(self):
            return {**super().get_config(), "unknown": 1}

    model = keras.Sequential([keras.Input((4,)), Odd(2, dtype="mixed_bfloat16")], name="odd")
    with pytest.raises(ValueError, match=r"'odd' computes in half precision.*cannot be built anew"):
        ks.latency.measure(model, verbose=False)


@pytest.mark.only("tensorflow", reason="LiteRT's converter is TensorFlow's.")
@pytest.mark.filterwarnings("ignore:The sum over its layers is off by")
def test_nothing_is_printed_where_it_is_not_asked_for(capsys):
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2, dtype="mixed_bfloat16")])
    ks.latency.measure(model, verbose=False)
    assert capsys.readouterr().out == ""
