"""What the README shows is true."""

from importlib.util import find_spec

import numpy as np
from helpers.examples import ROOT, examples, is_like, run

import keras_switcher

README = ROOT / "README.md"


def test_its_examples_run_one_after_the_other_and_print_what_is_shown(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    first, *others = examples(README)
    names = {}
    run(first, names, exactly=False)
    assert "removed)" in first.prints
    expected = names["model"].predict(names["x_test"], verbose=0)
    loaded = names["keras"].models.load_model("small.keras")
    for small in (names["small"], loaded):
        np.testing.assert_allclose(small.predict(names["x_test"], verbose=0), expected, atol=1e-5)
    names["task"].save("trained.keras")
    for example in others:
        if "keras_hub" in example.code and not find_spec("keras_hub"):
            continue  # An extra that the tests do without.
        if example.is_run:
            run(example, names)
    assert names["small"].count_params() < names["task"].count_params()


def test_it_is_short_and_has_a_picture_that_is_there():
    text = README.read_text()
    assert len(text.splitlines()) <= 160
    pictures = [line.split("](")[1].split(")")[0] for line in text.splitlines() if "![" in line]
    assert pictures
    assert all((ROOT / picture).exists() for picture in pictures)


def test_numbers_are_compared_and_words_are_the_same():
    shown = "first  56 of 128\nweights: 17,024 -> 4,210 (75.27% removed)\n"
    assert is_like("first 53 of 128\nweights: 17,024 -> 4,190 (75.39% removed)", shown)
    assert not is_like(shown.replace("56", "20"), shown)
    assert not is_like(shown.replace("75.27", "60.00"), shown)
    assert not is_like(shown.replace("first", "second"), shown)
    assert not is_like(shown.splitlines()[0], shown)
    assert not is_like("accuracy 0.900", "accuracy 0.980")


def test_the_version_is_a_number_that_the_changelog_explains():
    version = keras_switcher.__version__
    assert all(part.isdigit() for part in version.split("."))
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()
