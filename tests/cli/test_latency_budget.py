"""Budgets of latency: `prune` and `compact` time the network, and keep its share."""

import keras
import pytest

import keras_switcher as ks
from keras_switcher.latency import stopwatch


@pytest.fixture(autouse=True)
def device(monkeypatch):
    """A device on which a network takes a microsecond, and a nanosecond for each MAC."""
    timed = []

    def seconds(model, *settings):
        timed.append(settings[:2])
        return 1e-6 + 1e-9 * ks.count_macs(model).total

    monkeypatch.setattr(stopwatch, "seconds_of", seconds)
    return timed


def milliseconds(model):
    return 1e-3 + 1e-6 * ks.count_macs(model).total


def test_prune_keeps_a_share_of_the_milliseconds(run_json, saved, model, device):
    timing = ("--format", "onnx", "--threads", 2, "--cache", "times.json")
    found = run_json("prune", saved, "--of", "latency", *timing, "-o", "s.keras")
    small = keras.saving.load_model("s.keras")
    assert found["before"]["milliseconds"] == pytest.approx(milliseconds(model), rel=1e-3)
    assert found["after"]["milliseconds"] == pytest.approx(milliseconds(small), rel=1e-3)
    assert found["after"]["milliseconds"] <= 0.5 * found["before"]["milliseconds"]
    assert set(device) == {("onnx", 2)}
    device.clear()
    assert run_json("prune", saved, "--of", "latency", *timing, "-o", "again.keras")
    assert not device


def test_prune_says_how_many_milliseconds_are_left(run, saved):
    code, out, err = run("prune", saved, "--of", "latency", "-o", "s.keras")
    assert code == 0, err
    line = next(line for line in out.splitlines() if line.startswith("latency: "))
    _, before, _, _, after, _, removed, _ = line.split()
    assert float(after) <= 0.5 * float(before)
    share = 1 - float(removed.strip("(%")) / 100
    assert share == pytest.approx(float(after) / float(before), rel=1e-3)


def test_compact_projects_to_a_share_of_the_milliseconds(run_json, switcher_model):
    switcher_model.save("switcher.keras")
    found = run_json("compact", "switcher.keras", "--keep", 0.4, "--of", "latency", "-o", "s.keras")
    small, task = keras.saving.load_model("s.keras"), switcher_model.task
    assert milliseconds(small) <= 0.4 * milliseconds(task)
    assert found["before"]["milliseconds"] == pytest.approx(milliseconds(task), rel=1e-3)
    assert found["after"]["milliseconds"] == pytest.approx(milliseconds(small), rel=1e-3)


def test_commands_tell_the_same_under_the_same_names(run_json, saved, switcher_model):
    switcher_model.save("switcher.keras")
    asked = ("--keep", 0.4, "--of", "latency", "-o", "s.keras", "--overwrite")
    pruned, compacted = (
        run_json("prune", saved, *asked),
        run_json("compact", "switcher.keras", *asked),
    )
    assert list(pruned) == list(compacted) == ["out", "groups", "before", "after"]
    assert pruned["before"] == pytest.approx(compacted["before"])
    assert list(pruned["after"]) == list(compacted["after"])
    for first, second in zip(pruned["groups"], compacted["groups"], strict=True):
        assert first["name"] == second["name"]
        assert first["before"] == second["before"]
        assert set(first) <= set(second)


def test_widths_are_what_the_device_likes_unless_asked_for():
    from keras_switcher.cli.budgets import multiple_for

    table = ks.latency.LatencyTable({"a": [1, 0, 0, 0]}, round_to=4)
    timed = ks.Budget(0.5, of="latency", table=table)
    assert multiple_for(None, timed) == 4
    assert multiple_for(1, timed) == 1
    assert multiple_for(None, ks.Budget(0.5)) == multiple_for(None, None) == 1


def test_the_structure_that_is_told_is_the_one_that_is_written(run_json, switcher_model):
    switcher_model.save("switcher.keras")
    found = run_json("compact", "switcher.keras", "--round-to", 4, "-o", "small.keras")
    small = keras.saving.load_model("small.keras")
    kept = {group["name"]: group["after"] for group in found["groups"]}
    assert kept["conv"] == small.get_layer("conv").filters == 8
    assert found["after"]["parameters"] == small.count_params()
