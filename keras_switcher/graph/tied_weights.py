"""Tied weights: finds variables that several operations read, and locks their channels."""

import math
from collections import defaultdict
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import keras

from keras_switcher.graph.call import Call, CallGraph, is_stock
from keras_switcher.graph.elementwise import calls_user_function, function_key, unwrapped
from keras_switcher.graph.reachable_variables import identity, reachable_variables
from keras_switcher.graph.reader import Reader
from keras_switcher.graph.variable_reads import captured_handles, is_among


@dataclass(eq=False)
class Tie:
    """A tied variable: several operations read it.

    Args:
        variable: The variable, of Keras or of the backend.
        calls: The first call of each of the operations.
        unread: The `id`s of operations that can get at it, but do not read it as far as is seen.
    """

    variable: Any
    calls: list[Call]
    unread: set[int]

    @property
    def name(self) -> str:
        """What the variable is to its layer: its kernel, for example."""
        return self.variable.name.split("/")[-1].split(":")[0]

    @property
    def readers(self) -> str:
        """The names of the operations, in words."""
        return _listed(self.calls)

    def reasons(self, call: Call, reader: Reader) -> tuple[str, str]:
        """The reasons why what an operation reads, and what it makes, must stay whole, in words.

        Args:
            call: The first call of the operation.
            reader: The `Reader` to which the rules have been applied.
        """
        others = [other for other in self.calls if other is not call]
        known = [other for other in others if self.has_rule(other, reader)]
        unknown = [other for other in others if other not in known]
        if not self.has_rule(call, reader):
            how = "can get at" if id(call.op) in self.unread else "reads"
            of = f"'{call.name}', which {how} the {self.name} of {_listed(known or others)}, too"
            return f"feeds {of}", f"goes through {of}"
        readers = unknown or others
        how = "within reach of" if {id(c.op) for c in readers} <= self.unread else "read by"
        what = f"is also {how} {_listed(readers)}"
        what += ", for which no rule ties it" if unknown else "; what is shared stays whole"
        return (
            f"feeds '{call.name}', whose {self.name} {what}",
            f"its {self.name} in '{call.name}' {what}",
        )

    def has_rule(self, call: Call, reader: Reader) -> bool:
        """Whether the rule for a call declares what channels lie along the variable."""
        own = identity(self.variable)
        return any(identity(known) == own for known in reader.weights.known.get(id(call.op), ()))


class TiedWeights:
    """Finds the variables of a network that several operations read (tied weights).

    Args:
        graph: The network's `CallGraph`.

    Attributes:
        ties: The `Tie`s: the variables that several operations read.
        tied_ops: The `id`s of all these operations. One of them that is called several times is
            no reason for a tie, but called by itself and within another layer it is.
        reasons: Why what each of them reads must stay whole, by the operation's `id`, once locked.
    """

    def __init__(self, graph: CallGraph) -> None:
        self._calls: dict[int, list[Call]] = defaultdict(list)
        for call in graph.calls:
            self._calls[id(call.op)].append(call)
        self._variables = {key: _reachable(calls) for key, calls in self._calls.items()}
        self._handles: dict[int, list | None] = {}
        self._of_functions: dict[Any, list | None] = {}
        readers: dict[int, dict[int, Call]] = defaultdict(dict)
        variables: dict[int, Any] = {}
        for key, reached in self._variables.items():
            for number, variable in reached.items():
                readers[number][key] = self._calls[key][0]
                if number not in variables or isinstance(variable, keras.Variable):
                    variables[number] = variable
        for key, calls in self._calls.items():
            if calls_user_function(calls[0].op):  # Its function may find a variable in any way.
                handles = self._handles_of_function(calls[0])
                read = {number: v for number, v in variables.items() if is_among(handles, v)}
                self._variables[key] = {**self._variables[key], **read}
                for number in read:
                    readers[number][key] = calls[0]
        self.ties = [
            Tie(variables[number], list(calls.values()), self._unread(variables[number], calls))
            for number, calls in readers.items()
            if len(calls) > 1
        ]
        # What is read before what is not, and kernels before biases.
        self.ties.sort(key=lambda tie: (len(tie.unread), -math.prod(tie.variable.shape)))
        self.tied_ops = {id(call.op) for tie in self.ties for call in tie.calls}
        self.reasons: dict[int, str] = {}

    def _unread(self, variable: Any, calls: dict[int, Call]) -> set[int]:
        """The operations that do not read a variable, though they hold what it belongs to."""
        traced = [
            call for call in calls.values() if calls_user_function(call.op) or not is_stock(call.op)
        ]
        return {
            id(call.op) for call in traced if is_among(self._handles_of(call), variable) is False
        }

    def _handles_of_function(self, call: Call) -> list | None:
        """The handles of what a user's function in an operation reads, once for all such."""
        function = unwrapped(getattr(call.op, "activation", None))
        if not is_stock(call.op) or not isinstance(function, FunctionType):
            return self._handles_of(call)
        key = function_key(function), call.output.shape, call.output.dtype
        if key not in self._of_functions:
            tensor = keras.KerasTensor(call.output.shape, call.output.dtype)
            self._of_functions[key] = captured_handles(function, tensor)
        return self._of_functions[key]

    def _handles_of(self, call: Call) -> list | None:
        key = id(call.op)
        if key not in self._handles:
            self._handles[key] = _handles(call)
        return self._handles[key]

    def count(self, reader: Reader) -> None:
        """Marks the MACs of tied kernels as unknown where no rule counts them."""
        for tie in self.ties:
            if tie.variable not in reader.kernel_uses:
                continue
            for call in tie.calls:
                if not tie.has_rule(call, reader) and id(call.op) not in tie.unread:
                    others = _listed([other for other in tie.calls if other is not call])
                    why = f"it reads the {tie.name} of {others}, and no rule says how often"
                    reader.count_kernel(call, tie.variable, [why])

    def lock(self, reader: Reader) -> None:
        """Locks all channels that tied operations read and make: they stay whole, and tied.

        Args:
            reader: A reader of the network to which the rules have been applied.
        """
        self.reasons = {}
        self.count(reader)
        for tie in self.ties:
            # The first reason is the one that users see: an operation that has a rule says more.
            for call in sorted(tie.calls, key=lambda call: not tie.has_rule(call, reader)):
                if id(call.op) not in self.reasons:
                    fed, made = tie.reasons(call, reader)
                    self.reasons[id(call.op)] = fed
                    self._lock(call, reader, fed, made)

    def _lock(self, call: Call, reader: Reader, fed: str, made: str) -> None:
        read = {(id(edge.kernel), edge.kernel_axis) for edge in reader.weights.edges}
        for variable in self._variables[id(call.op)].values():
            for axis in range(len(variable.shape)):
                key = (id(variable), axis)
                if key in reader.weights.along:
                    reader.lock(reader.weights.along[key], fed if key in read else made)
        for ids in reader.arguments.ids_of(call.op):
            reader.lock(ids, made)
        if not isinstance(call.op, keras.layers.Layer):  # The variable is among its arguments.
            for each in self._calls[id(call.op)]:
                reader.lock_inputs(each, fed)


def _reachable(calls: list[Call]) -> dict[int, Any]:
    """What the calls of an operation can read, by `identity`: of two objects that of Keras."""
    variables: dict[int, Any] = {}
    for variable in reachable_variables(calls[0].op, *((c.args, c.kwargs) for c in calls)):
        number = identity(variable)
        if number not in variables or isinstance(variable, keras.Variable):
            variables[number] = variable
    return variables


def _handles(call: Call) -> list | None:
    """The handles of the variables that a call reads, see `captured_handles`."""
    return captured_handles(call.op, *call.args, **call.kwargs)


def _listed(calls: list[Call]) -> str:
    names = [f"'{call.name}'" for call in calls]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
