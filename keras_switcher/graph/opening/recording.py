"""Recording: the calls that a layer's call() makes, read from symbolic tensors."""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import keras
from keras import layers, tree

from keras_switcher.graph.call import CallGraph, Closed, is_stock, is_tensor
from keras_switcher.graph.equations import with_known_sizes
from keras_switcher.graph.masks import (
    HUNG,
    hang,
    makes_masks,
    mask_of,
    masks_on,
    set_mask,
    without_hung,
)
from keras_switcher.graph.nodes import calls_before, without_new_nodes
from keras_switcher.graph.opening.comparing import agreed
from keras_switcher.graph.opening.constants import OnConstants, may_read_constants
from keras_switcher.graph.opening.held import attributes_restored, attributes_set
from keras_switcher.graph.opening.hung_masks import (
    is_made_of,
    masks_handed,
    unmasked,
    warnings_of_masks_ignored,
)
from keras_switcher.graph.opening.light_calls import lightly_called
from keras_switcher.graph.opening.own_kernels import with_kernels
from keras_switcher.graph.opening.own_weights import OwnWeights
from keras_switcher.graph.opening.plain_values import is_value, values_returned
from keras_switcher.graph.opening.refusals import (
    NotingScope,
    said_by,
    weights_given,
    why_closed,
    why_not_followed,
)
from keras_switcher.graph.opening.samples import NUMBERS, OpenSamples, symbols
from keras_switcher.graph.opening.symbolic import used_as_others
from keras_switcher.graph.registry import find_rule
from keras_switcher.graph.side_effects import restored, variables_of_functions
from keras_switcher.graph.sublayers import with_sublayers

# Layers of Keras that are made of layers: what is inside can be pruned.
_STOCK = (layers.MultiHeadAttention, layers.GroupQueryAttention)


def is_composite(op: keras.Operation) -> bool:
    """Whether a layer may be opened: a user's own without a rule, or one of Keras that is known."""
    if not isinstance(op, layers.Layer) or (isinstance(op, keras.Model) and is_stock(op)):
        return False
    return isinstance(op, _STOCK) if is_stock(op) else find_rule(op) is None


class Recorder:
    """Records the calls that layers make, and those that layers in them make.

    While a layer is recorded, the layers in it are called as ever, on symbolic tensors; only that
    Keras asks each of them for the shapes of its outputs (`compute_output_spec`), and runs its
    call() elsewhere to find these, is answered by running call() here.

    Args:
        ops: The layers that may be recorded.
    """

    def __init__(self, ops: list[keras.Operation]) -> None:
        self._own_weights = OwnWeights(ops)
        # Nothing else keeps what is assigned to a variable of the backend.
        self._assignable = variables_of_functions(filter(is_composite, ops))
        self._on_constants = OnConstants()
        self._made: dict[int, tuple] = {}
        self._values: dict[int, tuple[keras.KerasTensor, Any]] = {}
        self._failed: Closed | None = None
        self._hung: dict[int, list] = {}  # See `calls_before`.

    def record(self, op: layers.Layer, args: tuple, kwargs: dict) -> CallGraph | Closed | None:
        """The calls that a layer makes, each with what is inside of it.

        Nothing changes: neither a variable nor a layer.

        Args:
            op: The layer.
            args: The arguments of its call, with symbolic tensors among them.
            kwargs: Those by name, with the masks that hang on tensors among them, see `HUNG`.

        Returns:
            A `CallGraph` whose inputs are the tensors among the arguments and at last one that
            own weights are multiplied with; or `Closed`.
        """
        # False is what Keras notes where nothing was said: a Functional model overrides it.
        fixed = kwargs.get("training") or None
        # It is told: else one layer whose default is to train would make those behind it train.
        kwargs = {**kwargs, "training": bool(fixed)}
        graph = self._record(op, args, kwargs, NUMBERS[0])
        if isinstance(graph, Closed):
            return graph
        in_training = {**kwargs, "training": True if fixed is None else fixed}
        other = self._record(op, args, in_training, NUMBERS[1])
        found = agreed(graph, other, with_sublayers(op), fixed)
        if not isinstance(found, CallGraph) or not isinstance(other, CallGraph):
            return found
        try:
            return OpenSamples().of(found, other)
        except ValueError as error:
            return Closed(str(error))

    def _record(
        self, op: layers.Layer, args: tuple, kwargs: dict, number: int
    ) -> CallGraph | Closed:
        args, kwargs = symbols((args, kwargs), number)
        self._made, self._values, self._failed, self._hung = {}, {}, None, {}
        given = [x for x in tree.flatten((args, kwargs)) if is_tensor(x)]
        hung, kwargs = kwargs.get(HUNG), without_hung(kwargs)
        if hung:
            hang([x for x in tree.flatten((args, kwargs)) if is_tensor(x)], hung)
        parts = [part for part in with_sublayers(op) if is_composite(part)]
        with ExitStack() as stack:
            stack.enter_context(attributes_restored(parts))
            stack.enter_context(without_new_nodes(op))
            stack.enter_context(used_as_others())
            stack.enter_context(lightly_called(op))
            if hung or makes_masks(op):
                stack.enter_context(warnings_of_masks_ignored())
                stack.enter_context(masks_handed(self._hung, op, is_composite))
            stack.enter_context(values_returned(self._values, op))
            for part in parts:
                answer = partial(self._run, part)  # Instead of Keras, for which call() runs again.
                stack.enter_context(attributes_set(part, compute_output_spec=answer))
            for part in with_sublayers(op):
                if type(part) is layers.EinsumDense:  # Some leave sizes open that are known.
                    known = partial(with_known_sizes, part)
                    stack.enter_context(attributes_set(part, compute_output_spec=known))
                if may_read_constants(part) and not is_composite(part):
                    stack.enter_context(self._on_constants.followed(part))
            changed = stack.enter_context(restored(self._assignable))
            try:
                outputs = op(*args, **kwargs)
            # The code of users' own layers may fail in any way.
            except Exception as error:
                said = f"it cannot be called on symbolic tensors ({said_by(error)})"
                return self._failed or Closed(said)
            inside = self._inside(outputs, given, [mask_of(x) for x in tree.flatten(outputs)])
            if isinstance(inside, CallGraph) and hung:
                inside.unmasked = unmasked(args, kwargs, hung, given)
        return Closed("its call() changes variables") if changed else inside

    def _run(self, op: layers.Layer, *args: Any, **kwargs: Any) -> Any:
        """Runs a layer's call(); returns tensors like those that it returns."""
        found: Any = why_closed(op)
        if found is None:
            try:
                found = self._outputs(op, args, kwargs)
            # The code of users' own layers may fail in any way.
            except Exception as error:
                said = f"its call() cannot be followed on symbolic tensors ({said_by(error)})"
                found = self._failed or Closed(said)  # What a layer in it failed with comes first.
        if isinstance(found, Closed):
            before, self._failed = self._failed, self._failed or found
            outputs = type(op).compute_output_spec(op, *args, **kwargs)  # It may fail, too.
            self._failed = before
            self._made[id(tree.flatten(outputs)[0])] = found, outputs
            return outputs
        outputs = tree.map_structure(self._symbol, found[0])
        for x, made in zip(tree.flatten(outputs), tree.flatten(found[0]), strict=True):
            if is_tensor(x) and mask_of(made) is not None:
                set_mask(x, mask_of(made))
        self._made[id(tree.flatten(outputs)[0])] = found, outputs
        return outputs

    def _symbol(self, x: Any) -> keras.KerasTensor:
        """A symbolic tensor without a history, in the place of one, or of a constant."""
        if not is_value(x):
            return keras.KerasTensor(x.shape, keras.backend.standardize_dtype(x.dtype))
        symbol = keras.KerasTensor(())  # A node must have nothing else among its outputs.
        self._values[id(symbol)] = symbol, x
        return symbol

    def _outputs(self, op: layers.Layer, args: tuple, kwargs: dict) -> tuple | Closed:
        """What call() returns, and the tensor that the layer's own weights are multiplied with."""
        scope = NotingScope(collect_losses=True)
        given = [x for x in tree.flatten((args, kwargs)) if is_tensor(x)]
        masks = [mask for mask in masks_on(args, kwargs) if mask is not None]
        with self._own_weights.as_tensors(op) as one, self._on_constants.made_of(one), scope:
            outputs = op.call(*args, **kwargs)
        why = why_not_followed(scope, outputs)
        tensors = [x for x in tree.flatten(outputs) if not is_value(x)]
        if why is None and not all(is_made_of(mask_of(x), [*given, *masks]) for x in tensors):
            why = "what its call() returns carries a mask of what is within it"
        if why is not None:
            return Closed(why)
        returns_input = len(given) == 1 and outputs is given[0] and not op.weights
        return outputs, one, returns_input

    def _inside(self, outputs: Any, inputs: list, masks: Sequence = ()) -> CallGraph | Closed:
        """What is inside a call, of whose tensors its own calls are made, and the masks made."""
        key = id(tree.flatten(outputs)[0])
        if key not in self._made:
            return Closed("it is not an attribute of a layer around it, or overrides __call__()")
        found, _ = self._made[key]
        if isinstance(found, Closed):
            return found
        made, one, returns_input = found
        begins = [*inputs, one]
        try:
            calls = list(calls_before((made, [*masks]), begins, self._hung))
            calls = with_kernels(calls, (made, [*masks]), self._own_weights.adopt)
        except ValueError as error:
            return Closed(str(error))
        if weights := weights_given(calls):
            names = ", ".join(f"'{variable.path}'" for variable in weights)
            return Closed(f"its call() computes with {names}, which is not its own alone")
        for call in calls:
            if is_composite(call.op):
                call.inside = self._inside(call.outputs, call.inputs)
        known = [mask for mask in masks if mask is not None]
        told = [*masks] if known else []
        return CallGraph("", begins, made, calls, returns_input=returns_input, masks=told)
