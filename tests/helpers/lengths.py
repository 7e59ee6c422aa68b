"""Which cases of a test are run every time, and which with `-m long` alone."""

from collections.abc import Container, Iterable
from typing import Any

import pytest


def long_but(sample: Container, cases: Iterable) -> list:
    """All cases; those that are not in the sample are run with `-m long`."""
    return [pytest.param(x, marks=() if x in sample else pytest.mark.long) for x in cases]


def one_in_turn(shares: tuple, cases: Iterable, marks: Any = lambda _: []) -> list:
    """Each case with the first or the second share in turn; with the others by `-m long`."""
    return [
        pytest.param(
            case, share, marks=[*marks(case), *([] if n == place % 2 else [pytest.mark.long])]
        )
        for place, case in enumerate(cases)
        for n, share in enumerate(shares)
    ]
