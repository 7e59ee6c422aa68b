"""An axis lays the channels of groups out at its positions."""

from types import SimpleNamespace

import keras
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from keras_switcher.graph.axis import Axis


@st.composite
def axes(draw):
    sizes = draw(st.lists(st.integers(1, 5), min_size=1, max_size=3))
    groups = [SimpleNamespace(name=f"g{i}", size=size) for i, size in enumerate(sizes)]
    index = draw(st.lists(st.integers(0, sum(sizes)), min_size=1, max_size=12))
    named = draw(st.lists(st.sampled_from(groups), unique_by=id))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    return Axis(groups, index), {g.name: rng.normal(size=g.size).astype("float32") for g in named}


def places(axis):
    """The name of the group and the channel at each position; None at those of no group."""
    known = [(group.name, channel) for group in axis.groups for channel in range(group.size)]
    return [[*known, (None, None)][number] for number in axis.index]


@given(axes())
def test_gather_puts_each_channel_at_its_positions(drawn):
    axis, vectors = drawn
    expected = [vectors[name][channel] if name in vectors else 1 for name, channel in places(axis)]
    if vectors:
        np.testing.assert_array_equal(axis.gather(vectors, np), expected)
        tensors = {name: keras.ops.convert_to_tensor(v) for name, v in vectors.items()}
        np.testing.assert_array_equal(axis.gather(tensors), expected)
    else:
        assert axis.gather(vectors, np) is None


@given(axes())
def test_entries_are_the_positions_of_a_group(drawn):
    axis, _ = drawn
    for group in axis.groups:
        entries, channels = axis.entries_of(group)
        here = [
            (i, channel) for i, (name, channel) in enumerate(places(axis)) if name == group.name
        ]
        assert list(zip(entries, channels, strict=True)) == here


def test_whole_is_every_channel_once_and_in_order():
    group = SimpleNamespace(name="g", size=3)
    for index, whole in [
        ([0, 1, 2], True),
        ([0, 2, 1], False),
        ([0, 1], False),
        ([0, 1, 3], False),
    ]:
        assert Axis([group], index).is_whole(group) == whole
