"""Export: networks in the formats of other runtimes, run and compared before they are kept."""

from keras_switcher.pruning.export.exported_model import ExportedModel
from keras_switcher.pruning.export.exporting import ExportReport, export_model
from keras_switcher.pruning.export.verification import Reference

__all__ = ["ExportReport", "ExportedModel", "Reference", "export_model"]
