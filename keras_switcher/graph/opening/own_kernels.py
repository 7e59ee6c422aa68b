"""Own kernels: products with a weight that a composite layer holds, as layers of Keras."""

import re
from collections.abc import Callable
from dataclasses import replace

import keras
from keras import layers, tree

from keras_switcher.graph.call import Call, is_tensor
from keras_switcher.graph.rules.own_weight import returns_weight

_EINSUM = re.compile(r"[A-Za-z]+,[A-Za-z]+->[A-Za-z]+")


def with_kernels(calls: list[Call], outputs: object, adopt: Callable) -> list[Call]:
    """Calls in which products with own weights are those of Dense and EinsumDense layers.

    So such a weight is a kernel: it mixes channels and makes new ones.

    Args:
        calls: The calls that a layer makes, with those of the layers that return its own weights.
        outputs: What they make.
        adopt: Called as `adopt(layer, reader)` with a new layer and the one that returns the
            weight: gives the new one that weight for its kernel.
    """
    makers = {id(x): call for call in calls for x in tree.flatten(call.outputs)}
    found = [_with_kernel(call, makers, adopt) for call in calls]
    return _that_matter(found, outputs)


def _with_kernel(call: Call, makers: dict[int, Call], adopt: Callable) -> Call:
    kind = type(call.op).__name__
    if isinstance(call.op, layers.Layer) or kind not in ("Matmul", "Dot", "Einsum"):
        return call
    if len(call.inputs) != 2 or len(call.args) + len(call.kwargs) != 2:
        return call
    inputs, weight = call.inputs
    reader = _reader(weight, makers)
    if reader is None or _reader(inputs, makers) is not None or len(inputs.shape) < 2:
        return call
    given = {
        "dtype": reader.dtype_policy,
        "kernel_regularizer": reader.kernel_regularizer,
        "kernel_constraint": reader.kernel_constraint,
    }
    if kind != "Einsum" and len(weight.shape) == 2:
        layer: layers.Layer = layers.Dense(weight.shape[-1], use_bias=False, **given)
    elif kind == "Einsum" and _EINSUM.fullmatch(call.op.subscripts.replace(" ", "")):
        layer = layers.EinsumDense(call.op.subscripts, call.output.shape[1:], **given)
    else:
        return call
    return replace(call, op=adopt(layer, reader, inputs.shape), args=(inputs,), kwargs={})


def _reader(tensor: keras.KerasTensor, makers: dict[int, Call]) -> keras.Operation | None:
    """The layer that returns a tensor, if that is an own weight as it is."""
    call = makers.get(id(tensor))
    if call is None or type(call.op).__name__ != "GetItem":
        return None
    before = makers.get(id(call.input))
    if before is None or not returns_weight(before.op) or len(tensor.shape) == 0:
        return None
    return before.op if isinstance(before.op, layers.EinsumDense) else None


def _that_matter(calls: list[Call], outputs: object) -> list[Call]:
    """Those calls whose outputs are read."""
    read, kept = {id(x) for x in tree.flatten(outputs) if is_tensor(x)}, []
    for call in reversed(calls):
        if any(id(x) in read for x in tree.flatten(call.outputs)):
            kept.append(call)
            read.update(map(id, call.inputs))
    return kept[::-1]
