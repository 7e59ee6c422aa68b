"""Quantized LiteRT files of a trained network: the compact one's accuracy beside the dense one's.

LeNet5 on MNIST is trained for a few epochs, then by a switcher under a budget of MACs, which starts
from the dense weights. ResNet-20 on CIFAR-10 is the dense twin of the study `cifar10`, as that has
kept it in the folder `runs` or trained anew, and the row switcher around it as there, 5 epochs at
half of the MACs. Both networks of each are exported in float32, with weights in half precision
("float16"), with weights of 8 bits ("dynamic_int8"), and in whole numbers of 8 bits throughout
("int8"), whose ranges are found on 512 training images. Every file is run on the whole test split
by LiteRT. "epochs" are those under the switcher, "lost" is the accuracy in float32 less that of the
file, in percentage points. LeNet5's few epochs are enough to see what 8 bits cost; they do not show
how accurate it can be.

    python -m recipes.benchmarks.quantized
    python -m recipes.benchmarks.quantized --epochs 1 --data-dir DATA
    python -m recipes.benchmarks.quantized --task resnet20 --data-dir DATA
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import keras

import keras_switcher as ks
from recipes.benchmarks.harness import run
from recipes.datasets import Data, mnist
from recipes.networks.paper import lenet5
from recipes.studies import cifar10
from recipes.switchers import switched
from recipes.trials.trained import trained_network
from recipes.trials.trial import Trial

KINDS = (None, "float16", "dynamic_int8", "int8")
REPRESENTATIVE = 512


class Trained(NamedTuple):
    """A dense network, the compact one that was made of it, and the data of both."""

    dense: keras.Model
    compact: keras.Model
    data: Data
    epochs: int


def measure(
    task: str = "lenet5",
    epochs: int = 3,
    keep: float = 0.25,
    seed: int = 0,
    data_dir: str = "",
    runs: str = "runs",
) -> Iterator[dict]:
    """A row for each network and kind of file; epochs and share of the MACs are LeNet5's."""
    where = data_dir or None
    trained = (
        _lenet5(epochs, keep, seed, where) if task == "lenet5" else _resnet20(seed, where, runs)
    )
    macs = ks.count_macs(trained.dense).total
    for name in ("dense", "compact"):
        network = getattr(trained, name)
        share = ks.count_macs(network).total / macs
        whole = None
        for kind, row in _files(network, trained.data):
            whole = row["accuracy"] if kind is None else whole
            row["lost"] = 100 * (whole - row["accuracy"])
            yield {
                "task": task,
                "network": name,
                "epochs": trained.epochs,
                "macs_left": share,
                "file": kind,
                **row,
            }


def _lenet5(epochs, keep, seed, data_dir):
    """Trained from nothing, then under a budget."""
    keras.utils.set_random_seed(seed)
    data = mnist(data_dir=data_dir, shape=(28, 28, 1))
    dense = lenet5()
    _compile(dense)
    dense.fit(*data.train, batch_size=128, epochs=epochs, verbose=2)
    task = keras.models.clone_model(dense)
    task.set_weights(dense.get_weights())
    budget = ks.Budget(keep, of="macs", end_epoch=max(1, 2 * epochs // 3))
    model = ks.SwitcherModel(task, alternation="joint", budget=budget)
    _compile(model, switcher_optimizer=keras.optimizers.Adam(1e-3))
    model.fit(*data.train, batch_size=128, epochs=epochs, verbose=2)
    return Trained(dense, model.compact(budget=budget), data, epochs)


def _resnet20(seed, data_dir, runs):
    """The study's dense twin, and the row switcher around it."""
    experiment = cifar10.FINE_TUNING["row switcher around the trained network"]
    folder = Path(runs) / "cifar10" / "quantized" / f"seed-{seed}"
    trial = Trial(experiment, seed, folder, data_dir=data_dir and Path(data_dir))
    dense, data = trained_network(trial), trial.data
    model = switched(trained_network(trial), trial.settings, len(data.train.y))
    trial.train(model, "switched")
    compact = model.compact(budget=model.budget)
    return Trained(dense, compact, data, trial.settings.epochs)


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
