"""Names of inputs and outputs: a file has those of the network."""

import importlib
import re
from itertools import count
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import tree

from keras_switcher.graph.sublayers import with_sublayers
from keras_switcher.pruning.export.onnx_names import name_outputs_of_onnx

# Formats in which all tensors of a file share one set of names, and no signature has its own.
_ONE_SET = ("onnx", "openvino")
_OF_TENSORFLOW = re.compile(r"[A-Za-z0-9_.\\/>-]*")
# What TensorFlow calls the outputs of a list.
_NUMBERED = re.compile(r"Identity(?:_(\d+))?:0")


def input_names(model: keras.Model) -> list[str]:
    """The names of a network's inputs, in the order of its flattened inputs."""
    return [tensor.name for tensor in tree.flatten(model.input)]


def output_names(model: keras.Model, format: str) -> list[str]:
    """The names of a network's outputs in a file, in the order of its flattened outputs.

    Args:
        model: The network.
        format: SavedModel keeps Keras's own structure, and the names that TensorFlow gives it. In
            ONNX and OpenVINO an output that is named as an input has the next name that is free.
    """
    made_by = None if format == "tf_saved_model" else list(model.output_names)
    names = names_of_outputs(model.output, made_by)
    return _beside(names, input_names(model)) if format in _ONE_SET else names


def _beside(names: list[str], inputs: list[str]) -> list[str]:
    """Names of which none is that of an input."""
    free, taken = [], {*names, *inputs}
    for name in names:
        if name in inputs:
            name = next(new for number in count(1) if (new := f"{name}_{number}") not in taken)
            taken.add(name)
        free.append(name)
    return free


def names_of_outputs(outputs: Any, made_by: list[str] | None) -> list[str]:
    """The names of outputs, in their order when they are flattened.

    Those are the keys of a dict; else the names of the layers that make them, if none is there
    twice; else numbers.

    Args:
        outputs: The structure of outputs.
        made_by: The names of these layers; None for numbers.
    """
    if isinstance(outputs, dict) and not is_nested(outputs):
        return tree.flatten({key: key for key in outputs})
    number = len(tree.flatten(outputs))
    if made_by is None or len(set(made_by)) < number:
        return [f"output_{place}" for place in range(number)]
    return made_by


def is_nested(outputs: Any) -> bool:
    """Whether there are lists or dicts within the list or dict of a network's outputs."""
    each = outputs.values() if isinstance(outputs, dict) else outputs
    return tree.is_nested(outputs) and any(map(tree.is_nested, each))


def check_outputs(model: keras.Model, format: str) -> None:
    """Raises ValueError if a format does not take a network's structure of outputs."""
    if format == "tf_saved_model" and is_nested(model.output):
        structure = tree.map_structure(lambda x: x.name, model.output)
        raise ValueError(
            "The signature of a SavedModel returns a list or a dict of tensors, and nothing "
            f"within. Received: outputs {structure}. Export the network with all of them in one "
            "list, keras.Model(model.input, keras.tree.flatten(model.output)), or to another "
            "format."
        )


def check_names(model: keras.Model) -> None:
    """Raises ValueError if TensorFlow, which writes a file, does not take the name of a layer."""
    if keras.backend.backend() != "tensorflow":
        return
    wrong = [part.name for part in with_sublayers(model) if not _OF_TENSORFLOW.fullmatch(part.name)]
    if wrong:
        raise ValueError(
            f"TensorFlow writes the file, and does not take {', '.join(map(repr, wrong))} for the "
            "name of a layer or model: only letters and digits of ASCII and . _ - / > are taken. "
            "Build the network with other names, and give it the weights."
        )


def with_flat_outputs(model: keras.Model, format: str) -> keras.Model:
    """A network of the same layers whose outputs are a list, or a dict with keys to be names."""
    is_dict = isinstance(model.output, dict)
    are_names = not is_dict or set(output_names(model, format)) == set(model.output)
    if not is_nested(model.output) and are_names:
        return model
    return keras.Model(model.input, tree.flatten(model.output), name=model.name)


def with_named_outputs(model: keras.Model) -> keras.Model:
    """A network of the same layers whose outputs are a dict: LiteRT takes its names from it."""
    if isinstance(model.output, dict) and not is_nested(model.output):
        return model
    outputs = dict(zip(output_names(model, "litert"), tree.flatten(model.output), strict=True))
    return keras.Model(model.input, outputs, name=model.name)


def keep_names(path: Path, format: str, model: keras.Model) -> None:
    """Gives what goes into an ONNX or OpenVINO file and comes out of it the network's names."""
    if format == "onnx":
        name_outputs_of_onnx(path, output_names(model, format))
    elif format == "openvino":
        _name_ends_of_openvino(path, input_names(model), output_names(model, format))


def _name_ends_of_openvino(path: Path, inputs: list[str], outputs: list[str]) -> None:
    openvino = importlib.import_module("openvino")
    model = openvino.Core().read_model(str(path))
    # Behind the network's own it has an output for each tensor inside that nothing reads.
    for result in model.get_results()[len(outputs) :]:
        model.remove_result(result)
    results = [end.get_node() for end in _in_order(model.outputs, outputs)]
    model = openvino.Model(results, model.get_parameters(), model.get_friendly_name())
    named = [*zip(_in_order(model.inputs, inputs), inputs, strict=True)]
    named += zip(model.outputs, outputs, strict=True)
    for end, _ in named:
        end.tensor.set_names(set())
    for end, name in named:
        # A tensor that is two outputs, or an input and an output, has the names of all of them;
        # the node tells which of them is which.
        end.tensor.set_names({*end.tensor.get_names(), name})
        end.get_node().set_friendly_name(name)
    # Not in place: the weights are read from the file as they are written.
    folder = path.parent / "named"
    folder.mkdir()
    openvino.serialize(model, str(folder / path.name))
    del model
    for new in folder.iterdir():
        new.replace(path.parent / new.name)
    folder.rmdir()


def _in_order(ends: list[Any], names: list[str]) -> list[Any]:
    """Inputs or outputs in the order of names: those of a dict come in an order of their own.

    Those of a list have numbers, and come in the order of the alphabet.
    """
    left, found = list(ends), {}
    for name in names:
        end = next((end for end in left if name in end.names), None)
        if end is not None:
            found[name] = end
            left.remove(end)
    numbers = [
        [int(each[1] or 0) for each in map(_NUMBERED.fullmatch, e.names) if each] for e in left
    ]
    if all(len(each) == 1 for each in numbers):  # No tensor is several of them.
        left = [left[place] for place in np.argsort([each[0] for each in numbers])]
    others = iter(left)
    return [found[name] if name in found else next(others) for name in names]
