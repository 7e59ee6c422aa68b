"""Time of a compact network's inference against the dense one's, beside their MACs.

Half of the channels of every prunable group are removed, drawn at random: the time depends on
how many there are, not on which. Dense and compact network run in turn in this one process. The
row "dense twin" is the dense network against its own copy: what it differs from 1 is noise. Where
keras.applications can build a network with about half of its channels, that is measured too: no
compact network can be expected to make more of its MACs than one that was built small.

    python -m recipes.benchmarks.latency
    python -m recipes.benchmarks.latency --networks MobileNetV2 --batch 1 --execution litert

224x224, batch 8. "share" is the speed-up in time over the reduction of MACs: 1 would be all of it.
A network runs as a `function` (a compiled call of the Keras model), or as a `litert` file in its
interpreter.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import keras_switcher as ks
from recipes.benchmarks.harness import random_masks, run, spread, timed_in_turn
from recipes.networks.backbones import backbone

# What makes keras.applications build a network with about half of the channels.
NARROW = {"MobileNetV2": {"alpha": 0.5}}


def measure(
    networks: tuple = ("ResNet50", "MobileNetV2"),
    removed: float = 0.5,
    round_to: int = 1,
    execution: str = "function",
    size: int = 224,
    batch: int = 8,
    batches: int = 4,
    repeats: int = 9,
    seed: int = 0,
) -> Iterator[dict]:
    """A row for each network and model; `removed` is a share of the channels."""
    for network in networks:
        keras.utils.set_random_seed(seed)
        dense = backbone(network, size)
        masks = random_masks(dense, removed, seed)
        models = {
            "dense": dense,
            "dense twin": backbone(network, size),
            "compact": ks.prune_channels(dense, masks, round_to=round_to),
        }
        if network in NARROW:
            models["built small"] = backbone(network, size, **NARROW[network])
        macs = {name: ks.count_macs(model).total for name, model in models.items()}
        x = tf.random.normal((batch, size, size, 3))
        runs = {name: EXECUTIONS[execution](model, x) for name, model in models.items()}
        times, _ = timed_in_turn(runs, repeats, batches)
        for name in models:
            row = {"network": network, "model": name, "batch": batch, "execution": execution}
            row |= {"round_to": round_to, "macs": macs[name]}
            row["ms_per_batch"] = 1000 * times[name].median()
            row["macs_ratio"] = macs["dense"] / macs[name]
            row |= spread(times["dense"] / times[name], "time_ratio")
            yield row | {"share": row["time_ratio"] / row["macs_ratio"]}


def litert_file(model: keras.Model, shape: Sequence[int | None]) -> bytes:
    """The content of the LiteRT file of a network for inputs of a shape."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        signature = [keras.InputSpec(shape=shape, dtype="float32")]
        model.export(path, format="litert", input_signature=signature, verbose=False)
        return path.read_bytes()


def interpreter(file: bytes, x: np.ndarray, threads: int) -> Callable[[], None]:
    """Runs a file's network on these inputs."""
    made = tf.lite.Interpreter(model_content=file, num_threads=threads)
    place = made.get_input_details()[0]["index"]
    made.resize_tensor_input(place, x.shape)
    made.allocate_tensors()
    made.set_tensor(place, x)
    return made.invoke


def _as_function(model, x):
    function = tf.function(lambda x: model(x, training=False))
    return lambda: function(x)


def _as_litert(model, x):
    return interpreter(litert_file(model, x.shape), x.numpy(), threads=os.cpu_count())


EXECUTIONS = {"function": _as_function, "litert": _as_litert}


if __name__ == "__main__":
    run(measure, __doc__, choices={"execution": EXECUTIONS})
