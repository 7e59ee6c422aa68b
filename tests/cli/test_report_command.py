"""The command `report` writes what the function does."""

import json

import keras

import keras_switcher as ks


def test_report_of_a_switcher_model_and_of_a_pair(run, switcher_model, saved, tmp_path):
    switcher_model.save(tmp_path / "switcher.keras")
    epochs = [{"conv": {"strengthened": 4, "weakened": n, "pruned": 4 - n}} for n in range(2)]
    (tmp_path / "epochs.json").write_text(json.dumps(epochs))
    code, out, err = run("report", "switcher.keras", "--history", "epochs.json", "--time")
    assert code == 0, err
    assert "report.html is written" in out
    page = (tmp_path / "report.html").read_text()
    assert "Counts over 2 epochs" in page
    assert "milliseconds" in page
    assert "switcher.keras" in page
    assert "switcher (compact).keras" in page
    small = ks.prune(keras.saving.load_model(saved, compile=False), ks.Budget(0.6))
    small.save(tmp_path / "small.keras")
    assert run("report", saved, "small.keras", "-o", "pair.html")[0] == 0
    assert f"{small.count_params():,}" in (tmp_path / "pair.html").read_text()


def test_reports_that_cannot_be_made_leave_what_is_there(run, saved, tmp_path):
    (tmp_path / "report.html").write_text("precious")
    code, _, err = run("report", saved)
    assert code == 2
    assert "--overwrite" in err
    code, _, err = run("report", saved, "--overwrite")
    assert code == 2
    assert "pass the .keras file of the smaller one" in err
    assert (tmp_path / "report.html").read_text() == "precious"


def test_a_history_that_is_none_is_named(run, switcher_model, tmp_path):
    switcher_model.save(tmp_path / "switcher.keras")
    (tmp_path / "broken.json").write_text("{nope")
    for name in ("broken.json", "nowhere.json"):
        code, _, err = run("report", "switcher.keras", "--history", name)
        assert code == 2
        assert f"{name} holds no history" in err
    assert not (tmp_path / "report.html").exists()
