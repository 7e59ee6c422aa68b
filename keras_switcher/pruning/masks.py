"""prune_channels: removes channels that are chosen by masks."""

from collections.abc import Mapping

import keras
import numpy as np

from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.pruning.planning import plan_removal
from keras_switcher.pruning.surgery import compact
from keras_switcher.pruning.verification import check_verify


def prune_channels(
    model: keras.Model,
    keep: Mapping[str, np.ndarray],
    scale: Mapping[str, np.ndarray] | None = None,
    round_to: int = 1,
    verify: bool = True,
) -> keras.Model:
    """Removes channels exactly: the result computes what the model would if nothing read them.

    For those who bring their own masks, whatever criterion made them. The model is not changed;
    every layer of the result is new.

    Args:
        model: A built Functional or Sequential model.
        keep: Maps names of groups, or of layers that produce them, to boolean vectors with one
            entry per channel. Groups that are not named stay whole.
        scale: Maps the same kind of names to factors that the kept channels are multiplied with,
            folded into the kernels that read them.
        round_to: Keep at least the next multiple of this number of channels per group; what is
            added has no effect on the outputs.
        verify: Compare the result with the model, what is removed switched off, on one random
            batch (see `Verification`).

    Returns:
        A new Functional model.

    Raises:
        ValueError: If a name is unknown, a group cannot be pruned (with the reason) or would be
            empty, or a vector has the wrong length or dtype; if a layer cannot be made again,
            or the result computes something else.

    Example:

    >>> model = keras.Sequential([
    ...     keras.Input((4,)),
    ...     keras.layers.Dense(3, "relu", name="hidden"),
    ...     keras.layers.Dense(2, name="head"),
    ... ])
    >>> small = prune_channels(model, {"hidden": np.array([True, False, True])})
    >>> small.get_layer("hidden").units
    2

    It computes what the model does when nothing reads the second channel:

    >>> kernel, bias = model.get_layer("head").get_weights()
    >>> kernel[1] = 0
    >>> model.get_layer("head").set_weights([kernel, bias])
    >>> x = np.random.default_rng(0).normal(size=(5, 4))
    >>> bool(np.allclose(small.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-6))
    True
    """
    check_verify(verify)
    channel_graph = ChannelGraph(model)
    masks = _checked(channel_graph, keep, "keep", np.bool_)
    scales = _checked(channel_graph, scale or {}, "scale", np.floating)
    factors = {}
    for group in channel_graph.groups:
        if group.name in masks or group.name in scales:
            mask = masks.get(group.name, np.ones(group.size, bool))
            factor = scales.get(group.name, np.ones(group.size, "float32"))
            with np.errstate(over="ignore"):
                single = np.where(mask, factor, 0).astype("float32")
            if not np.isfinite(single).all():
                raise ValueError(
                    f"Factors in `scale` of '{group.name}' are too large for float32: the largest "
                    f"is {np.max(factor):.3g}."
                )
            factors[group.name] = single
    plan = plan_removal(channel_graph, factors, round_to)
    return compact(channel_graph, plan, factors if verify else None)


def _checked(
    channel_graph: ChannelGraph,
    vectors: Mapping[str, np.ndarray],
    argument: str,
    kind: type[np.generic],
) -> dict[str, np.ndarray]:
    if not isinstance(vectors, Mapping):
        raise ValueError(
            f"`{argument}` must map names of groups or layers to vectors. Received: {vectors!r}."
        )
    checked: dict[str, tuple[str, np.ndarray]] = {}
    for name, vector in vectors.items():
        group = channel_graph.group(name)
        vector = np.asarray(vector)
        if not group.prunable:
            raise ValueError(f"'{name}' in `{argument}` cannot be pruned: {group.reason}.")
        if vector.shape != (group.size,):
            raise ValueError(
                f"{argument}['{name}'] must have shape ({group.size},), one entry per channel of "
                f"group '{group.name}'. Received shape {vector.shape}."
            )
        if not np.issubdtype(vector.dtype, kind):
            expected = "boolean (for example factors > 0)" if kind is np.bool_ else "floating point"
            raise ValueError(
                f"{argument}['{name}'] must be {expected}. Received dtype {vector.dtype}."
            )
        if kind is np.floating and not (np.isfinite(vector).all() and (vector >= 0).all()):
            raise ValueError(f"{argument}['{name}'] must be finite and not negative.")
        other = checked.get(group.name)
        if other is not None and not np.array_equal(other[1], vector):
            raise ValueError(
                f"'{other[0]}' and '{name}' belong to one group, '{group.name}', but their vectors "
                f"in `{argument}` differ. Pass one of them."
            )
        checked[group.name] = (name, vector)
    return {name: vector for name, (_, vector) in checked.items()}
