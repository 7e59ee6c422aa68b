"""PruningPlan: a plan that can be saved, loaded and applied to a copy of the network."""

from pathlib import Path

import keras

from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.pruning.plan import Plan
from keras_switcher.pruning.plan_file import read_plan, write_plan
from keras_switcher.pruning.surgery import compact
from keras_switcher.pruning.validation import check_plan
from keras_switcher.pruning.verification import check_verify


class PruningPlan(Plan):
    """A `Plan` that can be saved, loaded and applied to a copy of its network. It prints itself.

    Made by `SwitcherModel.plan()`; saved as JSON, it can be applied to any copy of the model.

    Args:
        groups: Maps names of groups to `GroupPlan`s.
        every_dense_input: Whether the groups were read with one per Dense input
            (`groups="dense"`).
        connections: Maps names of connection groups to matrices of factors; zero means cut.

    Example:

    >>> import keras_switcher as ks
    >>> model = keras.Sequential([
    ...     keras.Input((4,)),
    ...     keras.layers.Dense(3, activation="relu", name="hidden"),
    ...     keras.layers.Dense(2, name="head"),
    ... ])
    >>> plan = ks.SwitcherModel(model).plan()
    >>> plan.groups["hidden"].keep[1] = False  # Training would have done this.
    >>> print(plan)
    hidden         keeps 2 of 3
    head           keeps 2 of 2 (its channels are the model's output)
    hidden/inputs  keeps 4 of 4
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     plan.save(f"{folder}/plan.json")
    ...     loaded = ks.PruningPlan.load(f"{folder}/plan.json")
    >>> loaded.apply(model).get_layer("hidden").units
    2
    """

    def apply(self, model: keras.Model, verify: bool = True) -> keras.Model:
        """Builds the smaller model from a copy of the model that the plan was made for.

        Args:
            model: The copy.
            verify: Compare the result with the copy, what is removed switched off, on one random
                batch (see `Verification`).

        Raises:
            ValueError: If the groups of `model` are others than those of the plan, or cannot lose
                what it removes, or if the plan leaves a group empty; if a layer cannot be made
                again, or the result computes something else.
        """
        check_verify(verify)
        channel_graph = ChannelGraph(model, self.every_dense_input)
        check_plan(self, channel_graph)
        effective = {n: g.scale * (g.keep | g.constant) for n, g in self.groups.items()}
        return compact(channel_graph, self, {**effective, **self.connections} if verify else None)

    def save(self, path: str | Path) -> None:
        """Writes the plan as JSON, beside the file that may be there, and then replaces that one.

        Args:
            path: The file. It stays as it was if the new one cannot be written.

        Raises:
            ValueError: If `load` could not read it: a factor is negative or not finite, say, or
                something is at `path` that is no file.
            FileNotFoundError: If its folder is not there.
        """
        write_plan(Path(path), self)

    @classmethod
    def load(cls, path: str | Path) -> "PruningPlan":
        """Reads a plan that `save` wrote.

        Args:
            path: The file.

        Raises:
            ValueError: If the file is no plan, or one of another format; its name and what is
                wrong are in the message.
        """
        return cls.of(read_plan(Path(path)))

    @classmethod
    def of(cls, plan: Plan) -> "PruningPlan":
        """Makes a `PruningPlan` of a plan.

        Args:
            plan: The `Plan`.
        """
        return cls(plan.groups, plan.every_dense_input, plan.connections)
