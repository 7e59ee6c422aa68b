"""What a training costs: the MACs that are computed, of the network and of its switcher."""

from math import prod
from typing import NamedTuple

import keras

import keras_switcher as ks
from keras_switcher import switchers
from keras_switcher.training.schedule import updates_in_epoch

# A backward pass computes gradients of inputs and of kernels, each with as many MACs as forward.
PASSES = 3


class Phase(NamedTuple):
    """A part of a training.

    In so many `epochs`, each with one pass forward and backward over all samples, or with several,
    of `macs` per sample forward, and with all of the switcher's own, None where these are unknown.
    """

    name: str
    epochs: int
    passes: int
    samples: int
    macs: int
    switcher_macs: int | None

    @property
    def training_macs(self) -> int:
        """All of the network's, forward and backward."""
        return PASSES * self.macs * self.samples * self.passes


def phase_of(name: str, model: keras.Model, settings, samples: int, span: range | None) -> Phase:
    """The cost of training a model for a span of epochs, by default all of the settings'.

    A network under a switcher computes what it would without: factors of zero save nothing.
    """
    span = span or range(settings.epochs)
    if not isinstance(model, ks.SwitcherModel):
        return Phase(name, len(span), len(span), samples, ks.count_macs(model).total, 0)
    when = model.alternation, model.warmup_epochs
    passes = sum(len(updates_in_epoch(epoch, *when)) for epoch in span)
    batches = -(-samples // settings.batch_size)
    own = _of_switcher(model, settings, batches, passes, span)
    return Phase(name, len(span), passes, samples, ks.count_macs(model.task).total, own)


def costs_of(phases: list[Phase], macs: int, epochs: int) -> dict:
    """Fields of a row: MACs of the whole training, and as a share of the dense twin's.

    That has these MACs per sample, and is trained for these epochs on the samples of the phases.
    """
    total = sum(phase.training_macs for phase in phases)
    own = [phase.switcher_macs for phase in phases]
    dense = PASSES * macs * epochs * max(phase.samples for phase in phases)
    return {
        "training_macs": total,
        "switcher_macs": None if None in own else sum(own),
        "training_cost": round(total / dense, 6),
        "phases": [[phase.name, phase.epochs, phase.macs] for phase in phases],
    }


def equal_cost(epochs: int, share: float, left: float) -> int:
    """Epochs with the cost of so many dense ones, if after a share of them some MACs are left."""
    return round(epochs / (share + (1 - share) * left))


def _of_switcher(model, settings, batches, passes, span):
    """All MACs of a switcher; None for U-Nets, of which they are not counted."""
    switcher = getattr(model.switcher, "switcher", model.switcher)  # Inside of a control.
    if isinstance(switcher, switchers.Gradual):
        falls = range(
            max(span.start, int(settings.budget_start * settings.epochs)),
            min(span.stop, int(settings.budget_end * settings.epochs) + 1),
        )
        return _read(model.records) * len(falls) * -(-batches // switcher.renew_every)
    if isinstance(switcher, switchers.UNetSwitcher):
        return None
    if isinstance(switcher, switchers.RowSwitcher):
        return (
            PASSES * (_read(model.records) + _of_rows(switcher, model.records)) * batches * passes
        )
    has_squares = isinstance(switcher, (switchers.DGating, switchers.BCGHS))
    return PASSES * _read(model.records) * batches * passes if has_squares else 0


def _read(records):
    """A MAC for each weight and record that has it: it is squared and added."""
    return sum(prod(weight.shape) for record in records for weight in record.weights)


def _of_rows(switcher, records):
    """Those of the shared layers: of channels, of groups, of a matrix's rows and columns."""
    number = {"context": len(records), "level": len(records)}
    channels = sum(sum(record.shape) for record in records)
    return sum(
        prod(layer.kernel.shape) * number.get(layer.name, channels)
        for layer in switcher._flatten_layers()
        if isinstance(layer, keras.layers.Dense)
    )
