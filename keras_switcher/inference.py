"""The factors that evaluate() and predict() use: computed once, and never stale."""

import keras


class InferenceFactors:
    """Holds a model's factors for evaluate() and predict(), renewed before their first batch.

    Args:
        model: A `SwitchedNetwork`.
        names: Names of the groups.
        sizes: Their sizes.
    """

    def __init__(self, model, names, sizes):
        self._model = model
        self._factors = {
            name: keras.Variable(lambda shape, dtype: keras.ops.ones(shape, dtype), (size,))
            for name, size in zip(names, sizes, strict=True)
        }
        self.shares = keras.Variable("zeros", (4,), trainable=False)

    def read(self) -> dict:
        """The factors as tensors, by name of group."""
        return {name: factor.value for name, factor in self._factors.items()}

    def renew(self):
        """Computes the factors of the weights as they are now."""
        factors = self._model.factors()
        for name, factor in factors.items():
            self._factors[name].assign(factor)
        self.shares.assign(self._model.wiring.shares(factors))

    def renewed_before(self, function):
        """Wraps an evaluation function: its next call renews the factors first."""
        if not isinstance(function, _Renewing):
            function = _Renewing(function, self)
        function.stale = True
        return function


class _Renewing:
    """Renewing waits for the first batch: callbacks may swap weights just before it."""

    def __init__(self, function, factors):
        self._function = function
        self._factors = factors
        self.stale = True

    def __call__(self, iterator):
        if self.stale:
            self._factors.renew()
            self.stale = False
        return self._function(iterator)
