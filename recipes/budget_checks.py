"""A budget under any loss, and around networks that were trained before. Offline, minutes.

    python -m recipes.budget_checks
    python -m recipes.budget_checks --only "two outputs, weights 1 and 1000" --again

Prints a table and appends its lines to `recipes/results/budget_checks.csv`; cases that have rows of
this version are not run again. In the first cases 30 % of the weights are to be kept: a regression
in three units, as the same learning problem (the network ends in that unit) and with rescaled
targets alone (beside a dense twin that has the same trouble); images under a mean squared error;
outputs that weigh differently; a loss that falls a hundredfold. In the others a network is trained,
wrapped, and fine-tuned with half of its MACs. The rates of this fine-tuning were chosen by looking
at these very cases, the test split's accuracies among them: they show that it works, and are no
measurement of how well.
"""

import argparse
import csv
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import keras
import numpy as np

import keras_switcher as ks
from keras_switcher import switchers
from recipes.datasets import digits
from recipes.evidence import digits_residual
from recipes.evidence.ledger import Ledger
from recipes.evidence.versions import rows_shown
from recipes.networks.mlp import mlp
from recipes.networks.residual import inverted_residual, residual
from recipes.problems import PROBLEMS
from recipes.records import append_row, surroundings

RESULTS = Path(__file__).parent / "results"
CSV = RESULTS / "budget_checks.csv"
RUN_WITH = ("keras", "tensorflow", "keras_switcher", "hardware")
MEASURED = ("kept", "off", "dense", "switched", "loss_fell_by", "waited", "difference")
FIELDS = ("case", "seed", "epochs", *MEASURED, "seconds", *RUN_WITH)
SMOKE = 2
# Of Adam, for what is trained from scratch and for networks that were trained before; Keras's
# default size of a batch.
FROM_SCRATCH, RATE, BATCH = 3e-3, 1e-3, 32
TITLE = """\
### `python -m recipes.budget_checks`

Scores are R2 (the worse one of two outputs) or accuracy on held-out samples, of the dense twin or
of the network before it was wrapped, and under the budget; losses are those of the training
samples, before and after. "Off" is the distance from the budget in points, "waited" epochs until
the network learned, "difference" how far wrapping moved an output.
"""


def from_scratch(problem: Callable, seed: int, epochs: int) -> dict:
    """Trains dense and with a budget, on two thirds of the samples; the others are held out."""
    network, x, y, compiled = problem()
    known, held_out = slice(2 * len(x) // 3), slice(2 * len(x) // 3, None)
    scores, losses = [], []
    for is_switched in (False, True):
        keras.utils.set_random_seed(seed)
        model = network()
        if is_switched:
            budget = ks.Budget(0.3, end_epoch=epochs / 4)
            model = ks.SwitcherModel(model, budget=budget)
        samples = x[known], [part[known] for part in y]
        optimizer = _falling(FROM_SCRATCH, epochs, len(samples[0]))
        model.compile(optimizer, jit_compile=False, **compiled)
        losses.append(model.evaluate(*samples, verbose=0, return_dict=True)["loss"])
        model.fit(*samples, epochs=epochs, verbose=0)
        losses.append(model.evaluate(*samples, verbose=0, return_dict=True)["loss"])
        outputs = keras.tree.flatten(model.predict(x[held_out], verbose=0))
        scores.append(min(map(_r2, [part[held_out] for part in y], outputs)))
    fell = round(losses[2] / losses[3], 1)
    return _kept(model) | {"dense": scores[0], "switched": scores[1], "loss_fell_by": fell}


def wrapped(network: Callable, switcher: Callable, rate: float, seed: int, epochs: int) -> dict:
    """Wraps a trained network and fine-tunes it with half of its MACs."""
    data = digits(shape=network().input_shape[1:])
    model = keras.models.clone_model(trained := _trained(network, seed, epochs))
    model.set_weights(trained.get_weights())
    before = model.predict(data.held_out.x, verbose=0)
    keras.utils.set_random_seed(seed)
    model = ks.SwitcherModel(model, switcher(), budget=ks.Budget(0.5, "macs", end_epoch=epochs / 3))
    falling = _falling(rate, epochs, len(data.train.x))
    _compile(model, epochs, data, switcher_optimizer=falling)
    after = model.predict(data.held_out.x, verbose=0)
    first = model.evaluate(*data.train, verbose=0, return_dict=True)["loss"]
    model.fit(*data.train, epochs=epochs, verbose=0)
    last = model.evaluate(*data.train, verbose=0, return_dict=True)["loss"]
    return {
        **_kept(model),
        "dense": data.held_out.accuracy(before),
        "switched": data.held_out.accuracy(model.predict(data.held_out.x, verbose=0)),
        "loss_fell_by": round(first / max(last, 1e-7), 1),  # A perfect fit has a loss of 0.
        "difference": float(np.abs(after - before).max()),
    }


@cache
def _trained(network, seed, epochs):
    keras.utils.set_random_seed(seed)
    model = network()
    data = digits(shape=model.input_shape[1:])
    _compile(model, epochs, data)
    model.fit(*data.train, epochs=epochs, verbose=0)
    return model


def _compile(model, epochs, data, **optimizers):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    falling = _falling(RATE, epochs, len(data.train.x))
    model.compile(falling, loss, jit_compile=False, **optimizers)


def _falling(rate, epochs, samples):
    """Under a constant rate scores of last epochs are chance, and a channel may go in the last."""
    steps = epochs * -(-samples // BATCH)
    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps))


def _kept(model):
    budget = model.budget
    kept = 1 - model.structure().removed(budget.of)
    waited = float(keras.ops.convert_to_numpy(model.budget_progress.waited))
    return {"kept": kept, "off": 100 * abs(kept - budget.keep), "waited": waited}


def _r2(y, outputs):
    return float(1 - np.mean((y - outputs) ** 2) / np.var(y, axis=0).mean())


NETWORKS = {
    "MLP": partial(mlp, (64, 128, 64, 10)),
    "residual": residual,
    "inverted": inverted_residual,
}
# With the rates of their Adam, by which a few epochs are enough to come from one to half of them.
SWITCHERS = {
    "row": (switchers.RowSwitcher, 1e-2),
    "U-Net": (switchers.UNetSwitcher, 1e-2),
    "free factors": (switchers.FreeFactors, 2e-2),
    "shuffled input": (lambda: switchers.ShuffledInput(switchers.RowSwitcher()), 1e-2),
    "constant input": (lambda: switchers.ConstantInput(switchers.RowSwitcher()), 1e-2),
}
# What runs a case, how many seeds there are, and for how many epochs it trains.
CASES = {
    **{name: (partial(from_scratch, problem), 2, 20) for name, problem in PROBLEMS.items()},
    **{
        f"wrapped {network}, {switcher}": (partial(wrapped, make, *of), 1, 24)
        for switcher, of in SWITCHERS.items()
        for network, make in NETWORKS.items()
    },
}


def main(arguments: list[str] | None = None):
    """Runs what has no row of this version yet, and prints the table."""
    parser = argparse.ArgumentParser("python -m recipes.budget_checks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--only", nargs="+", choices=CASES, metavar="CASE", default=list(CASES))
    parser.add_argument("--again", action="store_true", help="run cases that have rows, too")
    parser.add_argument("--smoke", action="store_true", help=f"{SMOKE} epochs; writes no rows")
    parser.add_argument("--csv", type=Path, default=CSV, help="default: %(default)s")
    options = parser.parse_args(arguments)
    rows, version = read(options.csv), surroundings()["keras_switcher"]
    done = {(r["case"], int(r["seed"])) for r in rows if r["keras_switcher"] == version}
    for name in options.only:
        run, seeds, epochs = CASES[name]
        for seed in range(1 if options.smoke else seeds):
            if (name, seed) in done and not (options.again or options.smoke):
                continue
            row = _run(name, run, seed, SMOKE if options.smoke else epochs)
            print(", ".join(f"{field} {row.get(field, '')}" for field in FIELDS[:-4]), flush=True)
            if not options.smoke:
                append_row(options.csv, row, FIELDS)
    print(f"\n{table(read(options.csv))}\n{without_normalisations()}")


def _run(name, run, seed, epochs):
    started = time.perf_counter()
    row = {"case": name, "seed": seed, "epochs": epochs, **run(seed, epochs), **surroundings()}
    return {**row, "seconds": round(time.perf_counter() - started, 1)}


def read(path: Path = CSV) -> list[dict]:
    """The rows so far."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def table(rows: list[dict]) -> str:
    """The newest row of each case and seed, as Markdown."""
    last = {(row["case"], row["seed"]): row for row in rows}
    columns = ("case", "seed", "kept, %", "off", "dense", "switched", "loss fell by")
    written = [TITLE, f"| {' | '.join([*columns, 'waited', 'difference', 'version'])} |"]
    written.append("|---" * (len(columns) + 3) + "|")
    for row in last.values():
        kept, off = f"{100 * float(row['kept']):.2f}", f"{float(row['off']):.2f}"
        scores = [f"{float(row[name]):.4f}" for name in ("dense", "switched")]
        moved = f"{float(row['difference']):.1e}" if row["difference"] else ""
        cells = [row["case"], row["seed"], kept, off, *scores, row["loss_fell_by"]]
        cells += [f"{float(row['waited']):.2f}", moved, row["keras_switcher"]]
        written.append(f"| {' | '.join(cells)} |")
    return "\n".join([*written, ""])


def without_normalisations() -> str:
    """What the study `digits_residual` says about a network that learns late."""
    of_study = digits_residual.EXPERIMENTS
    rows = rows_shown(Ledger(RESULTS / "digits_residual.csv").by_version, of_study)
    return digits_residual.TABLES[-1].to_markdown(rows, of_study)


if __name__ == "__main__":
    main()
