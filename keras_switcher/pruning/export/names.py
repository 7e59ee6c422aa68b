"""Names of inputs and outputs: a file has those of the network."""

import importlib
from pathlib import Path

import keras
from keras import tree


def input_names(model: keras.Model) -> list[str]:
    """The names of a network's inputs, in the order of its flattened inputs."""
    return [tensor.name for tensor in tree.flatten(model.input)]


def output_names(model: keras.Model, format: str = "onnx") -> list[str]:
    """The names of a network's outputs in a file, in the order of its flattened outputs.

    Args:
        model: The network.
        format: SavedModel keeps Keras's own structure, and the names that TensorFlow gives it.
    """
    outputs = model.output
    if isinstance(outputs, dict) and not any(map(tree.is_nested, outputs.values())):
        return tree.flatten({key: key for key in outputs})
    names = list(model.output_names)
    if format == "tf_saved_model" or len(set(names)) < len(tree.flatten(outputs)):
        return [f"output_{number}" for number in range(len(tree.flatten(outputs)))]
    return names


def with_named_outputs(model: keras.Model) -> keras.Model:
    """A network of the same layers whose outputs are a dict: LiteRT takes its names from it."""
    if isinstance(model.output, dict):
        return model
    outputs = dict(zip(output_names(model), tree.flatten(model.output), strict=True))
    return keras.Model(model.input, outputs, name=model.name)


def name_outputs(path: Path, format: str, names: list[str]) -> None:
    """Gives the outputs of an ONNX or OpenVINO file these names, in order."""
    if format == "onnx":
        _name_outputs_of_onnx(path, names)
    elif format == "openvino":
        _name_outputs_of_openvino(path, names)


def _name_outputs_of_onnx(path: Path, names: list[str]) -> None:
    onnx = importlib.import_module("onnx")
    model = onnx.load(path)
    graph = model.graph
    new = dict(zip((output.name for output in graph.output), names, strict=True))
    taken = {n for node in graph.node for n in (*node.input, *node.output)}
    taken |= {each.name for each in (*graph.input, *graph.initializer)}
    if taken - set(new) & set(names) or set(new) & {each.name for each in graph.input}:
        return  # What is inside has such a name, or an input is passed on.
    for node in graph.node:
        node.input[:] = [new.get(name, name) for name in node.input]
        node.output[:] = [new.get(name, name) for name in node.output]
    for output in graph.output:
        output.name = new[output.name]
    onnx.save(model, path)


def _name_outputs_of_openvino(path: Path, names: list[str]) -> None:
    openvino = importlib.import_module("openvino")
    model = openvino.Core().read_model(str(path))
    # Behind the network's own it has an output for each tensor inside that nothing reads.
    for result in model.get_results()[len(names) :]:
        model.remove_result(result)
    for output, name in zip(model.outputs, names, strict=True):
        output.tensor.set_names({name})
    # Not in place: the weights are read from the file as they are written.
    folder = path.parent / "named"
    folder.mkdir()
    openvino.serialize(model, str(folder / path.name))
    del model
    for new in folder.iterdir():
        new.replace(path.parent / new.name)
    folder.rmdir()
