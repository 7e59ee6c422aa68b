"""Report: what was learned and removed, as one HTML file with pictures."""

from keras_switcher.report.writing import write_report

__all__ = ["write_report"]
