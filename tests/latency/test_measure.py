"""Each kind of layer is timed at the widths that pruning may leave it, beside its network."""

import json
import time

import keras
import numpy as np
import pytest
from keras import layers

import keras_switcher as ks
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.latency import stopwatch
from keras_switcher.latency.alone import alone
from keras_switcher.latency.kinds import kind_of
from keras_switcher.latency.timing import seconds_in_turn
from keras_switcher.pruning.costs import remaining
from keras_switcher.pruning.planning import plan_removal


def network(width=16):
    inputs = keras.Input((8, 8, 2))
    x = layers.Conv2D(width, 3, padding="same", name="first")(inputs)
    x = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    x = layers.Conv2D(2 * width, 1, activation="relu", name="second")(x)
    y = layers.Conv2D(width, 1, name="branch")(x)
    x = layers.Concatenate(name="both")([x, y])
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, layers.Dense(5, name="head")(x))


OVERHEAD, BASE, MAC = 3e-5, 2e-6, 1e-9


def seconds_by_hand(model, *settings):
    """A device on which a network takes so much, and each of its timed layers by its MACs."""
    channel_graph = ChannelGraph(model)
    kinds = [kind_of(call, channel_graph) for call in channel_graph.graph.calls]
    macs = ks.count_macs(model).total
    return OVERHEAD + BASE * sum(kind is not None for kind in kinds) + MAC * macs


@pytest.fixture
def by_hand(monkeypatch):
    timed = []

    def seconds(model, *settings):
        timed.append(model)
        return seconds_by_hand(model, *settings)

    monkeypatch.setattr(stopwatch, "seconds_of", seconds)
    return timed


@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
def test_a_layer_alone_has_the_widths_asked_for(share):
    model = network()
    channel_graph = ChannelGraph(model)
    kinds = {call.name: kind_of(call, channel_graph) for call in channel_graph.graph.calls}

    def shapes(name, read, made):
        made = alone(kinds[name], channel_graph, (read, made))
        return [x.shape[1:] for x in made.inputs], made.output_shape[1:]

    assert shapes("second", share, 0.5) == ([(8, 8, int(16 * share))], (8, 8, 16))
    assert shapes("second", 0.5, share) == ([(8, 8, 8)], (8, 8, int(32 * share)))
    narrow = (8, 8, int(16 * share))
    assert shapes("depthwise", share, share) == ([narrow], narrow)
    read = [(8, 8, int(32 * share)), (8, 8, int(16 * share))]
    assert shapes("both", share, share) == (read, (8, 8, int(48 * share)))
    assert shapes("head", share, 1.0) == ([(int(48 * share),)], (5,))


def test_a_table_tells_the_time_of_a_device_that_is_as_it_assumes(by_hand):
    model = network()
    table = ks.latency.measure(model, verbose=False)
    channel_graph = ChannelGraph(model)
    assert table.milliseconds(model) == pytest.approx(1000 * seconds_by_hand(model), rel=1e-4)
    rng = np.random.default_rng(0)
    for _ in range(5):
        masks = {
            group.name: rng.permutation(group.size) < rng.integers(2, group.size)
            for group in channel_graph.groups
            if group.prunable
        }
        factors = {name: mask.astype("float32") for name, mask in masks.items()}
        plan = plan_removal(channel_graph, factors)
        told = remaining(channel_graph, plan, table)["latency"] * 1e-12
        assert told == pytest.approx(seconds_by_hand(ks.prune_channels(model, masks)), rel=1e-3)


def test_what_layers_take_more_alone_than_in_the_network_is_taken_back(monkeypatch):
    model = network()

    def seconds(timed, format, threads, batch, between=None):
        passed = seconds_by_hand(timed)
        if between is None:
            return passed
        # Starting takes longer, so does each layer (six times), and each multiplication (three).
        macs = MAC * ks.count_macs(timed).total
        layers_alone = passed - OVERHEAD - macs
        return OVERHEAD + 2e-5 + 6 * layers_alone + 3 * macs

    monkeypatch.setattr(stopwatch, "seconds_of", seconds)
    table = ks.latency.measure(model, verbose=False)
    small = ks.prune(model, ks.Budget(0.7, of="latency", table=table), "random")
    assert table.milliseconds(model) == pytest.approx(1000 * seconds_by_hand(model), rel=1e-3)
    told = table.milliseconds(small, pruned_from=model)
    assert told == pytest.approx(1000 * seconds_by_hand(small), rel=0.01)


def test_layers_that_take_less_than_noise_do_not_decide(monkeypatch):
    model, rng = network(), np.random.default_rng(1)

    def seconds(timed, format, threads, batch, between=None):
        passed = seconds_by_hand(timed)
        if between is None:
            return passed
        # In turn, single calls: some layers seem to be faster than a file with nothing in it.
        return OVERHEAD + 0.2 * (passed - OVERHEAD) + rng.uniform(-2e-6, 2e-6)

    monkeypatch.setattr(stopwatch, "seconds_of", seconds)
    table = ks.latency.measure(model, verbose=False)
    assert table.milliseconds(model) == pytest.approx(1000 * seconds_by_hand(model), rel=1e-3)
    for keep in (0.9, 0.85):
        small = ks.prune(model, ks.Budget(keep, of="latency", table=table), "random")
        told = table.milliseconds(small, pruned_from=model)
        assert told == pytest.approx(1000 * seconds_by_hand(small), rel=0.1)


def test_a_machine_whose_times_are_no_sum_of_layers_is_told(monkeypatch):
    model = network()
    rng = np.random.default_rng(0)
    monkeypatch.setattr(stopwatch, "seconds_of", lambda *_: 10 ** rng.uniform(-5, -2))
    with pytest.warns(UserWarning, match=r"off by \d+% .* the machine is busy"):
        ks.latency.measure(model, verbose=False)


def test_single_calls_are_timed_after_what_comes_between():
    calls = []

    def run():
        calls.append("run")
        time.sleep(0.002 if calls[-2:] == ["between", "run"] else 0.1)

    passed = seconds_in_turn(run, lambda: calls.append("between"))
    assert 0.002 <= passed < 0.05
    assert calls[1:] == ["between", "run"] * (len(calls) // 2)


def test_kinds_are_timed_once_and_a_file_remembers_them(by_hand, tmp_path):
    inputs = keras.Input((4, 4, 8))
    x = inputs
    for name in "abcd":
        x = layers.Conv2D(8, 3, padding="same", name=name)(x)
    model = keras.Model(inputs, layers.Dense(2, name="head")(layers.Flatten()(x)))
    first = ks.latency.measure(model, verbose=False, cache=tmp_path / "times.json")
    # Nothing (alone and in turn), the whole, a (its inputs stay), b to d as one kind, head.
    assert len(by_hand) == 2 + 4 + 4 + 16 + 4
    by_hand.clear()
    again = ks.latency.measure(model, verbose=False, cache=tmp_path / "times.json")
    assert not by_hand
    assert again.get_config() == first.get_config()
    ks.latency.measure(model, threads=2, verbose=False, cache=tmp_path / "times.json")
    assert by_hand


def test_widths_are_rounded_to_what_the_device_computes_at_once(monkeypatch):
    def in_eights(model, *settings):
        conv = [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]
        width = sum(-(-layer.filters // 8) * 8 for layer in conv)
        return 1e-5 + 1e-6 * width

    monkeypatch.setattr(stopwatch, "seconds_of", in_eights)
    inputs = keras.Input((4, 4, 8))
    x = layers.Conv2D(128, 1, name="wide")(inputs)
    model = keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))
    assert ks.latency.measure(model, verbose=False).round_to == 8


OF_TENSORFLOW = pytest.mark.only("tensorflow", reason="LiteRT's converter is TensorFlow's.")
# What is timed for real is timed beside other tests.
BUSY = pytest.mark.filterwarnings("ignore:The sum over its layers is off by")


@OF_TENSORFLOW
@BUSY
def test_it_runs_files_of_this_machine():
    inputs = keras.Input((32, 32, 3))
    x = layers.Conv2D(64, 3, activation="swish", name="conv")(inputs)
    x = layers.Add()([x, layers.Activation("tanh")(x)])
    model = keras.Model(inputs, layers.Dense(2, name="head")(layers.GlobalMaxPooling2D()(x)))
    table = ks.latency.measure(model, verbose=False)
    assert 0 < table.milliseconds(model) < 1000
    assert len(table.kinds) == 5
    small = ks.prune(model, ks.Budget(0.8, of="latency", table=table))
    assert 3 < small.get_layer("conv").filters < 64


def test_wrong_arguments_are_refused(tmp_path):
    model = network()
    with pytest.raises(ValueError, match="format='flash'"):
        ks.latency.measure(model, format="flash")
    for name in ("threads", "batch"):
        with pytest.raises(ValueError, match=f"`{name}` must be a whole number above 0"):
            ks.latency.measure(model, **{name: 0})
    inputs = keras.Input((None, None, 3), name="pictures")
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(inputs))
    with pytest.raises(ValueError, match="sizes of 'pictures' are open"):
        ks.latency.measure(keras.Model(inputs, x))
    with pytest.raises(ValueError, match="Expected a Functional or Sequential"):
        ks.latency.measure("network")
    key = "0123456789abcdef01234567"
    strange = ({"a": "b"}, {"accuracy": 0.5}, {key: 0}, {key: float("nan")})
    for content in ("no json", json.dumps([1]), *map(json.dumps, strange)):
        (tmp_path / "times.json").write_text(content)
        with pytest.raises(ValueError, match="holds no measured times"):
            ks.latency.measure(model, cache=tmp_path / "times.json")
        assert (tmp_path / "times.json").read_text() == content


@OF_TENSORFLOW
@BUSY
@pytest.mark.filterwarnings("ignore:When providing `inputs` as a dict")
def test_inputs_go_where_their_names_say(tmp_path):
    # Of the same shape, in another order than that of the keys, and with few rows in a table.
    words = keras.Input((5,), dtype="int32", name="words")
    numbers = keras.Input((5,), name="numbers")
    x = layers.GlobalAveragePooling1D()(layers.Embedding(3, 6, name="table")(words))
    x = layers.Concatenate()([x, layers.Dense(4, name="dense")(numbers)])
    model = keras.Model({"z": words, "a": numbers}, layers.Dense(2, name="head")(x))
    assert ks.latency.measure(model, verbose=False).milliseconds(model) > 0
    half = layers.Dense(2, dtype="float64", name="half")
    with pytest.raises(ValueError, match=r"'half' \(of type Dense\) cannot be timed alone"):
        ks.latency.measure(keras.Sequential([keras.Input((3,)), half]), verbose=False)


def test_what_was_timed_before_an_interruption_is_kept(monkeypatch, tmp_path):
    times = iter([1e-4] * 9)

    def seconds(*_):
        if (passed := next(times, None)) is None:
            raise KeyboardInterrupt
        return passed

    monkeypatch.setattr(stopwatch, "seconds_of", seconds)
    with pytest.raises(KeyboardInterrupt):
        ks.latency.measure(network(), verbose=False, cache=tmp_path / "times.json")
    assert len(json.loads((tmp_path / "times.json").read_text())) == 9


def test_networks_of_the_same_kinds_are_not_taken_for_each_other(by_hand, tmp_path):
    def chain(number):
        inputs = keras.Input((4,))
        x = layers.Dense(4, name="first")(inputs)
        for _ in range(number):
            x = layers.Softmax()(x)
        return keras.Model(inputs, layers.Dense(2, name="head")(x))

    times = []
    for number in (1, 5):
        model = chain(number)
        table = ks.latency.measure(model, verbose=False, cache=tmp_path / "times.json")
        times.append(table.milliseconds(model))
    assert times[1] - times[0] == pytest.approx(4 * BASE * 1000, rel=1e-6)


def test_a_cache_keeps_what_others_have_written(by_hand, tmp_path):
    cache = tmp_path / "times.json"
    first, second = (
        stopwatch.Stopwatch(network(), "network", "litert", threads, 1, cache) for threads in (1, 2)
    )
    for each in (first, second):
        each.alone("network", network)
    first.save()
    second.save()
    assert len(json.loads(cache.read_text())) == 2
    with pytest.raises(ValueError, match="there is no folder"):
        stopwatch.Stopwatch(network(), "network", "litert", 1, 1, tmp_path / "no" / "times.json")
    with pytest.raises(ValueError, match="holds no measured times"):
        stopwatch.Stopwatch(network(), "network", "litert", 1, 1, tmp_path)
