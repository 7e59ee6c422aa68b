"""Every test starts from the same seed, in float32, on two CPU devices, under any backend."""

import gc
import os
from pathlib import Path

# Without it TensorFlow has no convolutions with channels first; on some CPUs it is off.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

FLAGS = "--xla_force_host_platform_device_count=2"  # JAX's.
if os.environ.get("KERAS_BACKEND") == "jax":
    # JAX compiles for longer than these tests compute: in haste, and what one has compiled is kept.
    FLAGS += " --xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
os.environ.setdefault("XLA_FLAGS", FLAGS)
COMPILED = Path(__file__).parents[1] / ".pytest_cache" / "jax"
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(COMPILED))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

import keras
import pytest
from helpers.checks import DIFFERENCES
from helpers.toys import examples
from hypothesis import settings

# It has no examples, and pytest would take the one of the first folder for it.
collect_ignore = ["conftest.py"]

BACKEND = keras.backend.backend()
if BACKEND == "tensorflow":
    import tensorflow as tf

    CPUS, TWO = tf.config.list_physical_devices("CPU"), [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(CPUS[0], TWO)
elif BACKEND == "jax":
    import jax
elif BACKEND == "torch":
    from helpers.torch_arrays import read_as_arrays

    read_as_arrays()
# What TensorFlow raises where it has no kernel; other backends raise nothing of the kind.
UNIMPLEMENTED = tf.errors.UnimplementedError if BACKEND == "tensorflow" else ()
FEW = {"deadline": None, "max_examples": examples(12), "derandomize": "CI" in os.environ}
settings.register_profile("few", **FEW)
settings.load_profile("few")
gc.freeze()  # Else each full collection looks through all that was imported.


@pytest.fixture(autouse=True)
def same_start():
    keras.utils.set_random_seed(7)
    keras.config.disable_traceback_filtering()
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture(autouse=True, scope="module")
def nothing_compiled_is_kept():
    """JAX keeps in memory all that it ever compiled: gigabytes, in a run of all tests."""
    yield
    if BACKEND == "jax":
        jax.clear_caches()


def pytest_runtest_setup(item):
    """Skips what only other backends can do, for the reason that its marker says."""
    for marker in item.iter_markers("only"):
        if BACKEND not in marker.args:
            pytest.skip(marker.kwargs["reason"])


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call():
    """Skips what TensorFlow cannot run on this machine."""
    try:
        return (yield)
    except UNIMPLEMENTED as error:
        if "NHWC" not in str(error):
            raise
        pytest.skip("TensorFlow has no convolutions with channels first on this machine.")


def pytest_sessionfinish(session):
    """A worker of pytest-xdist hands over what its tests measured."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["differences"] = DIFFERENCES


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    DIFFERENCES.extend(getattr(node, "workeroutput", {}).get("differences", []))


def pytest_terminal_summary(terminalreporter):
    if DIFFERENCES:
        worst, name = max(map(tuple, DIFFERENCES))
        line = f"{len(DIFFERENCES)} exactness checks, worst relative difference {worst:.1e}, {name}"
        terminalreporter.write_line(line)
