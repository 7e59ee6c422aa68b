"""Augmentation of pictures: shifts, flips and Cutout, drawn anew for each epoch."""

from types import ModuleType

import keras
import numpy as np
from keras import ops

PADDING, CUT = 4, 8
KINDS = ("none", "crop and flip", "crop, flip and Cutout")
# What is cut out: about the mean of natural images, in bytes.
GREY = 124

# One entry a sample: how far up and left of its place it is cropped, whether it is flipped, and the
# first row and column that Cutout greys, some of them outside the picture.
Draws = dict[str, np.ndarray]


def draw(kind: str, number: int, size: int, generator: np.random.Generator) -> Draws:
    """Random numbers for one epoch of so many square pictures."""
    if kind == "none":
        return {}
    draws = {
        "shift": generator.integers(0, 2 * PADDING + 1, (number, 2)),
        "flip": generator.integers(0, 2, (number, 1)),
    }
    if kind == "crop, flip and Cutout":
        # Its centre lies in the picture (DeVries and Taylor 2017, arXiv 1708.04552).
        draws["cut"] = generator.integers(0, size, (number, 2)) - CUT // 2
    return {name: drawn.astype("int32") for name, drawn in draws.items()}


def augment(x: keras.KerasTensor, draws: Draws, by: ModuleType = ops) -> keras.KerasTensor:
    """Pictures, `(batch, size, size, channels)`, as the entries of the draws say.

    Each is padded by four black pixels on all sides, and a window of its own size is cut from that.
    It is computed `by` keras.ops, or by NumPy: beside a training, in other threads.
    """
    if not draws:
        return x
    size, channels = x.shape[1], x.shape[3]
    padded = size + 2 * PADDING
    places, span = by.arange(size, dtype="int32"), by.arange(by.shape(x)[0], dtype="int32")
    rows = places + draws["shift"][:, :1]
    columns = by.where(draws["flip"] > 0, size - 1 - places, places) + draws["shift"][:, 1:]
    # Crop and flip are one gather over all pixels of the batch.
    index = (span[:, None, None] * padded + rows[:, :, None]) * padded + columns[:, None, :]
    margin = (PADDING, PADDING)
    pixels = by.reshape(by.pad(x, ((0, 0), margin, margin, (0, 0))), (-1, channels))
    window = by.take(pixels, index, axis=0)
    if "cut" in draws:
        starts = (draws["cut"][:, axis : axis + 1] for axis in (0, 1))
        down, along = ((places >= start) & (places < start + CUT) for start in starts)
        is_cut = down[:, :, None] & along[:, None, :]
        window = by.where(is_cut[..., None], by.full_like(window[:1, :1, :1, :1], GREY), window)
    return window
