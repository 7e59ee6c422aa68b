"""Quantized LiteRT files of a trained network: the compact one's accuracy beside the dense one's.

LeNet5 on MNIST is trained for a few epochs, then by a switcher under a budget of MACs, which starts
from the dense weights. Both networks are exported in float32, with weights in half precision
("float16"), with weights of 8 bits ("dynamic_int8"), and in whole numbers of 8 bits throughout
("int8"), whose ranges are found on 512 training images. Every file is run on the whole test split
by LiteRT. "lost" is the accuracy in float32 less that of the file, in percentage points. Few epochs
are enough to see what 8 bits cost; they do not show how accurate the network can be.

    python -m recipes.benchmarks.quantized
    python -m recipes.benchmarks.quantized --epochs 1 --data-dir DATA
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import keras

import keras_switcher as ks
from recipes.benchmarks.harness import run
from recipes.datasets import mnist
from recipes.networks.paper import lenet5

KINDS = (None, "float16", "dynamic_int8", "int8")
REPRESENTATIVE = 512


def measure(
    epochs: int = 3, keep: float = 0.25, seed: int = 0, data_dir: str = ""
) -> Iterator[dict]:
    """A row for each network and kind of file; `data_dir` is a folder of TFDS."""
    keras.utils.set_random_seed(seed)
    data = mnist(data_dir=data_dir or None, shape=(28, 28, 1))
    dense = lenet5()
    _compile(dense)
    dense.fit(*data.train, batch_size=128, epochs=epochs, verbose=2)
    task = keras.models.clone_model(dense)
    task.set_weights(dense.get_weights())
    budget = ks.Budget(keep, of="macs", end_epoch=max(1, 2 * epochs // 3))
    model = ks.SwitcherModel(task, alternation="joint", budget=budget)
    _compile(model, switcher_optimizer=keras.optimizers.Adam(1e-3))
    model.fit(*data.train, batch_size=128, epochs=epochs, verbose=2)
    small = model.compact(budget=budget)
    macs = ks.count_macs(dense).total
    for name, network in {"dense": dense, "compact": small}.items():
        share = ks.count_macs(network).total / macs
        whole = None
        for kind, row in _files(network, data):
            whole = row["accuracy"] if kind is None else whole
            row["lost"] = 100 * (whole - row["accuracy"])
            yield {"network": name, "epochs": epochs, "macs_left": share, "file": kind, **row}


def _files(network, data):
    """A row of each kind of file."""
    functional = ks.prune_channels(network, {})
    x = data.train.x[:REPRESENTATIVE]
    for kind in KINDS:
        samples = x if kind == "int8" else None
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "network.tflite"
            report = ks.export_model(
                functional, path, "litert", quantize=kind, representative=samples, verbose=False
            )
            outputs = ks.ExportedModel(path).predict(data.held_out.x)
        accuracy = data.held_out.accuracy(outputs)
        yield kind, {"bytes": report.size, "difference": report.difference, "accuracy": accuracy}


def _compile(model, **optimizers):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss, metrics=["accuracy"], **optimizers)


if __name__ == "__main__":
    run(measure, __doc__)
