"""Features read at once are what they are one by one."""

import numpy as np
import pytest
from helpers.networks import densely_connected, lenet5, two_heads
from helpers.toys import randomize
from keras import ops

from keras_switcher.gating.gated_network import GatedNetwork
from keras_switcher.switchers.features import Features
from keras_switcher.switchers.reading import read_records

NETWORKS = {
    "lenet5": lambda: lenet5((6, 8), (9, 4), size=20),
    "two heads": two_heads,
    "densely connected": densely_connected,
}
FEATURES = ("producers", "consumers", "scales", "shifts")


def largest(view):
    others = [axis for axis in range(len(view.kernel.shape)) if axis != view.axis]
    return ops.max(ops.convert_to_tensor(view.kernel), axis=others)


def records_of(task):
    gated = GatedNetwork(task, "all")
    return read_records(gated.channel_graph, gated.groups, gated.connections)


def one_by_one(records, kind, relative):
    """As the docstring of `Features.read` says it."""
    columns = []
    for record in records:
        column = np.zeros(record.size)
        views = getattr(record, kind)
        for view in views:
            values = ops.convert_to_numpy(largest(view))
            channels = [values[view.entries[view.channels == c]] for c in range(record.size)]
            mean = np.array([found.mean() if len(found) else 0 for found in channels])
            column += (mean / mean.mean() - 1 if relative else mean) / len(views)
        columns.append(column)
    return np.concatenate(columns)


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("kind", FEATURES)
@pytest.mark.parametrize("name", NETWORKS)
def test_read_is_the_mean_over_positions_then_over_views(name, kind, relative):
    task = NETWORKS[name]()
    randomize(task.trainable_variables)
    records = records_of(task)
    found = Features(records, kind).read(records, largest, relative)
    np.testing.assert_allclose(found, one_by_one(records, kind, relative), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_each_weight_is_read_once(name):
    records = records_of(NETWORKS[name]())
    read = []
    Features(records, "consumers").read(records, lambda view: read.append(view) or largest(view))
    assert len(read) == len({(id(view.kernel), view.axis) for view in read})
