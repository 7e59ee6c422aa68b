"""The families of keras.applications in all formats: gated == file, or no file."""

import pytest
from helpers.formats import FORMATS

pytestmark = [
    pytest.mark.long,
    pytest.mark.only("tensorflow", reason="TensorFlow writes all formats."),
]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", ["EfficientNetB0", "ConvNeXtTiny", "MobileNetV3Small"])
def test_exported_families_compute_what_the_gated_network_does(name, format):
    from recipes.benchmarks.formats import measure

    row = measure(name, (format,), size=64, repeats=0)
    assert "fault" not in " ".join(row)
    assert max(row[f"{format}_{kind}_difference"] for kind in ("dense", "compact")) < 1e-4
