"""Pictures of a report: bars, patterns and curves, as SVG that needs no other file."""

import base64
import struct
import zlib
from collections.abc import Sequence
from itertools import groupby

import numpy as np

# Also told apart where colours are not: from dark to light.
COLORS = {
    "kept": "#0b6e4f",
    "strengthened": "#0b6e4f",
    "weakened": "#6bbf8a",
    "pruned": "#d9dce1",
}
_WIDTH, _BAR, _PATTERN, _CURVE = 360, 14, 8, 120
_ROW = 64
# Of more factors a picture is made of pixels.
_MOST = 4096


def bar(counts: dict[str, int]) -> str:
    """A bar of parts, one for each kind of channels.

    Args:
        counts: The number of channels of each kind, one of `COLORS`.
    """
    total, at, parts = sum(counts.values()), 0.0, []
    for kind, number in counts.items():
        width = _WIDTH * number / total if total else 0
        if width:
            title = f"<title>{kind}: {number:,}</title>"
            place = f'x="{at:.2f}" width="{width:.2f}" height="{_BAR}"'
            parts.append(f'<rect {place} fill="{COLORS[kind]}">{title}</rect>')
        at += width
    return _svg(_WIDTH, _BAR, parts, ", ".join(f"{n:,} {kind}" for kind, n in counts.items()))


def pattern(factors: np.ndarray) -> str:
    """Factors as pixels, 64 in a row: strengthened, weakened, pruned (arXiv 2110.05954, figure 5).

    Args:
        factors: A vector, or a matrix for connections, which is laid out as it is.
    """
    factors = np.asarray(factors)
    flat = factors if factors.ndim == 2 else _rows(factors)
    names = np.array(["strengthened", "weakened", "pruned", ""])
    kinds = names[np.select([np.isnan(flat), flat >= 1, flat > 0], [3, 0, 1], 2)]
    size = _PATTERN if factors.ndim == 1 else max(1, min(_PATTERN, _WIDTH // flat.shape[1]))
    height, width = size * flat.shape[0], size * flat.shape[1]
    label = "factors of the channels, in their order"
    if flat.size > _MOST:
        return _svg(width, height, [_pixels(kinds, width, height)], label)
    parts = []
    for row, line in enumerate(kinds):
        at = 0
        for kind, run in groupby(line):  # One rectangle for neighbours of a kind.
            number = len(list(run))
            if kind:
                place = f'x="{at * size}" y="{row * size}" width="{number * size}"'
                parts.append(f'<rect {place} height="{size}" fill="{COLORS[str(kind)]}"/>')
            at += number
    return _svg(width, height, parts, label)


def curves(series: dict[str, Sequence[float]], whole: float) -> str:
    """Lines over epochs, one for each kind of channels.

    Args:
        series: Numbers by kind, one for each epoch.
        whole: What the top of the picture stands for.
    """
    parts = [f'<rect width="{_WIDTH}" height="{_CURVE}" fill="none" stroke="#d9dce1"/>']
    for kind, values in series.items():
        step = _WIDTH / max(1, len(values) - 1)
        points = " ".join(
            f"{place * step:.1f},{_CURVE * (1 - value / whole):.1f}"
            for place, value in enumerate(values)
        )
        color = "#7a808a" if kind == "pruned" else COLORS[kind]
        dash = ' stroke-dasharray="4 3"' if kind == "weakened" else ""
        line = f'points="{points}" fill="none" stroke="{color}" stroke-width="2"{dash}'
        parts.append(f"<polyline {line}><title>{kind}</title></polyline>")
    return _svg(_WIDTH, _CURVE, parts, "counts over the epochs")


def _pixels(kinds: np.ndarray, width: int, height: int) -> str:
    """The same as a PNG within the SVG: a rectangle each would make megabytes of text."""
    names = ["", *(name for name in COLORS if name != "kept")]
    palette = bytes(3) + b"".join(bytes.fromhex(COLORS[name][1:]) for name in names[1:])
    places = np.select([kinds == name for name in names], np.arange(len(names)))
    lines = np.pad(places.astype("uint8"), ((0, 0), (1, 0)))  # None of them is filtered: 0.
    header = struct.pack(">IIBBBBB", kinds.shape[1], kinds.shape[0], 8, 3, 0, 0, 0)
    chunks = {
        b"IHDR": header,
        b"PLTE": palette,
        b"tRNS": b"\0",
        b"IDAT": zlib.compress(lines.tobytes(), 9),
        b"IEND": b"",
    }
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks.items()
    )
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    place = f'width="{width}" height="{height}" style="image-rendering: pixelated"'
    return f'<image {place} href="{source}"/>'


def _rows(vector: np.ndarray) -> np.ndarray:
    """A vector in rows, the last of them filled with what is no number."""
    width = min(_ROW, max(1, len(vector)))
    missing = -len(vector) % width
    padded = np.concatenate([vector.astype("float64"), np.full(missing, np.nan)])
    return padded.reshape(-1, width)


def _svg(width: float, height: float, parts: list[str], label: str) -> str:
    size = f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}"'
    return f'<svg {size} role="img" aria-label="{label}">{"".join(parts)}</svg>'
