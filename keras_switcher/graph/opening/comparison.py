"""Comparison: a layer against the calls that were found in it, on random inputs and weights."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from typing import Any, cast

import keras
import numpy as np
from keras import layers, tree

from keras_switcher.graph.call import Call, CallGraph, is_tensor, paired
from keras_switcher.graph.differences import arrays, coarsest_step, difference
from keras_switcher.graph.masks import HUNG, hang, makes_masks, mask_of, without_hung
from keras_switcher.graph.opening.compared_weights import held_by, moved, own_variables
from keras_switcher.graph.opening.held import attributes_restored, attributes_set
from keras_switcher.graph.opening.hidden_value import HiddenValue, may_be_hidden_from
from keras_switcher.graph.opening.hung_masks import warnings_of_masks_ignored
from keras_switcher.graph.opening.kinds import Kinds
from keras_switcher.graph.opening.opened import is_other_in_training, opened_within
from keras_switcher.graph.opening.stand_ins import StandIns, may_stand_in
from keras_switcher.graph.random_inputs import draws, limits_of
from keras_switcher.random_generators import generator_states, restore_generators

# How many rounding steps the two may be apart: they do the same in the same order.
_STEPS = 64


class Comparison:
    """One comparison of a layer with the calls that were found in it.

    Layers that both have in common are not run, see `StandIns`: those of Keras, and those inside
    of kinds that are known to agree with what is in them, or that are compared in another place.

    Args:
        call: The call of the layer, with what is inside of it.
        given: What stands in the places of the inputs of what is inside, but the single one:
            tensors that the call reads, and constants.
        kinds: The kinds of calls; None to run all layers.
        agreed: The kinds that are known to agree.
        returned: What layers return that are not run, see `StandIns`.

    Attributes:
        compared: The kinds of the layers inside that are compared as well, by the layer's `id`.
    """

    def __init__(
        self,
        call: Call,
        given: list,
        kinds: Kinds | None = None,
        agreed: Iterable[int] = (),
        returned: dict | None = None,
    ) -> None:
        self._call = call
        self._inside = inside = cast("CallGraph", call.inside)
        self._replayed = replace(inside, outputs=(inside.outputs, inside.masks))
        self._given = given
        self._kind = kinds.of(call) if kinds else None
        self.compared: dict[int, int] = {}
        self._boxes: dict[int, tuple[int, bool]] = {}
        boxes = self._sort(call, kinds, set(agreed)) if kinds else []
        run = held_by(call.op, self._boxes)
        stock = [op for op in run if may_stand_in(op)] if kinds else []
        self._run = [op for op in run if not (kinds and may_stand_in(op))]
        # Of layers that are run and take `training` none may look at it but those that are opened.
        read = {id(each.op): each for each in [call, *opened_within(call, self._boxes)]}
        self._may_hide = all(may_be_hidden_from(op, id(op) in read) for op in self._run)
        self._stand_ins = StandIns(
            [*stock, *boxes], self._boxes, {} if returned is None else returned
        )
        self._variables = own_variables(self._run)
        self._values = moved(self._variables)
        self._has_masks = HUNG in call.kwargs or makes_masks(call.op)

    def _sort(self, call: Call, kinds: Kinds, agreed: set[int]) -> list[layers.Layer]:
        """Decides which of the opened layers inside are compared; returns those not to be run."""
        times = Counter(id(each.op) for each in opened_within(call, {}))
        boxes = []
        for each in opened_within(call, self._boxes):
            # A stand-in would not look at masks.
            if times[id(each.op)] > 1 or HUNG in each.kwargs:
                continue
            kind = kinds.of(each)
            if kind in agreed:
                self._boxes[id(each.op)] = kind, is_other_in_training(each)
                boxes.append(each.op)
            else:
                self.compared[id(each.op)] = kind
                agreed.add(kind)
        return boxes

    def why_different(self) -> str | None:
        """How the layer and the calls differ, in inference or in training; None if they do not."""
        call = self._call
        tensors = list({id(x): x for x in call.inputs}.values())
        bounds = limits_of(self._inside)
        pairs = zip(self._given, self._inside.inputs, strict=False)  # There is a single one, too.
        limits = {id(x): bounds[id(y)] for x, y in pairs if id(y) in bounds}
        fixed = bool(call.kwargs.get("training"))
        for draw in draws(tensors, samples=(2, 1)):
            values = paired(tensors, draw.values(tensors, limits))
            args, kwargs = _filled((call.args, call.kwargs), values)
            inputs = [*_filled(self._given, values), keras.ops.ones(1)]
            try:
                expected, is_same = self._first_run(args, kwargs, fixed)
            # A size or a range of values that the layer does not take: in words only it knows.
            except Exception:
                continue
            runs = [(fixed, True)] if fixed or is_same else [(False, True), (True, True)]
            # Where layers before it are opened, what it reads carries no masks.
            runs += [(training, False) for training, _ in runs if HUNG in kwargs]
            for training, hangs in runs:
                how = " in training" if training else ""
                try:
                    if training and not fixed:
                        expected = self._run_layer(args, kwargs, True)
                    self._hang(args, kwargs, hangs)
                    actual = self._run_calls(inputs, training)
                # Operations that are given other sizes fail in the words of each backend.
                except Exception as error:
                    said = f"{type(error).__name__}: {error}"
                    return f"what was found in it cannot be run{how} ({said})"
                if why := self._why_apart(expected, actual):
                    return f"what was found in it computes {why}{how}"
            return None
        return "it could not be run on random values to see what it computes"

    def _first_run(self, args: tuple, kwargs: dict, fixed: bool) -> tuple[dict[Any, list], bool]:
        """What the layer does, in inference if it can be, and whether that is known of training.

        It is where its code hands `training` on to all that depend on it, and does not look at it.
        """
        if self._may_hide and not fixed:
            hidden = HiddenValue(fixed)
            try:
                made = self._run_layer(args, kwargs, hidden)
                return made, not hidden.is_seen and not self._stand_ins.is_left_out
            # What is hidden is no value to compute with.
            except Exception:
                pass
        return self._run_layer(args, kwargs, fixed), False

    def _why_apart(self, expected: dict[Any, list], actual: dict[Any, list]) -> str | None:
        if expected.keys() != actual.keys():
            return "something else"
        pairs = [(expected[key], actual[key]) for key in expected]
        if any([x.dtype for x in a] != [x.dtype for x in b] for a, b in pairs):
            return "in another precision"
        dtypes = [part.compute_dtype for part in self._call.op._flatten_layers()]
        steps = _STEPS * max(coarsest_step(dtypes), 2.0**-23)
        return "something else" if any(difference(a, b) > steps for a, b in pairs) else None

    def _run_layer(
        self, args: tuple, kwargs: dict, training: bool | HiddenValue
    ) -> dict[Any, list]:
        """What the layer returns and assigns, and what those return that are compared as well."""
        self._hang(args, kwargs)
        kwargs = without_hung(kwargs)
        made: dict[Any, list] = {}

        def noting(op: layers.Layer) -> Any:
            call = op.call

            def noted(*args: Any, **kwargs: Any) -> Any:
                outputs = call(*args, **kwargs)
                made[id(op)] = _arrays(outputs)  # Variables have these values in this scope only.
                self._stand_ins.learn(self.compared[id(op)], (args, kwargs), outputs)
                return outputs

            return noted

        with ExitStack() as stack:
            for op in self._run:
                if id(op) in self.compared:
                    stack.enter_context(attributes_set(op, call=noting(op)))
            stack.enter_context(self._noting_state(made))
            outputs = self._call.op(*args, **{**kwargs, "training": training})
            made |= _with_masks(outputs, [mask_of(x) for x in tree.flatten(outputs)])
        self._stand_ins.learn(self._kind, (args, kwargs), outputs)
        return made

    def _run_calls(self, inputs: list, training: bool) -> dict[Any, list]:
        """The same of the calls."""
        made: dict[Any, list] = {}

        def visit(call: Call, args: tuple, kwargs: dict) -> Any:
            if isinstance(call.inside, CallGraph) and id(call.op) not in self._boxes:
                symbols, values = map(tree.flatten, ((call.args, call.kwargs), (args, kwargs)))
                places = zip(symbols, values, strict=True)
                given = [value for x, value in places if is_tensor(x)]
                outputs = call.inside.replay([*given, inputs[-1]], visit)
                if id(call.op) in self.compared:
                    made[id(call.op)] = _arrays(outputs)
                return outputs
            kwargs = without_hung(kwargs)
            if isinstance(call.op, layers.Layer):
                kwargs = {**kwargs, "training": training}  # As a Functional model does.
            return (self._stand_ins.instead_of(call.op, args) or call.op)(*args, **kwargs)

        with self._noting_state(made):
            made |= _with_masks(*self._replayed.replay(inputs, visit))
        return made

    def _hang(self, args: tuple, kwargs: dict, hangs: bool = True) -> None:
        """Hangs the masks on what the layer reads, or takes them away."""
        if masks := kwargs.get(HUNG):
            symbols = tree.flatten((self._call.args, without_hung(self._call.kwargs)))
            values = tree.flatten((args, without_hung(kwargs)))
            pairs = zip(symbols, values, strict=True)
            tensors = [value for symbol, value in pairs if is_tensor(symbol)]
            hang(tensors, masks if hangs else [None] * len(masks))

    @contextmanager
    def _noting_state(self, made: dict[Any, list]) -> Iterator[None]:
        """A scope for a run that notes the values of all variables after it; none of it lasts."""
        scope = keras.StatelessScope(self._values, collect_losses=True)
        generators = generator_states()
        try:
            with attributes_restored(self._run), self._stand_ins.placed() as counts, scope:
                with warnings_of_masks_ignored() if self._has_masks else nullcontext():
                    yield
                state = [scope.get_current_value(v) for v in self._variables]
        finally:  # Each run draws the same from generators that are no variables.
            restore_generators(generators)
        made["state"] = _arrays(state)
        made["calls", *sorted(counts.items())] = []


def _filled(structure: Any, values: dict[int, Any]) -> Any:
    return tree.map_structure(lambda x: values.get(id(x), x), structure)


def _with_masks(outputs: Any, masks: list) -> dict[Any, list]:
    """What is compared of outputs, and of the masks that hang on some of them."""
    hung = tuple(place for place, mask in enumerate(masks) if mask is not None)
    return {"outputs": _arrays(outputs), ("masks", hung): _arrays(masks)}


def _arrays(outputs: Any) -> list[np.ndarray]:
    return arrays([x for x in tree.flatten(outputs) if x is not None])
