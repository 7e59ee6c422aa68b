"""What the pages of docs/ show is true, and they name all that is public."""

import re

import pytest
from helpers.examples import NOT_RUN, ROOT, examples, run

import keras_switcher
from keras_switcher import criteria, latency, layers, plots, switchers

DOCS = ROOT / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.md") if examples(page))


OF_TENSORFLOW = pytest.mark.only("tensorflow", reason="It exports with TensorFlow.")


# Measured beside other tests.
@pytest.mark.filterwarnings("ignore:The sum over its layers is off by")
@pytest.mark.parametrize(
    "page",
    [
        pytest.param(p, marks=OF_TENSORFLOW if "import tensorflow" in p.read_text() else ())
        for p in PAGES
    ],
    ids=[str(page.relative_to(DOCS)) for page in PAGES],
)
def test_examples_of_a_page_run_one_after_the_other(page, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    names = {}
    for example in examples(page):
        if example.is_run:
            run(example, names)


def test_examples_that_are_not_run_say_why():
    shown = [e for page in [*PAGES, ROOT / "README.md"] for e in examples(page) if not e.is_run]
    assert shown
    assert all(len(e.code.splitlines()[0]) > len(NOT_RUN) + 10 for e in shown)


def test_the_api_names_all_that_is_public():
    text = (DOCS / "api.md").read_text()
    rooms = {"criteria", "latency", "layers", "plots", "switchers"}
    names = [
        *(f"keras_switcher.{name}" for name in keras_switcher.__all__ if name not in rooms),
        *(f"keras_switcher.latency.{name}" for name in latency.__all__),
        *(f"keras_switcher.layers.{name}" for name in layers.__all__),
        *(f"keras_switcher.switchers.{name}" for name in switchers.__all__),
        *(
            f"keras_switcher.pruning.criteria.{name}"
            for name in criteria.__all__
            if name[0].isupper()
        ),
        *(f"keras_switcher.plots.{name}" for name in vars(plots) if name.startswith("plot_")),
    ]
    missing = [name for name in names if not re.search(rf"auto\w+:: {re.escape(name)}\n", text)]
    assert not missing


def test_links_between_pages_lead_somewhere():
    for page in [*DOCS.rglob("*.md"), *ROOT.glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+?)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
