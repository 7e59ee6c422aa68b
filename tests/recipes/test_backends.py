"""Each backend has results of its own, says where it ran, and runs a study in the same order."""

import os
from math import inf
from types import SimpleNamespace

import keras
import pytest

import recipes.studies
from recipes import rows as rows_module
from recipes.report.tables import backend_of
from recipes.rows import of_backend, surroundings, write_rows
from recipes.settings import Settings
from recipes.studies import cifar10_gpu
from recipes.studies.__main__ import main
from recipes.trials import runner as runner_module
from recipes.trials import trained
from recipes.trials.runner import Runner, expected_seconds
from recipes.trials.study_rows import StudyRows
from recipes.trials.trial import Experiment, Trial

BACKEND = keras.backend.backend()
OTHERS = tuple(name for name in ("tensorflow", "jax", "torch") if name != BACKEND)
DEAR = Experiment("dear", "resnet34", "dense", Settings(epochs=3), seeds=2)
CHEAP = Experiment("cheap", "resnet20", "dense", Settings(epochs=3), seeds=2)


def row(experiment, **more):
    known = {"experiment": experiment.name, "seed": 0, "keras_switcher": "0.2.4"}
    return {**known, "settings": experiment.described(), "seconds": 8.0, "epochs": 3, **more}


def write(rows, found):
    write_rows(rows.path(found["experiment"], 0, "0.2.4"), found)
    rows.read()


@pytest.mark.parametrize("other", OTHERS)
def test_rows_of_two_backends_lie_apart_and_are_never_taken_for_each_other(other, tmp_path):
    ours, theirs = (
        StudyRows("study", [DEAR], tmp_path, backend=backend) for backend in (None, other)
    )
    write(ours, row(DEAR, accuracy=0.5))
    theirs.read()
    assert ours.folder != theirs.folder
    assert not ours.is_due(DEAR, 0)
    assert theirs.is_due(DEAR, 0)
    write(theirs, row(DEAR, accuracy=0.25))
    ours.read()
    found = [rows.newest["dear", 0]["accuracy"] for rows in (ours, theirs)]
    assert found == [0.5, 0.25]


def test_tensorflow_has_the_plain_names():
    assert of_backend("study", "tensorflow") == "study"
    assert of_backend("study", "jax") == "study-jax"
    assert of_backend("study") == of_backend("study", BACKEND)


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_checkpoints_and_trained_networks_of_backends_lie_apart(backend, tmp_path, monkeypatch):
    outputs = []

    def noted(rows, output, *_):
        outputs.append(output)
        return SimpleNamespace(due=[])

    monkeypatch.setattr("recipes.studies.__main__.Runner", noted)
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    results, output = tmp_path / "results", tmp_path / "runs"
    main(["mnist", "--list", "--results", str(results), "--output", str(output)])
    assert outputs == [output / of_backend("mnist", backend)]
    path = trained._path(Trial(DEAR, 0, output / "study" / "dear" / "seed-0"))
    assert path.parent == output / of_backend("trained", backend)


def test_a_row_says_on_which_backend_and_device_it_was_made():
    found = surroundings()
    assert not any(other in found for other in OTHERS)
    assert backend_of(found).endswith(f" {found[BACKEND]}")
    assert "cores)" in found["hardware"]


def test_accelerators_are_named(monkeypatch):
    monkeypatch.setattr(rows_module, "accelerators", lambda: ["NVIDIA H100 80GB HBM3"])
    assert surroundings()["hardware"].endswith(" cores), NVIDIA H100 80GB HBM3")


def order(rows, **options):
    runner = Runner(rows, rows.folder, **options)
    return [(experiment.name, seed) for experiment, seed in runner.due]


def test_a_study_with_an_order_runs_seed_by_seed_in_it(tmp_path):
    rows = StudyRows("study", [DEAR, CHEAP], tmp_path)
    assert order(rows) == [("cheap", 0), ("cheap", 1), ("dear", 0), ("dear", 1)]
    in_order = [("dear", 0), ("cheap", 0), ("dear", 1), ("cheap", 1)]
    assert order(rows, in_order=True) == in_order
    assert order(rows, in_order=True, seeds=[1], names=["cheap"]) == [("cheap", 1)]


def test_what_two_cores_take_keeps_nothing_from_an_accelerator(tmp_path):
    rows = StudyRows("study", [DEAR, CHEAP], tmp_path)
    assert expected_seconds(rows) == {"dear": 4800, "cheap": 324}
    assert expected_seconds(rows, by_rows_alone=True) == {"dear": inf, "cheap": inf}
    write(rows, row(CHEAP))
    assert expected_seconds(rows, by_rows_alone=True) == {"dear": inf, "cheap": 8}


def test_a_smoke_run_is_begun_whatever_the_whole_takes(tmp_path):
    rows = StudyRows("study", [DEAR.as_smoke()], tmp_path)
    write(rows, row(DEAR))
    assert expected_seconds(rows) == {"dear": inf}


@pytest.mark.parametrize(
    ("asked", "found", "processes", "is_limited"),
    [
        (None, ["a GPU"], 1, False),
        (None, [], 2, True),
        (3, ["a GPU"], 3, True),
        (1, [], 1, True),
    ],
)
def test_an_accelerator_has_one_process_with_all_threads(
    asked, found, processes, is_limited, tmp_path, monkeypatch
):
    pools = []

    class Pool:
        def __init__(self, number, *_, **__):
            pools.append(number)

        def shutdown(self, **_):
            pass

    threads = "TF_NUM_INTRAOP_THREADS"
    monkeypatch.delenv(threads, raising=False)
    monkeypatch.setattr(runner_module, "ProcessPoolExecutor", Pool)
    monkeypatch.setattr(runner_module, "_in_own_process", lambda *_: found)
    Runner(StudyRows("study", [], tmp_path), tmp_path).run(asked)
    assert pools == [processes]
    assert (threads in os.environ) == (is_limited and BACKEND == "tensorflow")


def test_the_study_for_a_gpu_has_its_order_and_larger_batches():
    names = [experiment.name for experiment in cifar10_gpu.EXPERIMENTS]
    assert names[:4] == [
        "resnet34 batch 512, dense",
        "vgg16 batch 512, dense",
        "resnet34 batch 512, row, 50.0% of the MACs kept",
        "vgg16 batch 512, row, 27.0% of the MACs kept",
    ]
    places = {name: place for place, name in enumerate(names)}
    for experiment in cifar10_gpu.EXPERIMENTS:
        settings = experiment.settings
        assert (settings.batch_size, settings.epochs) == (512, 30)
        assert settings.precision == "mixed_bfloat16"
        assert settings.learning_rate == pytest.approx(0.4)
        if experiment.structure_of:  # Or a trial would wait behind others.
            assert places[experiment.structure_of] < places[experiment.name]
    assert recipes.studies.is_in_order("cifar10_gpu")
    assert not recipes.studies.is_in_order("cifar10")
