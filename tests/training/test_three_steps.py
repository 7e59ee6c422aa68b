"""Three steps from the same weights are TensorFlow's, whatever the backend."""

import numpy as np
import pytest
from helpers.three_steps import FILE, cases, named, three_steps


@pytest.mark.parametrize("case", cases(), ids=lambda case: named(*case))
def test_three_steps_are_those_of_tensorflow_in_float64(case):
    """In float32, as Keras's own operations round float64 to it under JAX and PyTorch."""
    found = three_steps(*case)
    with np.load(FILE) as expected:
        for name, value in found.items():
            wanted = expected[named(*case, name)]
            largest = np.abs(wanted).max() if name == "outputs" else 1
            np.testing.assert_allclose(value, wanted, rtol=0, atol=1e-5 * largest, err_msg=name)
