"""Units that lost all their connections.

A unit that nothing reads any more goes. A unit that reads nothing any more is a constant: it goes
too, where the biases of all that read it can take the constant in.
"""

import keras
import numpy as np
from keras import tree

from keras_switcher.graph.gating import alive
from keras_switcher.graph.tracing import is_tensor
from keras_switcher.layers.gated import scaled


def settle(anatomy, live: dict, connections: dict) -> tuple[dict, dict]:
    """What is left of each group when everything that follows from cut connections has happened.

    Args:
        anatomy: The model's `Anatomy`.
        live: Maps names of groups to float vectors, see `alive`.
        connections: Maps names of connection groups to matrices of factors; zero means cut.

    Returns:
        Two maps from names of groups to boolean vectors: the channels that are left, and those
        that are gone because they are constant.
    """
    live = dict(live)
    cut = {name: matrix > 0 for name, matrix in connections.items()}
    makers = _foldable(anatomy, connections) if connections else {}
    constant = {}
    while True:
        rows = {name: mask.any(1).astype("float32") for name, mask in cut.items()}
        left = {n: np.asarray(v) > 0 for n, v in alive(anatomy, live, rows).items()}
        changed = False
        for kernel in anatomy.kernels:
            if kernel.connections in cut:
                mask = cut[kernel.connections]
                cut[kernel.connections] = kernel.between(mask, left)
                changed |= not np.array_equal(mask, cut[kernel.connections])
        for group, made_by in makers.items():
            here = left.get(group.name, np.ones(group.size, bool))
            orphans = np.zeros(group.size, bool)
            producer = group.producers[0]
            orphans[producer.channels] = ~cut[made_by].any(0)[producer.entries]
            if (new := here & orphans).any():
                constant[group.name] = constant.get(group.name, False) | new
                live[group.name] = live.get(group.name, np.ones(group.size, "float32")) * ~new
                changed = True
        if not changed:
            return left, constant


def bias_shifts(anatomy, plan) -> dict:
    """What the constants of a plan add to the outputs of the Dense layers that read them.

    Args:
        anatomy: The model's `Anatomy`.
        plan: The `PruningPlan`.

    Returns:
        Maps `id(layer)` to a vector with an entry per output of the layer.
    """
    shifts = {}
    names = [name for name, group in plan.groups.items() if group.constant.any()]
    if not names:
        return shifts
    arriving = _run_on_zeros(anatomy, plan.factors)
    for name in names:
        group, constant = anatomy.group(name), plan.groups[name].constant
        for edge in group.consumers:
            entries, channels = edge.entries_of(group)
            entries = entries[constant[channels]]
            values = arriving[id(edge.call)].reshape(-1, edge.size)[0, entries]
            kernel = keras.ops.convert_to_numpy(_kernel(edge, plan.factors))
            shift = values @ kernel[entries]
            shifts[id(edge.call.op)] = shifts.get(id(edge.call.op), 0) + shift
    return shifts


def _foldable(anatomy, connections):
    """The groups whose constants biases can take in, with the connections that make them."""
    sizes = [size for x in tree.flatten(anatomy.graph.inputs) for size in x.shape[1:]]
    if None in sizes:  # Without a size there are no zeros to run the model on.
        return {}
    makers = {id(t): call for call in anatomy.graph.calls for t in tree.flatten(call.outputs)}
    found = {}
    for group in anatomy.groups:
        if not group.prunable or len(group.producers) != 1:
            continue
        made_by = f"{group.producers[0].name}/connections"
        readers = [edge.connections for edge in group.consumers]
        once = all(reader and len(reader.edges) == 1 for reader in readers)
        if (
            made_by in connections
            and once
            and all(_is_chain(edge, group.producers[0].layer, makers) for edge in group.consumers)
        ):
            found[group] = made_by
    return found


def _is_chain(edge, layer, makers):
    """Whether only calls that take one tensor, and keep its shape, lie between layer and edge."""
    tensor = edge.call.input
    shape = tensor.shape
    while (call := makers.get(id(tensor))) is not None:
        if call.op is layer:
            return call.output.shape == shape
        if len(call.inputs) != 1 or call.output.shape != shape:
            return False
        tensor = call.input
    return False


def _kernel(edge, factors):
    scales = edge.scales(factors, np)
    return edge.kernel if scales is None else scaled(edge.kernel, scales, edge.kernel_axis)


def _run_on_zeros(anatomy, factors):
    """What arrives at every edge, by call, when the gated model reads zeros."""
    arriving = {}

    def visit(call, args, kwargs):
        edge = anatomy.edge_at(call)
        if edge is None:
            return call.op(*args, **kwargs)
        arriving[id(call)] = keras.ops.convert_to_numpy(
            next(x for x in tree.flatten((args, kwargs)) if keras.ops.is_tensor(x))
        )
        with keras.StatelessScope([(edge.kernel, _kernel(edge, factors))]):
            return call.op(*args, **kwargs)

    zeros = tree.map_structure(
        lambda x: keras.ops.zeros((1, *x.shape[1:]), x.dtype) if is_tensor(x) else x,
        anatomy.graph.inputs,
    )
    anatomy.graph.replay(zeros, visit)
    return arriving
