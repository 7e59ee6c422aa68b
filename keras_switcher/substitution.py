"""Other values in the places of some variables, for as long as something is computed."""

import keras


class Substitution(keras.StatelessScope):
    """A scope in which some variables have other values; whatever else is assigned stays.

    Losses that layers add are collected in `losses`.

    Args:
        values: Pairs of a variable and what stands in its place.
        known: Pairs of other variables and what they are worth, where a scope around this one
            may say so.
    """

    def __init__(self, values, known=()):
        super().__init__([*known, *values], collect_losses=True)
        self._substituted = {id(variable) for variable, _ in values}
        self._assigned = {}

    def add_update(self, update):
        super().add_update(update)
        variable, _ = update
        if id(variable) not in self._substituted:
            self._assigned[id(variable)] = variable

    def __exit__(self, error, *details):
        super().__exit__(error, *details)
        if error is None:
            for variable in self._assigned.values():
                variable.assign(self.get_current_value(variable))
