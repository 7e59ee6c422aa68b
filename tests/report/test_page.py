"""A report tells what the structure does, and needs no other file."""

import html.parser
import re
import shutil
import subprocess

import keras
import numpy as np
import pytest
from keras import layers

import keras_switcher as ks
from keras_switcher.report.pictures import bar, curves, pattern

pytest.importorskip("jinja2")

HOSTILE = "<script>alert(1)</script>"


def trained(name="network"):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6,))
    x = layers.Dense(8, "relu", name="first")(inputs)
    x = layers.LayerNormalization()(layers.Dense(5, name="whole")(x))
    task = keras.Model(inputs, layers.Dense(2, name="head")(x), name=name)
    model = ks.SwitcherModel(task, ks.switchers.FreeFactors(), groups=["first", "first/inputs"])
    factors = [1, 0.5, 0, 1, 0, 1, 1, 2, 1, 0, 1, 1, 1, 1]
    model.switcher.parameters.assign(np.array(factors, "float32"))
    return model


class Text(html.parser.HTMLParser):
    """The text of a page, its tags, and what it would load."""

    def __init__(self, path):
        super().__init__()
        self.text, self.tags, self.loaded = "", [], []
        self.feed(path.read_text())

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.loaded += [value for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data):
        self.text += data


def test_it_tells_counts_costs_reasons_and_exactness(tmp_path):
    model = trained()
    ks.write_report(model, tmp_path / "report.html")
    page = Text(tmp_path / "report.html")
    structure = model.structure()
    assert not page.loaded
    assert "script" not in page.tags
    kept = sum(counts.kept for counts in structure.groups)
    total = sum(counts.total for counts in structure.groups)
    assert f"{kept} of {total} channels in {len(structure.groups)} groups" in page.text
    for counts in structure.groups:
        assert counts.name in page.text
    for of, before in structure.before.items():
        assert f"{of}{before:,}{structure.after[of]:,}{structure.removed(of):.1%}" in page.text
    assert "a LayerNormalization over the channels" in page.text
    assert "both networks compute the same" in page.text


def test_it_draws_counts_over_epochs(tmp_path):
    model = trained()
    epochs = [
        {name: {"strengthened": 2, "weakened": n, "pruned": 6 - n} for name in ("first",)}
        for n in range(3)
    ]
    ks.write_report(model, tmp_path / "report.html", history=epochs)
    assert "Counts over 3 epochs" in Text(tmp_path / "report.html").text
    ks.write_report(model, tmp_path / "report.html", history=epochs[:1])
    assert "Counts over" not in Text(tmp_path / "report.html").text


def test_a_pair_tells_what_was_removed_and_its_effect(tmp_path):
    task = trained().task
    small = ks.prune(task, ks.Budget(0.6))
    ks.write_report(task, tmp_path / "report.html", small)
    page = Text(tmp_path / "report.html")
    kept = small.get_layer("first").units
    assert f"{kept} of 8 channels in 1 groups" in page.text
    assert f"{small.count_params():,}" in page.text
    assert "what was removed had an effect" in page.text
    ks.write_report(task, tmp_path / "report.html", keras.models.clone_model(task))
    assert "8 of 8 channels" in Text(tmp_path / "report.html").text


def test_names_are_text_whatever_they_are(tmp_path):
    model = trained()
    files = [{"file": HOSTILE, "bytes": 3}]
    ks.write_report(model, tmp_path / "report.html", files=files)
    page = Text(tmp_path / "report.html")
    assert HOSTILE in page.text
    assert "script" not in page.tags


def test_bars_are_as_long_as_their_shares():
    drawn = bar({"strengthened": 1, "weakened": 2, "pruned": 1})
    assert [float(w) for w in re.findall(r'<rect x="[\d.]+" width="([\d.]+)"', drawn)] == [
        90.0,
        180.0,
        90.0,
    ]
    assert "1 strengthened, 2 weakened, 1 pruned" in drawn


@pytest.mark.parametrize("shape", [(70,), (3, 50)])
def test_a_pattern_has_an_area_for_each_factor(shape):
    factors = np.random.default_rng(0).choice([0, 0.5, 1.5], size=shape)
    drawn = pattern(factors)
    found = re.findall(r'width="(\d+)" height="(\d+)" fill="(#\w+)"', drawn)
    size = int(found[0][1])
    areas = {}
    for width, _, color in found:
        areas[color] = areas.get(color, 0) + int(width) // size
    numbers = [(factors >= 1).sum(), ((factors > 0) & (factors < 1)).sum(), (factors == 0).sum()]
    assert sorted(areas.values()) == sorted(numbers)


def test_curves_begin_and_end_where_the_counts_do():
    drawn = curves({"strengthened": [0, 5], "weakened": [10, 5], "pruned": [0, 0]}, 10)
    lines = re.findall(r'points="([^"]+)"', drawn)
    assert lines == ["0.0,120.0 360.0,60.0", "0.0,0.0 360.0,60.0", "0.0,120.0 360.0,120.0"]


def test_wrong_arguments_are_refused_and_no_file_is_lost(tmp_path):
    model = trained()
    (tmp_path / "report.html").write_text("precious")
    with pytest.raises(ValueError, match=r"must end in \.html"):
        ks.write_report(model, tmp_path / "report.txt")
    with pytest.raises(ValueError, match="a network and the smaller one"):
        ks.write_report(model.task, tmp_path / "report.html")
    with pytest.raises(ValueError, match="a network and the smaller one"):
        ks.write_report(model, tmp_path / "report.html", model.task)
    assert (tmp_path / "report.html").read_text() == "precious"


@pytest.mark.long
def test_a_browser_shows_it(tmp_path):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no browser is installed")
    ks.write_report(trained(), tmp_path / "report.html")
    shown = subprocess.run(
        [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=900,1200"),
            *(f"--screenshot={tmp_path / 'shown.png'}", (tmp_path / "report.html").as_uri()),
        ],
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert shown.returncode == 0
    pixels = keras.utils.img_to_array(keras.utils.load_img(tmp_path / "shown.png"))
    colors = {tuple(color) for color in pixels.reshape(-1, 3).astype(int).tolist()}
    assert {(0x0B, 0x6E, 0x4F), (0x6B, 0xBF, 0x8A), (0xD9, 0xDC, 0xE1)} <= colors
