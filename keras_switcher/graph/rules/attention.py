"""Rules for attention in one layer or operation, without kernels of its own."""

import inspect

import keras
import numpy as np
from keras import layers, tree

from keras_switcher.graph.call import Call, is_tensor
from keras_switcher.graph.labels import NO_CHANNEL
from keras_switcher.graph.reader import Reader
from keras_switcher.graph.registry import keras_rule, rule
from keras_switcher.graph.rules.letters import UNSAID, combine

_HEADS, _WIDTH = 2, 3


@keras_rule(operations=("DotProductAttention",))
def dot_product_attention(call: Call, reader: Reader) -> None:
    """Each head attends by itself; a head of keys and values goes with all queries' that read it.

    Keras says that its output has the shape of the queries, so that values are as wide as these.
    """
    names = [*[*inspect.signature(call.op.call).parameters][: len(call.args)], *call.kwargs]
    operands = [x if is_tensor(x) else np.asarray(x) for x in (*call.args, *call.kwargs.values())]
    given = dict(zip(names, operands, strict=True))
    query, key, value = (given[name] for name in ("query", "key", "value"))
    for tensor in (query, key):
        reader.lock(reader.channels(tensor, _WIDTH), f"is compared by '{call.name}'")
    reader.lock(reader.channels(value, _WIDTH), f"is as wide as its keys must be in '{call.name}'")
    if call.op.is_causal:
        reader.lock(reader.channels(query, 1), f"lies along the positions of '{call.name}'")
    alike = key.shape[_HEADS] == query.shape[_HEADS]
    read = ["sample", "read", "head" if alike else UNSAID, "width"]
    scores = ["sample", "head", "position", "read"]
    letters: dict[str, list] = {
        "query": ["sample", "position", "head", "width"],
        "key": read,
        "value": [*read[:-1], "made"],
    }
    of_each = [
        letters.get(name, scores[len(scores) - len(operand.shape) :])
        for name, operand in given.items()
    ]
    for tensor in () if alike else (key, value):
        _couple_heads(call, reader, query, tensor)
    combine(call, reader, operands, of_each, ["sample", "position", "head", "width of queries"])


def _couple_heads(
    call: Call, reader: Reader, query: keras.KerasTensor, tensor: keras.KerasTensor
) -> None:
    """Couples heads of keys or values with those of the queries, several for each of them."""
    ids, read = reader.channels(query, _HEADS), reader.channels(tensor, _HEADS)
    if len(read) == 1:
        for each in (ids, read):
            reader.lock(each, f"is read by, or is, one of all heads of '{call.name}'")
    elif (np.concatenate([read, ids]) != NO_CHANNEL).any():
        reader.forbid(read, 1)  # TensorFlow takes a single one for as many as the queries have.
        reader.couple(ids, np.repeat(read, len(ids) // len(read)))


@rule(layers.Attention, layers.AdditiveAttention)
def attention(call: Call, reader: Reader) -> None:
    """Queries are compared with keys; the channels of values pass."""
    inputs = call.args[0] if call.args else call.kwargs["inputs"]
    query, value, *keys = inputs
    for tensor in (query, *(keys or [value])):
        for ids in reader.labels(tensor).values():
            reader.lock(ids, f"is compared by '{call.name}', queries with keys")
    last = len(value.shape) - 1
    for axis, ids in reader.labels(value).items():
        if axis != last:
            reader.lock(ids, f"lies along the positions of '{call.name}'")
    reader.label(tree.flatten(call.outputs)[0], -1, reader.channels(value, last))
