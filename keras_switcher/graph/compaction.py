"""Surgery: builds the smaller model that a plan describes."""

from contextlib import contextmanager

import keras
import numpy as np
from keras import ops, tree

from keras_switcher.graph.anatomy import Anatomy
from keras_switcher.graph.axis import Edge


def compact(anatomy: Anatomy, plan) -> keras.Model:
    """A new, smaller, plain Keras model with the outputs of the gated one.

    Every layer of the result is new; factors are folded into the kernels that read the channels.

    Args:
        anatomy: The model's `Anatomy`.
        plan: A `PruningPlan` for it.

    Raises:
        ValueError: If the plan leaves a group empty, or if a weight is not finite.
    """
    empty = [name for name, group in plan.groups.items() if not group.keep.any()]
    if empty:
        raise ValueError(
            f"Nothing is left of {', '.join(map(repr, empty))}: every channel is switched off, so "
            "the network computes a constant. Nothing was removed; keep at least one channel "
            "(retrain with a larger budget, a smaller switcher learning rate, or "
            "start='near_one')."
        )
    surgery = _Surgery(anatomy, plan.keep, plan.scale)
    inputs = anatomy.graph.new_inputs()
    outputs = anatomy.graph.replay(inputs, surgery.visit)
    return keras.Model(inputs, outputs, name=anatomy.graph.name)


@contextmanager
def _no_random_start(layer):
    """Builds a layer without drawing weights: all are overwritten, and drawing takes long."""
    initializers = {
        name: value
        for name, value in vars(layer).items()
        if isinstance(value, keras.initializers.Initializer)
    }
    for name in initializers:
        setattr(layer, name, keras.initializers.Zeros())
    yield
    for name, value in initializers.items():
        setattr(layer, name, value)


class _Surgery:
    def __init__(self, anatomy, keep, scale):
        self.anatomy = anatomy
        self.keep = keep
        self.scale = scale
        self.rebuilt = {}
        self.names = set()

    def visit(self, call, args, kwargs):
        edge = self.anatomy.edge_at(call)
        if edge is not None:
            args, kwargs = self._drop_dead_positions(edge, args, kwargs)
        args, kwargs = self.anatomy.arguments_of(call, args, kwargs, self.keep)
        new = self.rebuilt.get(id(call.op))
        if new is not None:
            return new(*args, **kwargs)
        config = call.op.get_config()
        config.update(self.anatomy.sizes_of(call.op, self.keep))
        is_layer = isinstance(call.op, keras.layers.Layer)
        # Other operations get a fresh name: that of a reloaded one may be taken by a new gather.
        config["name"] = self._unique(call.op.name) if is_layer else None
        new = self.rebuilt[id(call.op)] = type(call.op).from_config(config)
        with _no_random_start(new):
            outputs = new(*args, **kwargs)
        if is_layer:
            for old_weight, new_weight in zip(call.op.variables, new.variables, strict=True):
                new_weight.assign(self._cut(call.op, old_weight))
            if hasattr(new, "finalize_state"):  # Normalization keeps tensors made of its weights.
                new.finalize_state()
        return outputs

    def _drop_dead_positions(self, edge, args, kwargs):
        """Gathers what is alive, where more arrives at a kernel than it still reads."""
        arriving = edge.gather_channels(self.keep, np)
        live = self._kept(edge)
        left = live if arriving is None else live[arriving]
        if left.all():
            return args, kwargs
        indices = np.flatnonzero(left).tolist()
        first = next(x for x in tree.flatten((args, kwargs)) if isinstance(x, keras.KerasTensor))

        def gather(x):
            return ops.take(x, indices, axis=edge.tensor_axis) if x is first else x

        return tree.map_structure(gather, (args, kwargs))

    def _cut(self, layer, weight):
        """The value of a weight without what is removed, with the factors folded in."""
        value = np.asarray(ops.convert_to_numpy(weight))
        if np.issubdtype(value.dtype, np.inexact) and not np.isfinite(value).all():
            raise ValueError(
                f"Weight '{weight.name}' of layer '{layer.name}' has {(~np.isfinite(value)).sum()} "
                "NaN or infinite entries: training diverged. Nothing was written; go back to an "
                "earlier checkpoint, or lower the learning rate."
            )
        for axis, channels in self.anatomy.axes_of(weight).items():
            if isinstance(channels, Edge):
                scale = channels.gather(self.scale, np)
                if scale is not None:
                    shape = [-1 if i == axis else 1 for i in range(value.ndim)]
                    value = value * scale.reshape(shape).astype(value.dtype)
            value = np.compress(self._kept(channels), value, axis=axis)
        return value

    def _kept(self, axis):
        kept = axis.gather(self.keep, np)
        return np.ones(axis.size, bool) if kept is None else kept

    def _unique(self, name):
        count, unique = 0, name
        while unique in self.names:
            count += 1
            unique = f"{name}_{count}"
        self.names.add(unique)
        return unique
