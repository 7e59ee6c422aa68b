"""Size and time of a network with cut connections, stored and run as dense and as sparse.

The paper's MLP with a share of its connections cut at random, compacted: a dense network of
stock layers in which zeros are stored.

    python -m recipes.benchmarks.sparse

For each share: the bytes of its LiteRT file and of that file compressed (gzip); the bytes of its
kernels as SciPy CSR matrices, compressed likewise; and the time of one batch in the LiteRT
interpreter and with CSR matrices (one thread, like LiteRT's here), relative to the network of
which nothing is cut in LiteRT. All run in turn; medians over repeats.
"""

import gzip
from collections.abc import Iterator

import keras
import numpy as np
from scipy import sparse

from recipes.benchmarks.harness import run, timed_in_turn
from recipes.benchmarks.latency import interpreter, litert_file
from recipes.networks.paper import mlp
from recipes.trials.structures import masked

SHARES = (0.0, 0.5, 0.8, 0.9, 0.95)


def measure(
    batch: tuple = (1, 64), batches: int = 300, repeats: int = 15, seed: int = 0
) -> Iterator[dict]:
    """A row for each size of a batch and share that is cut."""
    keras.utils.set_random_seed(seed)
    models = {share: _cut(share, seed) for share in SHARES}
    files = {share: litert_file(model, (None, 784)) for share, model in models.items()}
    kernels = {share: _csr(model) for share, model in models.items()}
    for size in batch:
        x = np.random.default_rng(seed).random((size, 784), dtype="float32")
        runs = {f"litert {share}": interpreter(file, x, threads=1) for share, file in files.items()}
        runs |= {f"csr {share}": _product(*of, x) for share, of in kernels.items()}
        times, _ = timed_in_turn(runs, repeats, batches)
        for share in SHARES:
            row = {"cut": share, "batch": size}
            for kind, stored in ("file", files[share]), ("csr", _bytes(kernels[share][0])):
                row[f"{kind}_bytes"] = len(stored)
                row[f"{kind}_gzip_bytes"] = len(gzip.compress(stored))
            for kind in ("litert", "csr"):
                of_kind = times[f"{kind} {share}"]
                row[f"{kind}_microseconds"] = 1e6 * of_kind.median()
                row[f"{kind}_time"] = (of_kind / times["litert 0.0"]).median()
            yield row


def _cut(share, seed):
    network, random = mlp(), np.random.default_rng(seed)
    kernels = {f"{layer.name}/connections": layer.kernel for layer in network.layers}
    keep = {name: random.random(kernel.shape) >= share for name, kernel in kernels.items()}
    return masked(network, keep).compact()


def _csr(model):
    """Matrices whose rows are multiplied with the samples, and the inputs that arrive.

    The compact model gathers its inputs if some are read by nothing.
    """
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    gather = keras.Model(model.inputs, dense[0].input)
    arriving = gather.predict(np.arange(784.0)[None], verbose=0)[0].astype(int)
    kernels = (keras.ops.convert_to_numpy(layer.kernel) for layer in dense)
    return [sparse.csr_matrix(kernel.T) for kernel in kernels], arriving


def _bytes(matrices):
    parts = ((m.data, m.indices.astype("uint16"), m.indptr) for m in matrices)
    return b"".join(part.tobytes() for of_matrix in parts for part in of_matrix)


def _product(matrices, arriving, x):
    columns = np.ascontiguousarray(x[:, arriving].T)

    def run():
        values = columns
        for matrix in matrices[:-1]:
            values = np.maximum(matrix @ values, 0)
        return matrices[-1] @ values

    return run


if __name__ == "__main__":
    run(measure, __doc__)
