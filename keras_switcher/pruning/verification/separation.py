"""Checks that a smaller network reads no variables of the one that it was made from."""

import keras

from keras_switcher.graph.elementwise import calls_user_function
from keras_switcher.graph.reachable_variables import identity, reachable_variables
from keras_switcher.graph.tied_weights import Tie
from keras_switcher.graph.tracing import trace
from keras_switcher.graph.variable_reads import captured_handles, is_among


def check_apart(ties: list[Tie], small: keras.Model) -> None:
    """Raises an error if a smaller network reads tied variables of the network it was made from.

    A copy of a layer that finds a variable by way of a global, say, still reads the old one: what
    was shared would be so no longer, once one of the networks is trained.

    Args:
        ties: The `Tie`s of the larger network. Without any, nothing is looked at.
        small: The smaller network.

    Raises:
        ValueError: If an operation of the smaller network reads one of the tied variables.
    """
    for call in trace(small, opens=False).calls if ties else ():
        reached = set(map(identity, reachable_variables(call.op, call.args, call.kwargs)))
        traced = calls_user_function(call.op)
        handles = captured_handles(call.op, *call.args, **call.kwargs) if traced else None
        for tie in ties:
            if identity(tie.variable) in reached or is_among(handles, tie.variable):
                raise ValueError(
                    f"'{call.name}' (of type {type(call.op).__name__}) reads the {tie.name} that "
                    f"{tie.readers} share in a way that cannot be copied: its copy in the smaller "
                    "model would still read that of the model that it was made from. Let it hold "
                    "the other layer as an attribute: not as a global, an attribute of a class, "
                    "a weak reference or an argument of an operation."
                )
