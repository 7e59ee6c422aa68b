"""measure: times the layers of a network over their widths, on the device at hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_switcher.arguments import is_whole
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.tracing import check_is_model
from keras_switcher.latency.alone import alone, number_of
from keras_switcher.latency.calibrating import calibrated, narrowed
from keras_switcher.latency.fitting import fit_products
from keras_switcher.latency.kinds import Kind, kind_of
from keras_switcher.latency.stopwatch import Stopwatch
from keras_switcher.latency.table import LatencyTable
from keras_switcher.latency.timing import RUNS
from keras_switcher.pruning.full_precision import FULL, in_full_precision
from keras_switcher.pruning.masks import prune_channels

SHARES = (0.25, 0.5, 0.75, 1.0)
# A layer whose time grows by less than this share when it gets wider is as fast as before.
_SAME = 0.02
_MULTIPLES = (16, 8, 4, 2)
# The least seconds of a layer, and of a network: no clock tells them from none.
_LEAST = 1e-9


def measure(
    model: keras.Model,
    format: str = "litert",
    threads: int = 1,
    batch: int = 1,
    cache: str | Path | None = None,
    verbose: bool = True,
) -> LatencyTable:
    """Times each kind of layer of a network over a grid of widths, on the machine at hand.

    Each layer is written alone as a file, with a quarter, a half, three quarters and all of the
    channels that it reads and makes, and run by the format's runtime in turn with the whole
    network, so that it finds the caches as it would there. What the whole network takes with so
    many of its channels is measured, too: the sums over its layers are brought to that.

    Args:
        model: A built network, with sizes that are known but for the number of samples. One in
            mixed precision is timed in float32, as its file is.
        format: `"litert"`, `"onnx"` or `"openvino"`: what it will be exported to.
        threads: The number of the runtime's threads.
        batch: The number of samples that will be run at a time.
        cache: A file that keeps what was measured on this machine; what is in it is not measured
            again.
        verbose: Show a progress bar.

    Returns:
        A `LatencyTable`, for `Budget(of="latency", table=...)`.

    Warns:
        UserWarning: If the sum over layers is far from what the network takes.

    Raises:
        ValueError: If an argument is none of its choices, or sizes of the network are open.
        ImportError: If a package is missing that writes or runs the format.
    """
    _check(model, format, threads, batch)
    model = in_full_precision(model)
    channel_graph = ChannelGraph(model)
    calls = [kind_of(call, channel_graph) for call in channel_graph.graph.calls]
    timed = [kind for kind in calls if kind is not None]
    kinds = {kind.key: kind for kind in reversed(timed)}
    known_as = f"{sorted(kind.key for kind in timed)} {model.count_params()}"
    with Stopwatch(model, known_as, format, threads, batch, cache) as stopwatch:
        _check_runs(channel_graph, list(kinds.values()), stopwatch)
        timing = _Timing(channel_graph, stopwatch, verbose)
        points = {key: _points(kind) for key, kind in kinds.items()}
        timing.bar.target = sum(map(len, points.values())) + len(SHARES)
        overhead = stopwatch.alone("nothing", _nothing)
        widths = [narrowed(timed, share) for share in SHARES]
        wholes = [(masks, max(timing.whole(masks) - overhead, _LEAST)) for masks in widths]
        times = {key: [timing.layer(kind, at) for at in points[key]] for key, kind in kinds.items()}
        start = timing.start()
        fitted = {key: _fit(kind, points[key], times[key], start) for key, kind in kinds.items()}
        dearest = max(kinds.values(), key=lambda kind: times[kind.key][-1], default=None)
        round_to = _round_to(dearest, timing) if dearest else 1
    fitted = calibrated(fitted, channel_graph, wholes)
    return LatencyTable(fitted, overhead, format, threads, batch, round_to)


class _Timing:
    """Times a network at some width, and layers of it, with progress."""

    def __init__(self, channel_graph: ChannelGraph, stopwatch: Stopwatch, verbose: bool) -> None:
        self.channel_graph = channel_graph
        self.stopwatch = stopwatch
        self.bar = keras.utils.Progbar(None, unit_name="file", verbose=int(verbose))

    def whole(self, masks: dict[str, np.ndarray]) -> float:
        """Seconds of the network with the channels that masks keep."""
        make = partial(prune_channels, self.stopwatch.model, masks)
        numbers = {name: int(mask.sum()) for name, mask in masks.items()}
        passed = self.stopwatch.alone(f"whole {numbers}", make)
        self.bar.add(1)
        return passed

    def layer(self, kind: Kind, shares: tuple[float, float]) -> float:
        """Seconds of the file of a layer."""
        make = partial(alone, kind, self.channel_graph, shares)
        with _named(kind, self.stopwatch.format):
            passed = self.stopwatch.in_turn(f"{kind.key} {shares}", make)
        self.bar.add(1)
        return passed

    def start(self) -> float:
        """Seconds that any file takes to be started, whatever is in it."""
        return self.stopwatch.in_turn("nothing", _nothing)


def _check_runs(channel_graph: ChannelGraph, kinds: list[Kind], stopwatch: Stopwatch) -> None:
    """Refuses a network that cannot be run, by the name of the first layer that cannot."""
    try:
        stopwatch.in_turn("nothing", _nothing)
    except ImportError:
        raise
    except Exception:  # Whatever it was, it is raised again, unless a layer explains it.
        for kind in kinds:
            with _named(kind, stopwatch.format):
                stopwatch.alone(kind.key, partial(alone, kind, channel_graph, (1.0, 1.0)))
        raise


@contextmanager
def _named(kind: Kind, format: str) -> Iterator[None]:
    """Errors say which layer cannot be timed."""
    try:
        yield
    except ImportError:
        raise
    except Exception as error:  # Each writer and each runtime has errors of its own.
        layer = f"'{kind.call.name}' (of type {type(kind.call.op).__name__})"
        raise ValueError(
            f"{layer} cannot be timed alone as a file of the format '{format}': {error} The guide "
            "'Export' says which layers which format takes."
        ) from error


def _points(kind: Kind) -> list[tuple[float, float]]:
    """The shares of channels at which a kind is measured, all of them last."""
    if kind.inputs is None and kind.outputs is None:
        return [(1.0, 1.0)]
    if kind.is_tied:
        return [(share, share) for share in SHARES]
    return [(first, second) for first in SHARES for second in SHARES]


def _fit(
    kind: Kind, points: list[tuple[float, float]], times: list[float], start: float
) -> list[float]:
    """The coefficients of a kind, without what any file takes to be started.

    That goes at the end: relative errors of a time that is noise around zero would decide all.
    """
    sizes = [1 if axis is None else axis.size for axis in (kind.inputs, kind.outputs)]
    counts = [
        [number_of(size, share) for share in column]
        for size, column in zip(sizes, zip(*points, strict=True), strict=True)
    ]
    fixed, *growing = fit_products(np.array(times), *map(np.array, counts)).tolist()
    return [max(fixed - start, _LEAST), *growing]


def _round_to(kind: Kind, timing: _Timing) -> int:
    """The largest multiple to which widths can be rounded up and take as long as before."""
    if kind.outputs is None or kind.outputs.size < 4 * _MULTIPLES[0]:
        return 1
    size, first = kind.outputs.size, kind.outputs.size // 32 * 16
    widths = range(first + 1, first + _MULTIPLES[0] + 1)
    timing.bar.target += len(widths)
    times = {
        width: max(timing.layer(kind, (width / size, width / size)) - timing.start(), 0.0)
        for width in widths
    }
    mean = sum(times.values()) / len(times)
    for multiple in _MULTIPLES:
        rounded = sum(times[-(-width // multiple) * multiple] for width in widths) / len(times)
        if rounded <= (1 + _SAME) * mean:
            return multiple
    return 1


def _nothing() -> keras.Model:
    inputs = keras.Input((1,), dtype=FULL)
    return keras.Model(inputs, keras.layers.ReLU(dtype=FULL)(inputs))


def _check(model: keras.Model, format: Any, threads: Any, batch: Any) -> None:
    if format not in RUNS:
        raise ValueError(f"`format` must be one of {tuple(RUNS)}. Received: format={format!r}.")
    for name, value in (("threads", threads), ("batch", batch)):
        if not is_whole(value, 1):
            raise ValueError(
                f"`{name}` must be a whole number above 0. Received: {name}={value!r}."
            )
    check_is_model(model)
    open_sizes = [x.name for x in getattr(model, "inputs", ()) if None in x.shape[1:]]
    if open_sizes:
        raise ValueError(
            f"The sizes of {', '.join(map(repr, open_sizes))} are open: how long the network takes "
            "depends on them. Build it with a fixed keras.Input(shape)."
        )
