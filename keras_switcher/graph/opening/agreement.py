"""Agreement: whether the calls that were found in a layer compute what the layer computes."""

from keras_switcher.graph.call import Call, Closed
from keras_switcher.graph.opening.comparison import Comparison
from keras_switcher.graph.opening.kinds import Kinds
from keras_switcher.graph.opening.opened import opened


class Agreement:
    """Compares layers of a network with the calls that were found in them, once for each kind.

    What a layer shares with these calls is not computed: layers of Keras that both call, and
    layers in it of a kind that was compared before. Random functions stand in their places.
    """

    def __init__(self) -> None:
        self._kinds = Kinds()
        self._why: dict[int, str | None] = {}
        self._returned: dict = {}  # What those return that are not run, see `StandIns`.

    def why_different(self, call: Call, given: list | None = None) -> str | None:
        """How the calls found in a layer differ from it, on random inputs and random weights.

        Both are run in inference and in training, with the same random numbers. What they assign
        to variables is compared, too, and nothing of it lasts. If they differ, layers in it may be
        to blame: then each of these is compared by itself, and closed if it differs.

        Args:
            call: The call of the layer, with what is inside of it.
            given: What stands in the places of the inputs of what is inside, but the single one;
                by default what the call reads.

        Returns:
            The difference in words, or None if there is none.
        """
        given = call.inputs if given is None else given
        kind = self._kinds.of(call)
        if kind not in self._why:
            why = self._compare(call, given)
            if why is not None and self._closes_within(call):
                kind, why = self._kinds.of(call), self._compare(call, given)
            self._why[kind] = why
        return self._why[kind]

    def _closes_within(self, call: Call) -> bool:
        """Closes the layers in it, however deep, that differ; returns whether there are any."""
        found = False
        for each in opened(call):
            kind, why = self._kinds.of(each), self.why_different(each)
            if why is not None:
                each.inside = Closed(why)
                self._kinds.forget_calls()
            found |= why is not None or self._kinds.of(each) != kind
        return found

    def _compare(self, call: Call, given: list) -> str | None:
        agreed = {kind for kind, why in self._why.items() if why is None}
        comparison = Comparison(call, given, self._kinds, agreed, self._returned)
        if comparison.why_different() is None:
            self._why |= dict.fromkeys(comparison.compared.values())
            return None
        # It may be that some operation cannot be run on random numbers, or hides a difference.
        return Comparison(call, given).why_different()
