"""A report tells what the structure does, and needs no other file."""

import base64
import html.parser
import io
import re
import shutil
import subprocess

import keras
import numpy as np
import PIL.Image
import pytest
from keras import layers

import keras_switcher as ks
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.pruning.kept import kept_channels
from keras_switcher.report.pictures import COLORS, bar, curves, pattern

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


def counts(strengthened, pruned):
    return {"strengthened": strengthened, "weakened": 0, "pruned": pruned}


@pytest.mark.parametrize(
    "history",
    [
        [{"elsewhere": counts(8, 0)}],
        [{"first": counts(7, 0)}],
        [{"first": {"strengthened": 8}}],
        [{"first": counts(float("nan"), 0)}],
        {"first": counts(8, 0)},
        "first",
        7,
    ],
)
def test_a_history_of_another_model_is_refused(tmp_path, history):
    with pytest.raises(ValueError, match="`history` must be"):
        ks.write_report(trained(), tmp_path / "report.html", history=history)


def test_a_smaller_network_has_no_history_and_was_made_of_the_other(tmp_path):
    model = trained()
    small = ks.prune(model.task, ks.Budget(0.6))
    with pytest.raises(ValueError, match="`history` is that of a SwitcherModel"):
        ks.write_report(model.task, tmp_path / "r.html", small, history=[{"first": counts(8, 0)}])
    with pytest.raises(ValueError, match="`files` must be"):
        ks.write_report(model.task, tmp_path / "r.html", small, files=[{"a": 1}, {"b": 1}])
    inputs = keras.Input((3,))
    other = keras.Model(inputs, layers.Dense(2, name="head")(layers.Dense(2)(inputs)), name="other")
    with pytest.raises(ValueError, match="'other' was not made of"):
        ks.write_report(model.task, tmp_path / "r.html", other)
    wide = keras.Model(inputs, layers.Dense(2, name="head")(layers.Dense(4, name="first")(inputs)))
    with pytest.raises(ValueError, match="does not run on inputs of the other"):
        ks.write_report(model.task, tmp_path / "r.html", wide)
    assert not (tmp_path / "r.html").exists()


def test_layers_within_layers_are_found_in_a_smaller_network(tmp_path):
    inputs = keras.Input((6, 8))
    x = layers.MultiHeadAttention(4, 2, name="attention")(inputs, inputs)
    model = keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling1D()(x)))
    small = ks.prune(model, ks.Budget(0.5))
    before, after = ChannelGraph(model), ChannelGraph(small)
    kept = kept_channels(before, after)
    heads = small.get_layer("attention_query_dense").kernel.shape[1]
    assert kept["attention/query_dense/heads"] == heads
    ks.write_report(model, tmp_path / "report.html", small)
    total = sum(before.group(name).size for name in kept)
    text = Text(tmp_path / "report.html").text
    assert f"{sum(kept.values())} of {total} channels in {len(kept)} groups" in text


def test_a_large_pattern_is_a_picture_of_its_factors():
    factors = np.random.default_rng(0).choice([0, 0.5, 1.5], size=(784, 300))
    drawn = pattern(factors)
    assert len(drawn) < 200_000
    png = base64.b64decode(re.search(r"base64,([^\"]+)", drawn)[1])
    image = keras.utils.img_to_array(PIL.Image.open(io.BytesIO(png)).convert("RGBA")).astype(int)
    assert image.shape == (784, 300, 4)
    for color, where in (
        ("strengthened", factors >= 1),
        ("weakened", (factors > 0) & (factors < 1)),
        ("pruned", factors == 0),
    ):
        expected = [*bytes.fromhex(COLORS[color][1:]), 255]
        np.testing.assert_array_equal((image == expected).all(-1), where)
    vector = pattern(np.ones(10_000))  # 156 rows of 64, and one of 16.
    png = base64.b64decode(re.search(r"base64,([^\"]+)", vector)[1])
    shown = keras.utils.img_to_array(PIL.Image.open(io.BytesIO(png)).convert("RGBA"))[..., 3]
    assert shown.shape == (157, 64)
    assert (shown > 0).sum() == 10_000
