"""inspect: what can be pruned in a model, and what keeps the rest."""

from typing import Any

from keras_switcher.cli.ends import inputs_in, outputs_in
from keras_switcher.cli.files import load, task_of
from keras_switcher.cli.options import AsJson, ModelFile, Modules
from keras_switcher.cli.printing import say, show_json, show_table, working
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.counting import unknown_macs
from keras_switcher.graph.hidden_weights import describe_hidden
from keras_switcher.pruning.costs import remaining


def inspect(file: ModelFile, modules: Modules = None, as_json: AsJson = False) -> None:
    """Show a model's inputs, outputs, channel groups, what keeps those that stay, and costs."""
    model = load(file, modules)
    with working("Reading the network"):
        channel_graph = ChannelGraph(task_of(model))
    if as_json:
        show_json({"file": str(file), **_found(channel_graph)})
        return
    graph = channel_graph.graph
    for end, found in (("input", inputs_in(graph)), ("output", outputs_in(graph))):
        shapes = [[size or "any" for size in each["shape"]] for each in found]
        rows = [
            (each["name"], " x ".join(map(str, shape)), each["dtype"])
            for each, shape in zip(found, shapes, strict=True)
        ]
        show_table((end, "shape", "dtype"), rows)
    groups = [
        (group.name, group.size, "prunable" if group.prunable else group.reason)
        for group in channel_graph.groups
    ]
    show_table(("group", "channels", "state"), groups)
    for name, number in remaining(channel_graph).items():
        say(f"{name}: {number:,}")
    for name, why in unknown_macs(channel_graph).items():
        say(f"macs of '{name}' are not known: {why}")
    if hidden := describe_hidden(channel_graph):
        say(hidden)


def _found(channel_graph: ChannelGraph) -> dict[str, Any]:
    groups = [
        {
            "name": group.name,
            "channels": group.size,
            "prunable": group.prunable,
            "reason": group.reason,
            "producers": [producer.name for producer in group.producers],
            "consumers": [edge.call.name for edge in group.consumers],
        }
        for group in channel_graph.groups
    ]
    hidden = [
        {"name": each.name, "number": each.number, "kind": each.kind, "reason": each.reason}
        for each in channel_graph.hidden_weights
    ]
    return {
        "inputs": inputs_in(channel_graph.graph),
        "outputs": outputs_in(channel_graph.graph),
        "groups": groups,
        "costs": remaining(channel_graph),
        "unknown_macs": unknown_macs(channel_graph),
        "hidden_weights": hidden,
    }
