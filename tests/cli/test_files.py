"""Files that are broken or hostile are refused; what exists is not lost."""

import json
import pathlib
import time
import zipfile

import keras
import pytest
from keras import layers


def rewritten(source, target, change, compression=zipfile.ZIP_STORED):
    """Writes a .keras file anew; `change(name, content)` returns what becomes of each member."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", compression) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return target


def with_units(number):
    def change(name, content):
        if name != "config.json":
            return content
        config = json.loads(content)
        hidden = next(
            each for each in config["config"]["layers"] if each["config"]["name"] == "hidden"
        )
        hidden["config"]["units"] = number
        return json.dumps(config)

    return change


def refused(run, file, *said):
    """A file that `inspect` refuses within seconds, in words, with nothing written."""
    before = sorted(file.parent.rglob("*"))
    start = time.monotonic()
    code, out, err = run("inspect", file)
    assert time.monotonic() - start < 5
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert all(each in err for each in said), err
    assert "Traceback" not in err
    assert sorted(file.parent.rglob("*")) == before


def test_a_file_that_is_not_there_or_no_model_is_refused(run, tmp_path, saved):
    refused(run, tmp_path / "nowhere.keras", "There is no file")
    (tmp_path / "text.keras").write_text("hello")
    refused(run, tmp_path / "text.keras", "is no .keras file")
    (tmp_path / "cut.keras").write_bytes(saved.read_bytes()[:-2000])
    refused(run, tmp_path / "cut.keras", "it was cut off")
    (tmp_path / "model.h5").write_bytes(b"")
    refused(run, tmp_path / "model.h5", "is no .keras file", "model.save")
    (tmp_path / "folder.keras").mkdir()
    refused(run, tmp_path / "folder.keras", "is no .keras file")


def test_code_in_a_file_is_never_run(run, tmp_path):
    marker = tmp_path / "ran"
    marks = layers.Lambda(lambda x, marker=str(marker): pathlib.Path(marker).touch() or x)
    model = keras.Sequential([keras.Input((4,)), marks, layers.Dense(2)])
    model.save(tmp_path / "lambda.keras")
    marker.unlink()
    refused(run, tmp_path / "lambda.keras", "Lambda", "never runs code")
    assert not marker.exists()


@pytest.mark.parametrize("units", [10**8, 10**12])
def test_layers_larger_than_the_weights_of_a_file_are_not_made(run, tmp_path, saved, units):
    bomb = rewritten(saved, tmp_path / "bomb.keras", with_units(units))
    refused(run, bomb, "bytes of them")


def test_files_that_unpack_to_far_more_are_refused(run, tmp_path, saved):
    zeros = bytes(2**26)
    bomb = rewritten(
        saved,
        tmp_path / "bomb.keras",
        lambda name, content: zeros if "weights" in name else content,
        zipfile.ZIP_DEFLATED,
    )
    refused(run, bomb, "unpacked")


def test_deep_configurations_are_refused(run, tmp_path, saved):
    deep = "[" * 100_000 + "]" * 100_000
    bomb = rewritten(
        saved,
        tmp_path / "deep.keras",
        lambda name, content: deep if name == "config.json" else content,
    )
    refused(run, bomb, "recursion")


def test_members_with_paths_that_climb_write_nothing_elsewhere(run, tmp_path, saved):
    folder = tmp_path / "inner"
    folder.mkdir()
    climbing = rewritten(saved, folder / "climbing.keras", lambda name, content: content)
    with zipfile.ZipFile(climbing, "a") as archive:
        archive.writestr("../climbed", "here")
        archive.writestr("assets/../../climbed", "here")
    run("inspect", climbing)
    assert not list(tmp_path.rglob("climbed"))


def test_weights_of_another_network_are_refused(run, tmp_path, saved):
    refused(run, rewritten(saved, tmp_path / "other.keras", with_units(5)), "cannot be loaded")


def test_layers_of_a_users_own_come_with_their_module(run, run_json, tmp_path):
    (tmp_path / "own_layers.py").write_text(
        "import keras\n"
        "@keras.saving.register_keras_serializable('own')\n"
        "class Twice(keras.layers.Layer):\n"
        "    def call(self, x):\n"
        "        return 2 * x\n"
    )
    scope = {}
    exec((tmp_path / "own_layers.py").read_text(), scope)
    model = keras.Sequential(
        [keras.Input((4,)), layers.Dense(3), scope["Twice"](), layers.Dense(2)]
    )
    model.save(tmp_path / "own.keras")
    keras.saving.get_custom_objects().pop("own>Twice")
    refused(run, tmp_path / "own.keras", "--import")
    found = run_json("inspect", tmp_path / "own.keras", "--import", "own_layers")
    assert [group["prunable"] for group in found["groups"]] == [True, False, True]
    code, _, err = run("inspect", tmp_path / "own.keras", "--import", "nowhere")
    assert code == 2
    assert "--import nowhere" in err
    (tmp_path / "broken_layers.py").write_text("x = = 1")
    code, _, err = run("inspect", tmp_path / "own.keras", "--import", "broken_layers")
    assert code == 2
    assert "--import broken_layers: SyntaxError" in err


def test_what_exists_is_replaced_only_when_told_to(run, saved, tmp_path):
    target = tmp_path / "small.keras"
    target.write_text("precious")
    code, _, err = run("prune", saved, "-o", target)
    assert code == 2
    assert "--overwrite" in err
    assert target.read_text() == "precious"
    code, _, err = run("prune", saved, "-o", target, "--keep", 0.001, "--overwrite")
    assert code == 2
    assert target.read_text() == "precious"
    assert run("prune", saved, "-o", target, "--overwrite")[0] == 0
    assert keras.saving.load_model(target).count_params() > 0
    code, _, err = run("prune", saved, "-o", tmp_path / "no" / "small.keras")
    assert code == 2
    assert "there is no folder" in err
    (tmp_path / "there.keras").mkdir()
    code, _, err = run("prune", saved, "-o", tmp_path / "there.keras", "--overwrite")
    assert code == 2
    assert "is no file" in err
    code, _, err = run("prune", saved, "-o", tmp_path / "small.h5")
    assert code == 2
    assert ".keras" in err


def with_name(name):
    def change(member, content):
        return content.replace(b'"hidden"', json.dumps(name).encode())

    return change


def test_names_in_a_file_do_not_steer_the_terminal(run, tmp_path, saved):
    file = rewritten(saved, tmp_path / "named.keras", with_name("\x1b[2Jred\nline [bold]x"))
    code, out, _ = run("inspect", file)
    assert code == 0
    assert r"\x1b[2Jred\nline [bold]x " in out
    assert "\x1b" not in out
    code, out, err = run("prune", file, "--criterion", "bn_scale", "--keep", 0.9, "-o", "s.keras")
    assert "\x1b" not in out + err


def test_tables_are_whole_lines_where_no_terminal_is(run, tmp_path):
    name = "a_layer_with_a_name_" * 10
    inputs = keras.Input((4,))
    x = layers.Dense(3, name=name)(inputs)
    keras.Model(inputs, layers.Dense(2, name="head")(x)).save(tmp_path / "long.keras")
    lines = run("inspect", tmp_path / "long.keras")[1].splitlines()
    assert [line for line in lines if line.startswith(name) and line.endswith("  prunable")]
    assert all(line == line.rstrip() for line in lines)


def changed(change):
    def of_member(name, content):
        if name != "config.json":
            return content
        config = json.loads(content)
        change(next(x for x in config["config"]["layers"] if x["config"]["name"] == "hidden"))
        return json.dumps(config)

    return of_member


@pytest.mark.parametrize(
    ("of", "said"),
    [
        ({"module": None, "class_name": "Nowhere", "registered_name": "x>Nowhere"}, "--import"),
        ({"config": {"name": "hidden", "units": -5}}, "expected a positive integer"),
        ({"config": {"name": "hidden", "units": 3, "flag": 1}}, "'flag'"),
        ({"module": "os", "class_name": "system", "config": "touch ran"}, "Expected 'config'"),
    ],
)
def test_what_a_configuration_lacks_is_one_line(run, tmp_path, saved, of, said):
    file = rewritten(saved, tmp_path / "wrong.keras", changed(lambda layer: layer.update(of)))
    code, out, err = run("inspect", file)
    assert (code, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 1
    assert "build_config" not in err
    assert not (tmp_path / "ran").exists()


def test_files_of_a_newer_keras_say_so(run, tmp_path, saved):
    def newer(name, content):
        if name == "metadata.json":
            return json.dumps({"keras_version": "99.1.0"})
        return changed(lambda layer: layer["config"].update(new_argument=1))(name, content)

    refused(run, rewritten(saved, tmp_path / "new.keras", newer), "99.1.0", keras.__version__)


def test_archives_that_hold_no_model_are_refused(run, tmp_path):
    with zipfile.ZipFile(tmp_path / "other.keras", "w") as archive:
        archive.writestr("readme.txt", "hello")
    refused(run, tmp_path / "other.keras", "no config.json")


def test_a_file_that_cannot_be_read_says_why(run, tmp_path, saved, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(zipfile, "ZipFile", refuse)
    refused(run, saved, "cannot be read: Permission denied")


def test_a_warning_is_shown_once(capsys):
    from keras_switcher.cli.app import _shown_once

    show = _shown_once()
    for message, category in (("odd", UserWarning), ("odd", UserWarning), ("old", FutureWarning)):
        show(message, category, "file.py", 1)
    assert capsys.readouterr().err == "warning: odd\n"


def test_options_name_themselves(run, saved):
    for options, said in (
        (("--of", "energy"), "--of must be one of weights, macs, latency"),
        (("--of", "latency", "--format", "saved_model"), "--format must be one of litert, onnx"),
        (("--of", "macs", "--threads", 2), "Only a budget of latency is timed: --threads"),
        (("--keep", "nan"), "--keep must be a share"),
        (("--criterion", "size"), "--criterion must be one of"),
        (("--criterion", "taylor"), "pass --data"),
        (("--allocation", "fair"), "--allocation must be one of"),
        (("--floor", 2), "--floor must be a share"),
    ):
        code, _, err = run("prune", saved, *options, "-o", "s.keras")
        assert code == 2
        assert said in err
    for options in (("--of", "macs"), ("--threads", 2)):
        code, _, err = run("compact", saved, *options, "-o", "s.keras")
        assert code == 2
        assert "need --keep" in err
    for options, said in (
        (("--quantize", "int4"), "--quantize must be one of float16"),
        (("--int8", "--quantize", "float16"), "--int8 is --quantize int8"),
        (("--int8", "--format", "onnx"), "--quantize and --int8 are for --format litert"),
    ):
        out = "s.onnx" if "onnx" in options else "s.tflite"
        code, _, err = run("export", saved, *options, "-o", out)
        assert code == 2
        assert said in err
