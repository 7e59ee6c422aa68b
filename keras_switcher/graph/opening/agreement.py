"""Agreement: whether the calls that were found in a layer compute what the layer computes."""

from typing import Any

import keras
import numpy as np
from keras import layers, tree

from keras_switcher.graph.call import Call, CallGraph, paired
from keras_switcher.graph.differences import arrays, coarsest_step, difference
from keras_switcher.graph.random_inputs import draws, limits_of

# How many rounding steps the two may be apart: they do the same in the same order.
_STEPS = 64


def why_different(call: Call, graph: CallGraph) -> str | None:
    """How the calls found in a layer differ from it, on random inputs and random weights.

    Both are run in inference and in training, with the same random numbers. What they assign to
    variables is compared, too, and nothing of it lasts.

    Args:
        call: The call of the layer.
        graph: The calls in its place, of the same tensors, each once, and a single one.

    Returns:
        The difference in words, or None if there is none.
    """
    tensors = list({id(x): x for x in call.inputs}.values())
    limits, values = limits_of(graph), _moved(call.op)
    for draw in draws(tensors, samples=(2, 1)):
        drawn = draw.values(tensors, limits)
        args, kwargs = _filled((call.args, call.kwargs), paired(tensors, drawn))
        try:
            expected = _run_layer(call, args, kwargs, values, False)
        # A size or a range of values that the layer does not take: in words that only it knows.
        except Exception:
            continue
        inputs = [*drawn, keras.ops.ones(1)]
        for training in (False, True):
            how = " in training" if training else ""
            try:
                if training:
                    expected = _run_layer(call, args, kwargs, values, True)
                actual = _run_calls(call, graph, inputs, values, training)
            # Operations that are given other sizes fail in the words of each backend.
            except Exception as error:
                return f"what was found in it cannot be run{how} ({type(error).__name__}: {error})"
            if [x.dtype for x in expected] != [x.dtype for x in actual]:
                return f"what was found in it computes in another precision{how}"
            dtypes = [part.compute_dtype for part in call.op._flatten_layers()]
            if difference(expected, actual) > _STEPS * max(coarsest_step(dtypes), 2.0**-23):
                return f"what was found in it computes something else{how}"
        return None
    return "it could not be run on random values to see what it computes"


def _filled(structure: Any, values: dict[int, Any]) -> Any:
    return tree.map_structure(lambda x: values.get(id(x), x), structure)


def _moved(op: layers.Layer) -> list:
    """Pairs of a layer's variables and random values near their own.

    Where weights start at zero or one, much would look alike.
    """
    rng = np.random.default_rng(0)
    return [
        (variable, keras.ops.convert_to_numpy(variable) + 0.1 * rng.random(variable.shape))
        for variable in op.variables
        if keras.backend.is_float_dtype(variable.dtype)
    ]


def _run_layer(call: Call, args: tuple, kwargs: dict, values: list, training: bool) -> list:
    with keras.StatelessScope(values, collect_losses=True) as scope:
        outputs = call.op(*args, **{"training": training, **kwargs})
        return arrays(_with_state(outputs, call.op, scope))


def _run_calls(call: Call, graph: CallGraph, inputs: list, values: list, training: bool) -> list:
    def visit(inner: Call, args: tuple, kwargs: dict) -> Any:
        if isinstance(inner.op, layers.Layer):
            kwargs = {**kwargs, "training": training}  # As a Functional model does.
        return inner.op(*args, **kwargs)

    with keras.StatelessScope(values, collect_losses=True) as scope:
        outputs = graph.replay(inputs, visit)
        return arrays(_with_state(outputs, call.op, scope))


def _with_state(outputs: Any, op: layers.Layer, scope: keras.StatelessScope) -> list:
    """The outputs that are tensors, and the values of all variables after the run."""
    made = [x for x in tree.flatten(outputs) if x is not None]
    state = [scope.get_current_value(v) for v in op.variables]
    return [*made, *(value for value in state if value is not None)]
