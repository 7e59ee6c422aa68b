"""Rules: how each layer type of Keras treats channels.

* `mixing`: kernels that read channels and make new ones,
* `einsum`: kernels and products whose equation says which axes are mixed,
* `attention`: what attends without kernels,
* `channelwise`: what treats each channel by itself,
* `normalization`: what normalises channels, or over them,
* `merging`: sums, products and concatenations of several tensors,
* `reductions`: what computes along axes,
* `patches`: what moves positions into channels and back,
* `shapes`: what moves channels to other axes,
* `slicing`: what takes a part of the channels,
* `wrapping`: what does as the layer inside it,
* `counted_only`: what stays whole, but is counted.
"""

from keras_switcher.graph.registry import RULES, apply_rule, keras_rule, rule
from keras_switcher.graph.rules import (
    attention,
    channelwise,
    counted_only,
    einsum,
    merging,
    mixing,
    normalization,
    patches,
    reductions,
    shapes,
    slicing,
    wrapping,
)

__all__ = [
    "RULES",
    "apply_rule",
    "attention",
    "channelwise",
    "counted_only",
    "einsum",
    "keras_rule",
    "merging",
    "mixing",
    "normalization",
    "patches",
    "reductions",
    "rule",
    "shapes",
    "slicing",
    "wrapping",
]
