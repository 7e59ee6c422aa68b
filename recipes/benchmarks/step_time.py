"""Time per batch of fit, evaluate and predict: each switcher and alternation against dense.

All models of a network run in turn, repeat after repeat, in this one process; a row's ratio is
the median over repeats of its time over the dense network's in the same repeat. On a shared
machine `cpu_ratio`, that of the CPU times of all threads together, is disturbed less. The row
"dense twin" is the dense network against its own copy: what it differs from 1 is noise. Both sides
run with the same `jit_compile`. Random images (64x64 for the backbones of keras.applications), SGD
with momentum. It runs on the backend that KERAS_BACKEND names; PyTorch knows no `jit_compile`.

    python -m recipes.benchmarks.step_time
    python -m recipes.benchmarks.step_time --networks mlp --switchers unet_per_layer --repeats 3
    python -m recipes.benchmarks.step_time --networks ResNet50 --jit off --batches 4
    python -m recipes.benchmarks.step_time --networks resnet20 --batch-size 128 --batches 10
"""

from collections.abc import Iterator
from functools import partial

import keras
import numpy as np

import keras_switcher as ks
from keras_switcher.switchers import RowSwitcher, UNetSwitcher
from recipes.benchmarks.harness import run, spread, timed_in_turn
from recipes.networks.backbones import backbone
from recipes.networks.convolutional import resnet
from recipes.networks.paper import lenet5, mlp

BACKBONES = ("ResNet50", "MobileNetV2", "EfficientNetB0", "DenseNet121", "ConvNeXtTiny")
NETWORKS = {
    "mlp": mlp,
    "lenet5": lenet5,
    "resnet20": partial(resnet, (3, 3, 3), 16),
    **{name: partial(backbone, name, 64, 10) for name in BACKBONES},
}
SWITCHERS = {
    "row": (RowSwitcher, False),
    "unet_stacked": (UNetSwitcher, False),
    "unet_per_layer": (partial(UNetSwitcher, stacked=False), False),
    "row_connections": (RowSwitcher, True),
    "unet_connections": (UNetSwitcher, True),
}
KINDS = ("fit", "evaluate", "predict")
TWIN = "dense twin"


def measure(
    networks: tuple = ("mlp", "lenet5"),
    switchers: tuple = ("row",),
    alternations: tuple = ("batch", "joint"),
    kinds: tuple = KINDS,
    jit: tuple = ("on", "off"),
    batches: int = 1000,
    batch_size: int = 64,
    repeats: int = 5,
    seed: int = 0,
) -> Iterator[dict]:
    """A row for each network, way to compile, method of the model, and model."""
    for network, jit_compile in ((network, choice) for network in networks for choice in jit):
        models = {name: compiled(network, jit=jit_compile == "on") for name in ("dense", TWIN)}
        for switcher in switchers:
            for alternation in alternations:
                model = compiled(network, switcher, alternation, jit_compile == "on")
                models[f"{switcher} {alternation}"] = model
        x, y = samples(models["dense"].input_shape[1:], batches * batch_size, seed)
        for kind in kinds:
            given = {"x": x, "batch_size": batch_size, "verbose": 0}
            given |= {} if kind == "predict" else {"y": y}
            runs = {name: partial(getattr(model, kind), **given) for name, model in models.items()}
            times, cpu = timed_in_turn(runs, repeats)
            for name in models:
                row = {"network": network, "jit_compile": jit_compile, "kind": kind, "model": name}
                row["ms_per_batch"] = 1000 * times[name].median() / batches
                row |= spread(times[name] / times["dense"], "ratio")
                row["cpu_ratio"] = (cpu[name] / cpu["dense"]).median()
                yield row | {"repeats": repeats, "batches": batches, "batch_size": batch_size}


def compiled(
    network: str, switcher: str | None = None, alternation: str = "joint", jit: bool = False
) -> keras.Model:
    """A network, dense or under a switcher, that can be trained."""
    model = NETWORKS[network]()
    if switcher:
        make, connections = SWITCHERS[switcher]
        options = {"alternation": alternation, "connections": connections}
        model = ks.SwitcherModel(model, make(), **options)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(0.01, momentum=0.9)
    model.compile(optimizer, loss, metrics=["accuracy"], jit_compile=jit)
    return model


def samples(shape: tuple, number: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Random inputs of a shape, and classes."""
    generator = np.random.default_rng(seed)
    x = generator.random((number, *shape), dtype="float32")
    return x, generator.integers(0, 10, len(x))


if __name__ == "__main__":
    alternations = ("batch", "joint", "task", "switcher")
    values = {"networks": NETWORKS, "switchers": SWITCHERS, "kinds": KINDS, "jit": ("on", "off")}
    run(measure, __doc__, choices={**values, "alternations": alternations})
