"""Smaller networks that would read variables of the larger one are found."""

import numpy as np
import pytest
from helpers.ties import task_with

from keras_switcher import prune_channels
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.pruning.verification import check_apart


@pytest.mark.parametrize(
    "reader", ["global of a method", "global of a function", "class", "argument"]
)
def test_a_copy_that_would_read_the_old_variable_is_refused(reader):
    task = task_with(reader, (6,))
    ties = ChannelGraph(task).ties
    with pytest.raises(ValueError, match="reads the kernel that 'enc' and '"):
        check_apart(ties, prune_channels(task, {"free": np.arange(5) > 1}))
    check_apart(ties, task_with(reader, (6,)))
