"""Methods with widths of their own keep to the budget, and start and cost what they say."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from helpers.lengths import long_but

import keras_switcher as ks
from recipes import training
from recipes.methods import METHODS
from recipes.methods.lottery_ticket import lottery_ticket
from recipes.methods.pruning import CHOICES
from recipes.settings import Settings
from recipes.switchers import switched
from recipes.trials.costs import costs_of, equal_cost, phase_of
from recipes.trials.criteria import structure_by
from recipes.trials.encoding import decode_structure
from recipes.trials.run_trial import run_trial
from recipes.trials.trial import Experiment, Trial

pytest.importorskip("sklearn")

SETTINGS = Settings(
    epochs=4, batch_size=256, switcher_learning_rate=0.005, budget=0.4, budget_end=0.4
)
ALL, SAMPLES = 64 * 128 + 128 * 64 + 64 * 10, 1438
DENSE = Experiment("dense", "digits", "dense", SETTINGS, seeds=1, is_kept=True)
EARLY = [name for name in METHODS if name.startswith("cut early")]
PRUNED = [name for name in METHODS if name.startswith("prune") and "bn_scale" not in name]
TICKETS = [name for name in METHODS if name.startswith("lottery ticket")]
SAMPLE = ("cut early, new schedule", "prune", "prune, trained", "lottery ticket, 3 rounds")


def trial(folder, method, task="digits", share=0.5, **changes):
    settings = replace(SETTINGS, **changes)
    trained = DENSE if "trained" in method else None
    experiment = Experiment(method, task, method, settings, share=share, trained=trained)
    return Trial(experiment, 0, folder / "study" / "experiment" / "trial")


def weights_of(model):
    return sum(int(np.prod(w.shape)) for w in model.trainable_variables if len(w.shape) > 1)


@pytest.mark.parametrize("method", long_but(SAMPLE, [*EARLY, *PRUNED, *TICKETS]))
def test_the_budget_holds_and_the_row_says_what_is_left(method, tmp_path):
    row = run_trial(trial(tmp_path, method))
    kept = {name: mask.sum() for name, mask in decode_structure(row["structure"]).items()}
    inputs, first, second = (
        kept.get(name, 64) for name in ("hidden_1/inputs", "hidden_1", "hidden_2")
    )
    weights = inputs * first + first * second + second * 10
    assert 1 - row["weights_removed"] == pytest.approx(weights / ALL, abs=1e-6)
    assert 0.37 < 1 - row["weights_removed"] <= 0.4


@pytest.mark.parametrize(
    "switcher", long_but(("row", "magnitude"), ["row", "magnitude", "free", "d_gating"])
)
def test_a_network_that_is_cut_early_is_trained_on_small(switcher, tmp_path, monkeypatch):
    trained = []

    def train(own, model, phase, *args, **more):
        trained.append((phase, weights_of(getattr(model, "task", model)), more["span"]))
        return whole(own, model, phase, *args, **more)

    whole = Trial.train
    monkeypatch.setattr(Trial, "train", train)
    row = run_trial(trial(tmp_path, "cut early", switcher=switcher))
    left = round((1 - row["weights_removed"]) * ALL)
    assert trained == [("before", ALL, range(2)), ("after", left, range(2, 4))]
    assert row["training_macs"] == 3 * SAMPLES * 2 * (ALL + left)
    assert row["training_cost"] == pytest.approx((ALL + left) / (2 * ALL), abs=1e-6)
    assert row["phases"] == [["before", 2, ALL], ["after", 2, left]]


def test_the_small_network_goes_on_with_the_optimizer_and_the_schedule(tmp_path, monkeypatch):
    rates = {}

    class Noting(training._Progress):
        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, logs)
            if keras.backend.backend() == "jax":
                self.model.jax_state_sync()
            rates.setdefault(len(rates), float(self.model.optimizer.learning_rate))

    monkeypatch.setattr(training, "_Progress", Noting)
    cosine = [0.05 * (1 + np.cos(np.pi * epoch / 4)) for epoch in (1, 2, 3, 4)]
    METHODS["cut early"](trial(tmp_path / "a", "cut early"))
    np.testing.assert_allclose(list(rates.values()), cosine, atol=1e-7)
    rates.clear()
    METHODS["cut early, new schedule"](trial(tmp_path / "b", "cut early, new schedule"))
    np.testing.assert_allclose(list(rates.values()), [*cosine[:2], 0.05, 0], atol=1e-7)


@pytest.mark.parametrize(
    "method", long_but(("cut early, equal cost",), ["cut early, equal cost", "prune, equal cost"])
)
def test_equal_cost_is_that_of_the_dense_network(method, tmp_path):
    row = run_trial(trial(tmp_path, method))
    # 4 / (.5 + .5 * .4)
    assert row["epochs"] == equal_cost(4, 0.5, 0.4) == 6
    macs = 3 * ALL + 3 * round((1 - row["macs_removed"]) * ALL)
    assert row["training_macs"] == 3 * SAMPLES * macs
    assert row["training_cost"] == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(
    "method", long_but(("cut early",), ["cut early", "prune", "lottery ticket, 3 rounds"])
)
def test_what_was_killed_in_its_last_part_ends_as_if_it_had_not_been(method, tmp_path, monkeypatch):
    class Killed(training._Progress):
        def on_epoch_begin(self, epoch, logs=None):
            is_small = weights_of(getattr(self.model, "task", self.model)) < 0.6 * ALL
            if epoch == 3 and is_small:
                raise KeyboardInterrupt
            super().on_epoch_begin(epoch)

    with monkeypatch.context() as patch:
        patch.setattr(training, "_Progress", Killed)
        with pytest.raises(KeyboardInterrupt):
            run_trial(trial(tmp_path / "killed", method))
    resumed, whole = (run_trial(trial(tmp_path / name, method)) for name in ("killed", "whole"))
    assert {**resumed, "seconds": 0} == {**whole, "seconds": 0}


@pytest.mark.parametrize("name", CHOICES)
def test_pruning_by_a_criterion_is_that_of_the_package(name, tmp_path):
    task = "residual" if "bn_scale" in name else "digits"
    of = trial(tmp_path, f"prune{name}", task, budget_of="macs")
    network, part = of.network(), of.data.train
    budget = ks.Budget(0.4, of="macs")
    keep = structure_by(network, budget, part, **CHOICES[name])
    data = part.x[:512], part.y[:512]
    expected = ks.prune(network, budget, **CHOICES[name], data=data)
    for one, other in zip(
        ks.prune_channels(network, keep).get_weights(), expected.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("rounds", "rewound_to"), [pytest.param(1, 0, marks=pytest.mark.long), (3, 0), (1, 1)]
)
def test_a_lottery_ticket_starts_from_the_weights_of_the_start(
    rounds, rewound_to, tmp_path, monkeypatch
):
    starts = {}

    def train(own, model, phase, *args, **more):
        starts[phase] = model, model.get_weights(), more["span"]
        whole(own, model, phase, *args, **more)
        if phase == "start":
            starts["rewound to"] = model.get_weights()

    whole = Trial.train
    monkeypatch.setattr(Trial, "train", train)
    of = trial(tmp_path, "lottery ticket")
    outcome = lottery_ticket(of, rounds, rewound_to)
    assert len(starts) == rounds + 1 + 2 * bool(rewound_to)
    initial = of.network()
    if rewound_to:
        initial.set_weights(starts["rewound to"])
    expected = ks.prune_channels(initial, outcome.keep).get_weights()
    _, ticket, span = starts["ticket"]
    assert span == range(rewound_to, SETTINGS.epochs)
    for one, other in zip(ticket, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    costs = [weights_of(starts[f"round {number}"][0]) for number in range(1, rounds + 1)]
    assert costs == sorted(costs, reverse=True)
    assert costs[0] == ALL
    shares = 0.4 ** (np.arange(rounds) / rounds)
    np.testing.assert_allclose(np.array(costs) / ALL, shares, atol=0.03)


def test_edge_popup_trains_scores_and_no_weights(tmp_path):
    changes = {"switcher": "edge_popup", "connections": True, "budget": 0.25}
    of = trial(tmp_path, "edge-popup", **changes)
    model = METHODS["edge-popup"](of).model
    for layer, start in zip(model.task.layers, of.network().layers, strict=True):
        inputs = layer.kernel.shape[0]
        size = np.sqrt(2 / (0.25 * inputs))
        expected = size * np.sign(np.asarray(keras.ops.convert_to_numpy(start.kernel)))
        np.testing.assert_allclose(keras.ops.convert_to_numpy(layer.kernel), expected, rtol=1e-6)
    assert 1 - model.structure().removed("weights") == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize(
    ("alternation", "warmup", "passes"), [("joint", 0, 4), ("batch", 1, 7), ("epoch", 0, 4)]
)
def test_costs_count_every_pass_and_the_switcher_apart(alternation, warmup, passes, tmp_path):
    of = trial(tmp_path, "switched", alternation=alternation, warmup_epochs=warmup)
    model = switched(of.network(), of.settings, SAMPLES)
    phase = phase_of("all", model, of.settings, SAMPLES, None)
    assert (phase.macs, phase.passes) == (ALL, passes)
    costs = costs_of([phase], ALL, 4)
    assert costs["training_cost"] == pytest.approx(passes / 4)
    # Kernels by the channels of both sides, of which the last one has none; shared layers of 16.
    read = 2 * 64 * 128 + 2 * 128 * 64 + 64 * 10
    context = 16 * next(w.shape[0] for w in model.switcher.weights if "context/kernel" in w.path)
    shared = 256 * (4 * 16 + 16 * 16 + 16) + 3 * (context + 16)
    assert costs["switcher_macs"] == 3 * (read + shared) * 6 * passes


@pytest.mark.parametrize(("name", "own"), [("free", 0), ("l0", 0), ("unet", None)])
def test_what_reads_no_weights_costs_nothing_and_what_is_not_counted_says_so(name, own, tmp_path):
    of = trial(tmp_path, "switched", switcher=name)
    model = switched(of.network(), of.settings, SAMPLES)
    phases = [phase_of("all", model, of.settings, SAMPLES, None)]
    assert costs_of(phases, ALL, 4)["switcher_macs"] == own


def test_gradual_masks_cost_a_reading_of_the_weights_each_time(tmp_path):
    of = trial(tmp_path, "switched", switcher="magnitude", renew_every=0.5, budget_start=0.25)
    model = switched(of.network(), of.settings, SAMPLES)
    phase = phase_of("all", model, of.settings, SAMPLES, None)
    read = 2 * 64 * 128 + 2 * 128 * 64 + 64 * 10
    # Twice in the second epoch, in which the target falls.
    assert phase.switcher_macs == 2 * read
