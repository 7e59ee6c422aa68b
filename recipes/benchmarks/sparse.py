"""What cut connections are worth once a network is stored and run: size and time, dense and sparse.

The paper's MLP with a share of its connections cut at random, compacted: a dense network of
stock layers in which zeros are stored.

    python -m recipes.benchmarks.sparse

For each share: the bytes of its LiteRT file and of that file compressed (gzip); the bytes of its
kernels as SciPy CSR matrices, compressed likewise; and the time of one batch in the LiteRT
interpreter and with CSR matrices (one thread, like LiteRT's here), relative to the network of
which nothing is cut in LiteRT. All run in turn; medians over repeats. Ends with one line of JSON;
`--csv` appends the rows.
"""

import argparse
import gzip
import io
import json
import tempfile
import time
from pathlib import Path
from statistics import median

import keras
import numpy as np
import tensorflow as tf
from scipy import sparse

from recipes.evidence.masks import masked
from recipes.networks.mlp import mlp
from recipes.records import append_row, surroundings

SHARES = (0.0, 0.5, 0.8, 0.9, 0.95)


def main(arguments: list[str] | None = None):
    """Runs the benchmark from the command line."""
    options = _parse(arguments)
    keras.utils.set_random_seed(options.seed)
    models = {share: _cut(share, options.seed) for share in SHARES}
    files = {share: _litert(model) for share, model in models.items()}
    kernels = {share: _csr(model) for share, model in models.items()}
    rows = []
    for batch in options.batch:
        x = np.random.default_rng(options.seed).random((batch, 784), dtype="float32")
        runs = {("litert", share): _interpreter(file, x) for share, file in files.items()}
        runs |= {("csr", share): _product(matrices, x) for share, matrices in kernels.items()}
        times = _times(runs, options)
        for share in SHARES:
            row = {"cut": share, "batch": batch, **_sizes(files[share], kernels[share])}
            for kind in ("litert", "csr"):
                ratios = np.divide(times[kind, share], times["litert", 0.0])
                row[f"{kind}_microseconds"] = round(1e6 * median(times[kind, share]), 1)
                row[f"{kind}_time"] = round(median(ratios), 3)
            print(
                f"batch {batch:3}, {share:4.0%} cut: file {row['file_bytes']:9,} bytes, gzip "
                f"{row['file_gzip_bytes']:9,}, CSR gzip {row['csr_gzip_bytes']:9,}; time LiteRT "
                f"{row['litert_time']:.2f}x, CSR {row['csr_time']:.2f}x",
                flush=True,
            )
            if options.csv:
                row = {**row, **surroundings()}
                append_row(options.csv, row, fields=tuple(row))
            rows.append(row)
    print(json.dumps(rows))


def _cut(share, seed):
    network = mlp()
    random = np.random.default_rng(seed)
    keep = {
        f"{layer.name}/connections": random.random(layer.kernel.shape) >= share
        for layer in network.layers
    }
    return masked(network, keep).compact()


def _litert(model):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        model.export(path, format="litert", verbose=False)
        return path.read_bytes()


def _csr(model):
    # As (outputs, inputs): the matrix whose rows are multiplied with the samples.
    return [
        sparse.csr_matrix(keras.ops.convert_to_numpy(layer.kernel).T)
        for layer in model.layers
        if isinstance(layer, keras.layers.Dense)
    ], _arriving(model)


def _arriving(model):
    """Which raw inputs the compact model reads: it gathers them if some are read by nothing."""
    first = next(layer for layer in model.layers if isinstance(layer, keras.layers.Dense))
    gather = keras.Model(model.inputs, first.input)
    return gather.predict(np.arange(784.0)[None], verbose=0)[0].astype(int)


def _sizes(file, kernels):
    stored = io.BytesIO()
    for matrix in kernels[0]:
        for part in (matrix.data, matrix.indices.astype("uint16"), matrix.indptr):
            stored.write(part.tobytes())
    return {
        "file_bytes": len(file),
        "file_gzip_bytes": len(gzip.compress(file)),
        "csr_bytes": len(stored.getvalue()),
        "csr_gzip_bytes": len(gzip.compress(stored.getvalue())),
    }


def _interpreter(file, x):
    interpreter = tf.lite.Interpreter(model_content=file, num_threads=1)
    place = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(place, x.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(place, x)
    return interpreter.invoke


def _product(kernels, x):
    matrices, arriving = kernels
    columns = np.ascontiguousarray(x[:, arriving].T)

    def run():
        values = columns
        for matrix in matrices[:-1]:
            values = np.maximum(matrix @ values, 0)
        return matrices[-1] @ values

    return run


def _times(runs, options):
    times = {name: [] for name in runs}
    for repeat in range(options.repeats + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            for _ in range(options.batches):
                run()
            if repeat:
                times[name].append((time.perf_counter() - start) / options.batches)
    return times


def _parse(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m recipes.benchmarks.sparse", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 64])
    parser.add_argument("--batches", type=int, default=300, help="batches per repeat")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--csv", type=Path, help="append the rows to this file")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
