"""Networks this small are compiled by XLA for longer than they are trained."""

import pytest

from recipes import training


@pytest.fixture(autouse=True)
def without_xla(monkeypatch):
    monkeypatch.setattr(training, "_suits_xla", lambda model: False)
