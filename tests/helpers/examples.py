"""The examples of README.md and docs/: which there are, and whether they print what is shown.

A block of Python is run after those before it on its page. The block of text that directly follows
is what it prints. A block whose first line begins with `NOT_RUN` says there why it is only shown.
"""

import contextlib
import io
import re
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import keras

ROOT = Path(__file__).parents[2]
NOT_RUN = "# Not run:"
_FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True)
class Example:
    """A block of Python, and the text below it if it prints something."""

    code: str
    prints: str

    @property
    def is_run(self) -> bool:
        """Whether it is more than shown."""
        return not self.code.startswith(NOT_RUN)


def examples(page: Path) -> list[Example]:
    """All blocks of Python of a page of Markdown, in its order.

    Args:
        page: The file.
    """
    text = page.read_text()
    blocks = list(_FENCE.finditer(text))
    found = []
    for block, following in zip_longest(blocks, blocks[1:]):
        if block[1] != "python":
            continue
        adjoins = following and not text[block.end() : following.start()].strip()
        found.append(Example(block[2], following[2] if adjoins and following[1] == "text" else ""))
    return found


def run(example: Example, names: dict, exactly: bool = True):
    """Runs an example and compares what it prints with what is shown.

    Args:
        example: The example.
        names: What the examples before it have defined; it adds its own.
        exactly: Whether numbers are the same everywhere; False where a training decides on them:
            they are to be close, but under PyTorch, which draws others and ends elsewhere.
    """
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(example.code, "an example", "exec"), names)
    text = printed.getvalue()
    if exactly:
        assert text == example.prints
    elif keras.backend.backend() == "torch":
        assert _words(text) == _words(example.prints), text
    else:
        assert is_like(text, example.prints), text


def is_like(printed: str, shown: str) -> bool:
    """Whether two texts have the same words and lines, and numbers that are close.

    Training ends a little elsewhere on another processor: whole numbers may differ by 6 or by 15
    per cent, those with decimals by .02 or by 2 per cent.

    Args:
        printed: What was printed.
        shown: What the page shows.
    """
    if _words(printed) != _words(shown):
        return False
    pairs = zip(_NUMBER.findall(printed), _NUMBER.findall(shown), strict=True)
    return all(_close(*pair) for pair in pairs)


def _words(text):
    return [_NUMBER.sub("0", line).split() for line in text.strip().splitlines()]


def _close(one, other):
    absolute, relative = (0.02, 0.02) if "." in one or "." in other else (6, 0.15)
    one, other = (float(number.replace(",", "")) for number in (one, other))
    return abs(one - other) <= max(absolute, relative * max(one, other))
