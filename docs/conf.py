"""Settings of the documentation, `sphinx-build -W docs site`; a build fetches nothing."""

import os
import re

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
from sphinx.util import inspect

import keras_switcher

project = "keras_switcher"
author = "The keras_switcher maintainers"
release = version = keras_switcher.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "sphinx.ext.napoleon"]
exclude_patterns = ["figures/*.py"]
html_theme = "furo"
html_title = f"keras_switcher {release}"

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
default_role = "code"  # Docstrings have single backticks, as Keras's own have.

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # Shapes and units stand in the docstrings.
autoclass_content = "class"
napoleon_custom_sections = [("Call arguments", "params_style")]


def setup(app):
    """Docstrings are written for people who read the source."""
    app.connect("autodoc-process-docstring", _separate_plurals, priority=400)  # Before napoleon.
    app.connect("autodoc-process-signature", _show_constructor)


def _separate_plurals(app, what, name, obj, options, lines):
    """Names in backticks with a plural s, which reStructuredText does not take for an end."""
    lines[:] = [re.sub(r"`([^`]+)`(\w?)", _separated, line) for line in lines]


def _show_constructor(app, what, name, obj, options, signature, returns):
    """The arguments of `__init__`: Keras's layers have a `__new__` that takes anything."""
    if what != "class" or not issubclass(obj, keras.layers.Layer):
        return None
    found = inspect.signature(obj.__init__)
    own = [p for p in found.parameters.values() if p.name != "self"]
    found = found.replace(parameters=own, return_annotation=found.empty)
    return inspect.stringify_signature(found, show_annotation=False), None


def _separated(match):
    return f"`{match[1]}`" + (rf"\ {match[2]}" if match[2] else "")
