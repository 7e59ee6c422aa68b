"""Bias folding: constant units go into the biases of the layers that read them."""

from typing import Any

import keras
import numpy as np
from keras import ops, tree

from keras_switcher.graph.call import Call, is_tensor
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.edge import Edge
from keras_switcher.graph.groups import ChannelGroup
from keras_switcher.graph.side_effects import restored, variables_of_functions
from keras_switcher.pruning.plan import Plan
from keras_switcher.tensors import in_full


def foldable(channel_graph: ChannelGraph, connections: dict) -> dict:
    """The groups whose constant units biases can take in, with the connections that make them.

    Between the Dense layer that makes the group and the Dense layers that read it there may be
    calls that take one tensor and keep its shape, if they treat all positions alike.

    Args:
        channel_graph: The model's `ChannelGraph`.
        connections: Maps names of connection groups to matrices of factors.

    Returns:
        Maps `ChannelGroup`s to names of connection groups.
    """
    found = {}
    once = {group.name for group in channel_graph.connections if len(group.edges) == 1}
    makers = channel_graph.graph.makers
    for group in channel_graph.groups:
        if not group.prunable or len(group.producers) != 1:
            continue
        made_by = f"{group.producers[0].name}/connections"
        readers = [edge.connections for edge in group.consumers]
        if made_by in connections and all(reader and reader.name in once for reader in readers):
            chains = _Chains(makers, group)
            if all(map(chains.can_fold_at, group.consumers)):
                found[group] = made_by
    return found


def bias_shifts(channel_graph: ChannelGraph, plan: Plan) -> dict:
    """What removed constant units add to the biases of the Dense layers that read them.

    Args:
        channel_graph: The model's `ChannelGraph`.
        plan: The `Plan`.

    Returns:
        Maps `id(layer)` to a vector with an entry per output of the layer.

    Raises:
        ValueError: If a constant is not finite, or is not the same at all positions.
    """
    shifts: dict[int, np.ndarray] = {}
    reaching: dict[int, np.ndarray] = {}
    makers = channel_graph.graph.makers
    for group in channel_graph.groups:  # Producers come before readers.
        constant = plan.groups[group.name].constant
        if not constant.any():
            continue
        gone = constant & ~plan.keep[group.name]
        chains = _Chains(makers, group)
        layer = group.producers[0].layer
        for edge in group.consumers:
            values = chains.values_at(edge, _preactivation(layer, reaching))
            entries, channels = edge.entries_of(group)
            kernel = _kernel(edge, plan.factors)
            # Constants of readers have heard of those, too, that stay because sizes are rounded.
            for total, which in ((reaching, constant), (shifts, gone)):
                here = entries[which[channels]]
                if not len(here):
                    continue
                _check(values[:, here], group, edge)
                shift = values[0, here] @ kernel[here]
                total[id(edge.call.op)] = total.get(id(edge.call.op), 0) + shift
    return shifts


def new_biases(channel_graph: ChannelGraph, plan: Plan) -> list:
    """The Dense layers without a bias that get one, to take constants in.

    Args:
        channel_graph: The model's `ChannelGraph`.
        plan: The `Plan`.
    """
    found = {}
    for group in channel_graph.groups:
        gone = plan.groups[group.name].constant & ~plan.keep[group.name]
        for edge in group.consumers if gone.any() else ():
            if not edge.call.op.use_bias and gone[edge.entries_of(group)[1]].any():
                found[id(edge.call.op)] = edge.call.op
    return list(found.values())


class _Chains:
    """The calls between the Dense layer that makes a group and those that read it.

    Args:
        makers: See `CallGraph.makers`.
        group: The `ChannelGroup`.
    """

    def __init__(self, makers: dict[int, Call], group: ChannelGroup) -> None:
        self._layer = group.producers[0].layer
        self._makers = makers

    def can_fold_at(self, edge: Edge) -> bool:
        """Whether constants of the group are the same at all positions that an edge reads."""
        chain = self._to(edge)
        if chain is None or None in edge.call.input.shape[1:]:
            return False
        if len(edge.call.input.shape) == 2:
            return True
        # Parameters may lie along other axes. Signs matter to rectifiers.
        probe = np.random.default_rng(0).normal(size=self._layer.units)
        return all(_is_same(self.values_at(edge, sign * probe)) for sign in (1, -1))

    def values_at(self, edge: Edge, preactivation: np.ndarray) -> np.ndarray:
        """What an edge reads at each position, if the layer has these preactivations at all."""
        chain = self._to(edge)
        if chain is None:
            raise ValueError(
                f"The plan takes units of '{self._layer.name}' for constants, but the bias of "
                f"'{edge.call.name}' cannot take them in. Make the plan again."
            )
        first, *others = chain
        shape = (1, *first.output.shape[1:])
        x = ops.cast(np.broadcast_to(preactivation, shape), self._layer.compute_dtype)
        if self._layer.activation is not None:
            x = self._layer.activation(x)
        for call in others:
            x = _run(call, x)
        return in_full(x).reshape(-1, shape[-1])

    def _to(self, edge: Edge) -> list[Call] | None:
        """The calls up to an edge, that of the layer first; None if one does not keep the shape."""
        tensor = edge.call.input
        chain: list[Call] = []
        while (call := self._makers.get(id(tensor))) is not None:
            if call.output.shape != edge.call.input.shape:
                return None
            chain.insert(0, call)
            if call.op is self._layer:
                return chain
            if len(call.inputs) != 1 or call.trains:
                return None
            tensor = call.input
        return None


def _run(call: Call, x: Any) -> Any:
    args, kwargs = tree.map_structure(
        lambda value: x if is_tensor(value) else value, (call.args, call.kwargs)
    )
    with restored(variables_of_functions([call.op])):
        return call.op(*args, **kwargs)


def _is_same(values: np.ndarray) -> bool:
    return np.allclose(values, values[:1], rtol=1e-5, atol=1e-6)


def _check(values: np.ndarray, group: ChannelGroup, edge: Edge) -> None:
    if not np.isfinite(values).all():
        raise ValueError(
            f"Channels of '{group.name}' that read nothing any more are not finite where "
            f"'{edge.call.name}' reads them, and so are the outputs of the gated network. Nothing "
            "was removed; keep a connection to each of them, or lower the learning rate."
        )
    if not _is_same(values):
        raise ValueError(
            f"Channels of '{group.name}' that read nothing any more differ by position where "
            f"'{edge.call.name}' reads them, so no bias can take them in. The plan was made for "
            "other weights; make it again for these."
        )


def _preactivation(layer: keras.layers.Dense, reaching: dict[int, np.ndarray]) -> np.ndarray:
    bias = 0 if layer.bias is None else in_full(layer.bias)
    return np.broadcast_to(bias + reaching.get(id(layer), 0), layer.units)


def _kernel(edge: Edge, factors: dict[str, np.ndarray]) -> np.ndarray:
    return in_full(edge.scaled_kernel(factors))
