"""Names of outputs in ONNX: tf2onnx has its own, and all tensors of a file share one set."""

import importlib
from itertools import count
from pathlib import Path
from typing import Any


def name_outputs_of_onnx(path: Path, names: list[str]) -> None:
    """Gives the outputs of an ONNX file names; a tensor inside that has one of them gets another.

    Each output is what an Identity returns, which ONNX Runtime leaves out: so an input that is
    passed on, and a tensor that is several outputs, can have names of their own.

    Args:
        path: The file, which is written anew.
        names: The names, in the order of the file's outputs: none is that of an input.
    """
    onnx = importlib.import_module("onnx")
    model = onnx.load(path)
    graph = model.graph
    if [output.name for output in graph.output] == names:
        return
    inside = {name for node in graph.node for name in node.output}
    inside |= {each.name for each in graph.initializer}
    taken = {*inside, *names, *(each.name for each in graph.input)}
    new = {}
    for name in sorted(inside.intersection(names)):
        new[name] = next(n for number in count(1) if (n := f"{name}_{number}") not in taken)
        taken.add(new[name])
    _rename(graph, new)
    for output, name in zip(graph.output, names, strict=True):
        made = new.get(output.name, output.name)
        graph.node.append(onnx.helper.make_node("Identity", [made], [name]))
        output.name = name
    onnx.save(model, path)


def _rename(graph: Any, new: dict[str, str]) -> None:
    """Renames tensors, also where the graph within a node, as the body of a loop, reads them."""
    for node in graph.node:
        node.input[:] = [new.get(name, name) for name in node.input]
        node.output[:] = [new.get(name, name) for name in node.output]
        for attribute in node.attribute:
            for within in (attribute.g, *attribute.graphs):
                _rename(within, new)
    for each in (*graph.initializer, *graph.value_info):
        each.name = new.get(each.name, each.name)
