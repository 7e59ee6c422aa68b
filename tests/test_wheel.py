"""The wheel holds this package alone, and README's example runs from it."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile

import pytest
from helpers.examples import ROOT, examples, is_like

# What a wheel is made of.
SOURCES = ("keras_switcher", "pyproject.toml", "README.md", "LICENSE")

pytestmark = pytest.mark.long  # Its build fetches setuptools.


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel of the package as it is, built without a trace in the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, source / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, source)
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, source)
    (built,) = folder.glob("*.whl")
    return built


def run(*command, **kwargs):
    """Runs a command; returns what it printed."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, **kwargs)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_holds_the_package_and_its_types_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"keras_switcher"}
    assert "keras_switcher/py.typed" in names
    run(sys.executable, "-m", "check_wheel_contents", wheel)


def test_the_example_runs_from_it_in_an_environment_of_its_own(wheel, tmp_path):
    run(sys.executable, "-m", "venv", tmp_path / "environment")
    python = tmp_path / "environment" / "bin" / "python"
    run(python, "-m", "pip", "install", "-q", "--no-deps", wheel)
    own = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    # Its dependencies are those of this environment, except that it finds its own package first.
    with open(f"{own}/dependencies.pth", "w") as file:
        file.write(sysconfig.get_path("purelib"))
    example = examples(ROOT / "README.md")[0]
    where = "import os\nassert ks.__file__.startswith(os.environ['OWN']), ks.__file__"
    environment = {**os.environ, "OWN": own, "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment.pop("PYTHONPATH", None)
    printed = run(python, "-c", f"{example.code}\n{where}", cwd=tmp_path, env=environment)
    assert is_like(printed, example.prints), printed
    assert (tmp_path / "small.keras").exists()
