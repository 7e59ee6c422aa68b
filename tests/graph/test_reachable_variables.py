"""Functions tell what they enclose and which globals they read."""

import keras

from keras_switcher.graph.reachable_variables import (
    codes_of,
    globals_read,
    held_by_function,
    is_empty,
    reachable_variables,
)

NUMBER, OTHER = 3, 4
SCALE, PRESET = keras.Variable(1.0, name="scale"), keras.Variable(1.0, name="preset")


class Scaled(keras.layers.Layer):
    def call(self, x):
        return self.scaled(x)

    @classmethod
    def scaled(cls, x):
        return x * SCALE

    @classmethod
    def from_preset(cls):
        return cls(PRESET)


def reads_number():
    return NUMBER


def reads_within():
    return lambda: NUMBER


def reads_in_a_class():
    class Inner:
        number = NUMBER

    return Inner


def names_an_attribute(x):
    return x.NUMBER


def test_globals_are_those_that_code_reads_however_deep():
    found = [
        {
            name: value
            for code in codes_of(f)
            for name, value in globals_read(code, globals()).items()
        }
        for f in (reads_number, reads_within, reads_in_a_class, names_an_attribute)
    ]
    assert [each.get("NUMBER") for each in found] == [3, 3, 3, None]
    assert all("OTHER" not in each for each in found)


def test_a_function_holds_what_it_encloses_its_defaults_and_its_attributes():
    enclosed = object()

    def function(default=NUMBER, *, named=OTHER):
        return enclosed, later, default, named

    function.attribute = 5
    assert held_by_function(function) == [(3,), {"named": 4}, {"attribute": 5}, enclosed]
    assert [is_empty(cell) for cell in function.__closure__] == [False, True]
    later = 6
    assert held_by_function(function)[-1] == 6


def test_methods_lead_to_what_they_name_but_constructors_do_not():
    assert reachable_variables(Scaled()) == [SCALE]


def test_one_class_is_followed_by_what_each_of_its_objects_says_it_is():
    class Proxy:
        def __init__(self, wrapped):
            self.wrapped = wrapped

        @property
        def __class__(self):
            return type(self.wrapped)

        def __iter__(self):
            return iter(self.wrapped)

        def keys(self):
            return self.wrapped.keys()

        def values(self):
            return self.wrapped.values()

    assert reachable_variables(Proxy([SCALE])) == [SCALE]
    assert reachable_variables(Proxy({"preset": PRESET})) == [PRESET]
