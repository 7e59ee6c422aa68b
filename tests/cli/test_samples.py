"""Samples of --data are read as they are, or refused with the reason."""

import keras
import numpy as np
import pytest
from keras import layers


def test_samples_that_do_not_fit_are_refused(run, saved, tmp_path):
    def said(**arrays):
        np.savez(tmp_path / "samples.npz", **arrays)
        code, _, err = run(
            "prune", saved, "--criterion", "activation", "--data", "samples.npz", "-o", "s.keras"
        )
        assert code == 2
        return err

    assert "(2, 8, 8, 3)" in said(x=np.zeros((2, 8, 8, 3)))
    assert "finite" in said(x=np.full((2, 8, 8, 1), np.nan))
    assert "'pictures'" in said(pictures=np.zeros((2, 8, 8, 1)))
    assert "samples.npz holds no samples" in said(x=np.zeros((0, 8, 8, 1)))
    assert "there is no input in it" in said(y=np.zeros(3))
    assert "finite numbers" in said(x=np.zeros((2, 8, 8, 1), complex))
    assert "not as many samples" in said(x=np.zeros((2, 8, 8, 1)), z=np.zeros(3))
    code, _, err = run("prune", saved, "--data", "nowhere.npz", "-o", "s.keras")
    assert code == 2
    assert "There is no file or folder nowhere.npz" in err
    (tmp_path / "notes.txt").write_text("?")
    code, _, err = run("prune", saved, "--data", "notes.txt", "-o", "s.keras")
    assert code == 2
    assert "holds no samples" in err


def test_a_scale_multiplies_samples_of_every_kind(run, tmp_path):
    from keras_switcher.cli.data import load_data

    pixels = np.arange(6, dtype="uint8").reshape(2, 3)
    np.save(tmp_path / "x.npy", pixels)
    np.savez(tmp_path / "x.npz", x=pixels, y=[0, 1])
    for name in ("x.npy", "x.npz"):
        x, _ = load_data(tmp_path / name, None, 0.5)
        np.testing.assert_array_equal(x, pixels / 2)
    np.savez(tmp_path / "two.npz", a=pixels, b=pixels)
    for name, scale, said in (("x.npy", 0.0, "other than zero"), ("two.npz", 2.0, "one input")):
        with pytest.raises(ValueError, match=said):
            load_data(tmp_path / name, None, scale)


def test_an_input_may_be_named_as_labels_are(run, tmp_path):
    one, two = keras.Input((3,), name="x"), keras.Input((3,), name="y")
    hidden = layers.Dense(4, name="hidden")(one + two)
    keras.Model([one, two], layers.Dense(2)(hidden)).save(tmp_path / "two.keras")
    np.savez(tmp_path / "two.npz", x=np.ones((5, 3), "uint8"), y=np.ones((5, 3)))
    options = ("--criterion", "activation", "--data", "two.npz")
    assert run("prune", "two.keras", *options, "-o", "s.keras")[0] == 0


def test_files_of_samples_that_are_broken_are_named(run, saved, tmp_path):
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 and no more")
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    for name in ("broken.npz", "objects.npy"):
        code, _, err = run("prune", saved, "--data", name, "-o", "s.keras")
        assert code == 2
        assert f"{name} cannot be read" in err
