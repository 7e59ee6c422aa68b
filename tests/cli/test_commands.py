"""Commands do what the library's functions do, on files."""

import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_switcher as ks


def images(number=5):
    return np.random.default_rng(0).normal(size=(number, 8, 8, 1)).astype("float32")


def test_inspect_shows_groups_reasons_and_costs(run, run_json, saved, model):
    found = run_json("inspect", saved)
    groups = {group["name"]: group for group in found["groups"]}
    assert {n for n, g in groups.items() if g["prunable"]} == {"conv", "hidden"}
    assert groups["conv"]["channels"] == 8
    assert groups["head"]["reason"] == "its channels are the model's output"
    assert found["costs"]["parameters"] == model.count_params()
    assert found["costs"]["macs"] == ks.count_macs(model).total
    code, out, err = run("inspect", saved)
    assert (code, err) == (0, "")
    assert "its channels are the model's output" in out
    assert f"parameters: {model.count_params()}" in out


def test_inspect_shows_the_task_of_a_switcher_model(run_json, switcher_model, model):
    switcher_model.save("switcher.keras")
    found = run_json("inspect", "switcher.keras")
    assert found["costs"]["parameters"] == model.count_params()


def test_inspect_names_inputs_and_outputs(run, run_json, saved):
    found = run_json("inspect", saved)
    assert found["inputs"] == [{"name": "images", "shape": [None, 8, 8, 1], "dtype": "float32"}]
    assert found["outputs"] == [{"name": "head", "shape": [None, 3], "dtype": "float32"}]
    out = run("inspect", saved)[1]
    assert "images  any x 8 x 8 x 1  float32" in out
    assert "head    any x 3  float32" in out


@pytest.mark.parametrize(
    ("structure", "names"),
    [
        (lambda y, z: [z, y], ["scores", "place"]),
        (lambda y, z: {"b": y, "a": z}, ["a", "b"]),
        (lambda y, z: [y, y], ["output_0", "output_1"]),
    ],
)
def test_inspect_names_outputs_as_exported_files_do(run_json, structure, names):
    one, two = keras.Input((4,), name="one"), keras.Input((2,), dtype="int32", name="two")
    x = keras.layers.Dense(6, name="hidden")(one)
    x = keras.layers.Concatenate()([x, keras.layers.Flatten()(keras.layers.Embedding(9, 2)(two))])
    y, z = keras.layers.Dense(3, name="place")(x), keras.layers.Dense(2, name="scores")(x)
    keras.Model([one, two], structure(y, z)).save("several.keras")
    found = run_json("inspect", "several.keras")
    assert [(each["name"], each["dtype"]) for each in found["inputs"]] == [
        ("one", "float32"),
        ("two", "int32"),
    ]
    assert [each["name"] for each in found["outputs"]] == names


@pytest.mark.parametrize(
    "criterion", ["group_norm", "group_norm_l1", "bn_scale", "taylor", "activation"]
)
def test_prune_writes_what_the_function_returns(run_json, saved, model, criterion):
    x, y = images(), np.arange(5) % 3
    np.savez("samples.npz", x=x, y=y)
    needs_data = criterion in ("taylor", "activation")
    data = ("--data", "samples.npz") if needs_data else ()
    found = run_json(
        "prune",
        saved,
        "--keep",
        0.6,
        "--of",
        "macs",
        "--criterion",
        criterion,
        *data,
        "-o",
        "s.keras",
    )
    small = keras.saving.load_model("s.keras")
    budget = ks.Budget(0.6, of="macs")
    expected = ks.prune(model, budget, criterion, data=(x, y) if needs_data else None)
    np.testing.assert_allclose(small(x), expected(x), rtol=1e-5, atol=1e-6)
    assert found["after"]["parameters"] == small.count_params()
    assert found["after"]["macs"] == ks.count_macs(small).total
    after = {group["name"]: group["after"] for group in found["groups"]}
    assert after == {"conv": small.get_layer("conv").filters, "hidden": after["hidden"]}
    assert after["hidden"] == small.get_layer("hidden").units


def test_compact_writes_the_smaller_model(run_json, switcher_model):
    switcher_model.save("switcher.keras")
    found = run_json("compact", "switcher.keras", "-o", "small.keras")
    expected = switcher_model.structure().to_dict()
    for group in found["groups"]:
        counts = expected["groups"][group["name"]]
        assert (group["before"], group["after"]) == (counts["total"], counts["kept"])
        assert group["strengthened"] == counts["strengthened"]
        assert group["weakened"] == counts["weakened"]
    assert len(found["groups"]) == len(expected["groups"])
    assert (found["before"], found["after"]) == (expected["before"], expected["after"])
    small = keras.saving.load_model("small.keras")
    assert small.get_layer("conv").filters == 6
    np.testing.assert_allclose(
        small(images()), switcher_model(images(), training=False), rtol=1e-5, atol=1e-6
    )


def test_compact_projects_to_a_budget(run_json, switcher_model):
    switcher_model.save("switcher.keras")
    run_json("compact", "switcher.keras", "--keep", 0.3, "--of", "macs", "-o", "small.keras")
    expected = switcher_model.compact(budget=ks.Budget(0.3, of="macs"))
    small = keras.saving.load_model("small.keras")
    assert small.count_params() == expected.count_params()
    assert ks.count_macs(small).total <= 0.3 * ks.count_macs(switcher_model.task).total


def test_each_command_names_the_other_where_it_is_meant(run, saved, switcher_model):
    switcher_model.save("switcher.keras")
    code, _, err = run("prune", "switcher.keras", "-o", "small.keras")
    assert code == 2
    assert "Use compact" in err
    code, _, err = run("compact", saved, "-o", "small.keras")
    assert code == 2
    assert "Use prune" in err


def test_a_budget_that_cannot_be_met_is_an_error_in_words(run, saved, tmp_path):
    code, out, err = run("prune", saved, "--keep", 0.01, "-o", "small.keras")
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert "Traceback" not in err
    assert not (tmp_path / "small.keras").exists()


def test_arguments_that_are_missing_or_unknown_exit_with_2(run, saved):
    for arguments in (("prune", saved), ("inspect", saved, "--keep", 1), ("shrink", saved)):
        code, _, err = run(*arguments)
        assert code == 2
        assert "Traceback" not in err


def test_it_starts_as_a_process_of_its_own():
    start = "from keras_switcher.cli import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", start, "inspect", "nowhere.keras"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    assert "There is no file nowhere.keras." in ran.stderr
