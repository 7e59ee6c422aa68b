"""Networks: files of any format as functions of arrays."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from keras_switcher.cli.data import load_data
from keras_switcher.cli.ends import outputs_in
from keras_switcher.cli.files import load, task_of
from keras_switcher.cli.printing import short
from keras_switcher.graph.random_inputs import draws, limits_of
from keras_switcher.graph.tracing import trace
from keras_switcher.pruning.export import ExportedModel

Arrays = list[np.ndarray]
_SAMPLES = 16


@dataclass(eq=False)
class Network:
    """A network in a file.

    Args:
        path: The file.
        names: The names of its inputs.
        outputs: The names of its outputs.
        call: Returns its outputs for an array for each of its inputs, in order.
        model: The Keras model, if it is one.
        structure: That in which the Keras model takes its inputs.
    """

    path: Path
    names: list[str]
    outputs: list[str]
    call: Callable[[Arrays], Arrays]
    model: keras.Model | None = None
    structure: Any = None

    @property
    def task(self) -> keras.Model | None:
        """The model, or the task network of a SwitcherModel."""
        return None if self.model is None else task_of(self.model)

    def run(self, values: Arrays) -> Arrays:
        """Its outputs.

        Args:
            values: An array for each of its inputs, in order.

        Raises:
            ValueError: If it does not run on them.
        """
        try:
            return self.call(values)
        except Exception as error:  # Each runtime has errors of its own.
            shapes = ", ".join(str(value.shape) for value in values)
            raise ValueError(
                f"{self.path} does not run on inputs of the shape {shapes}: {short(error)}"
            ) from error


def open_network(path: Path, modules: list[str] | None = None) -> Network:
    """Opens a file: a .keras file, or an exported one, which its format's runtime runs.

    Args:
        path: The file or folder.
        modules: Modules that register layers of a .keras file.

    Raises:
        ValueError: If it cannot be opened.
        ImportError: If a package is missing that runs it.
    """
    if path.suffix == ".keras":
        return _of_keras(path, load(path, modules))
    exported = ExportedModel(path)

    def call(values: Arrays) -> Arrays:
        made = exported(dict(zip(exported.inputs, values, strict=True)))
        made = made if isinstance(made, dict) else {exported.outputs[0]: made}
        return [made[name] for name in exported.outputs]

    return Network(path, exported.inputs, exported.outputs, call)


def _of_keras(path: Path, model: keras.Model) -> Network:
    # As the model takes them: a dict, maybe, whose keys need not be the names.
    graph = trace(task_of(model))
    tensors = graph.inputs
    if isinstance(tensors, (list, tuple)) and len(tensors) == 1:
        tensors = tensors[0]

    def call(values: Arrays) -> Arrays:
        flat = [ops.convert_to_tensor(value) for value in values]
        outputs = model(tree.pack_sequence_as(tensors, flat), training=False)
        return [ops.convert_to_numpy(each) for each in tree.flatten(outputs)]

    names = [tensor.name for tensor in tree.flatten(tensors)]
    outputs = [each["name"] for each in outputs_in(graph)]
    return Network(path, names, outputs, call, model, tensors)


def inputs_of(
    networks: list[Network], data: Path | None, scale: float, batch: int = _SAMPLES
) -> Arrays:
    """What networks are run on, in the order of the first one's inputs: data, or random inputs.

    Args:
        networks: The networks.
        data: Where samples are; None for random inputs.
        scale: See `load_data`.
        batch: The number of random inputs.

    Raises:
        ValueError: If data do not fit, or there are none and no .keras file tells what is read.
    """
    of_keras = next((network for network in networks if network.model is not None), None)
    if data is not None:
        x, _ = load_data(data, of_keras and of_keras.task, scale)
        return in_order(x, networks[0])
    if of_keras is None:
        raise ValueError(
            "Of exported files, nobody knows what they read: pass --data, or add the .keras file."
        )
    return ordered(random_values(of_keras, batch), of_keras, networks[0])


def random_values(network: Network, batch: int = _SAMPLES) -> Arrays:
    """Random inputs on which a network runs, in its order.

    Args:
        network: A network of a .keras file.
        batch: The number of samples.

    Raises:
        ValueError: If it runs on none of those that were tried.
    """
    task = network.task
    if task is None:
        raise ValueError(f"Of {network.path}, nobody knows what it reads: pass --data.")
    graph = trace(task)
    limits = limits_of(graph)
    error: Any = None
    for draw in draws(graph.inputs, samples=(batch,)):
        drawn = tree.flatten(draw.values(graph.inputs, limits))
        values = [ops.convert_to_numpy(x) for x in drawn]
        try:
            network.run(values)
        except ValueError as problem:  # A size or a range of values that a layer does not take.
            error = problem
            continue
        return values
    raise ValueError(f"Random inputs were tried. {error} Pass --data.")


def ordered(values: Arrays, known: Network, other: Network) -> Arrays:
    """Inputs of one network in the order of another one's, by name where names are the same.

    Args:
        values: The inputs.
        known: The network whose order they are in.
        other: The other network.

    Raises:
        ValueError: If it has more or fewer.
    """
    if len(known.names) != len(other.names):
        raise ValueError(
            f"{known.path} and {other.path} have not as many inputs: {', '.join(known.names)}; "
            f"{', '.join(other.names)}."
        )
    return _by_name(values, known.names, other.names)


def outputs_ordered(values: Arrays, known: Network, other: Network) -> Arrays:
    """Outputs of one network in the order of another one's, by name where names are the same.

    Args:
        values: The outputs.
        known: The network whose order they are in.
        other: The other network.

    Raises:
        ValueError: If neither names nor their order tell which is which.
    """
    names = known.outputs, other.outputs
    sorted_by_name = any(
        each.path.suffix == ".tflite" and len(each.outputs) > 1 for each in (known, other)
    )
    if sorted_by_name and len(names[0]) == len(names[1]) and sorted(names[0]) != sorted(names[1]):
        raise ValueError(
            f"Which outputs of {known.path} and {other.path} are the same is not known: "
            f"{', '.join(names[0])}; {', '.join(names[1])}. LiteRT files do not keep the order of "
            "outputs. Compare each of them with the .keras file."
        )
    return _by_name(values, *names)


def _by_name(values: Arrays, names: list[str], others: list[str]) -> Arrays:
    """Values in the order of other names, if these are the same ones."""
    if sorted(names) != sorted(others):
        return values
    by_name = dict(zip(names, values, strict=True))
    return [by_name[name] for name in others]


def in_order(x: Any, network: Network) -> Arrays:
    """Samples as `load_data` returns them, in the order of a network's inputs.

    Args:
        x: An array, or arrays by name.
        network: The network.

    Raises:
        ValueError: If it has other inputs.
    """
    given = x if isinstance(x, dict) else {network.names[0]: x}
    if set(given) != set(network.names):
        raise ValueError(
            f"--data holds {', '.join(map(repr, given))}; {network.path} reads "
            f"{', '.join(map(repr, network.names))}."
        )
    return [np.asarray(given[name]) for name in network.names]
