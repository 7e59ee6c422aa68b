"""Every test starts from the same seed, in float32, on two CPU devices."""

import os

import keras
import pytest
import tensorflow as tf
from hypothesis import settings

CPUS = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(CPUS[0], [tf.config.LogicalDeviceConfiguration()] * 2)
settings.register_profile("few", deadline=None, max_examples=12, derandomize="CI" in os.environ)
settings.load_profile("few")


@pytest.fixture(autouse=True)
def same_start():
    keras.utils.set_random_seed(7)
    keras.config.disable_traceback_filtering()
    yield
    keras.config.set_dtype_policy("float32")


def pytest_terminal_summary(terminalreporter):
    from checks import DIFFERENCES

    if DIFFERENCES:
        worst, name = max(DIFFERENCES)
        line = f"{len(DIFFERENCES)} exactness checks, worst relative difference {worst:.1e}, {name}"
        terminalreporter.write_line(line)
