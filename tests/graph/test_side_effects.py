"""What a user's code assigns while it is only tried is put back."""

import numpy as np
import pytest

from keras_switcher.graph.side_effects import backend_variables, restored

tf = pytest.importorskip("tensorflow")
pytestmark = pytest.mark.only("tensorflow", reason="It is about tf.Variable.")


@pytest.mark.parametrize("start", [1.0, float("nan"), [1, 2], [[True]]])
def test_variables_are_put_back(start):
    variable = tf.Variable(start)
    kept = tf.Variable(5.0)
    function = tf.function(lambda: variable.assign(tf.zeros_like(variable)))
    text = tf.Variable(["kept"])
    with restored(backend_variables(function, kept, text)) as changed:
        function()
    assert [each is variable for each in changed] == [True]
    np.testing.assert_array_equal(variable, start)


def test_variables_are_put_back_after_an_error():
    variable = tf.Variable(1.0)

    def fail():
        with restored([variable]):
            variable.assign(2.0)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert float(variable) == 1.0
