"""Whether a plan fits the model that it is applied to; plans may come from files."""

from keras_switcher.graph.channel_graph import Anatomy
from keras_switcher.pruning.limits import keep_more


def check_plan(plan, anatomy: Anatomy):
    """Raises an error if a plan was not made for a copy of this model.

    Args:
        plan: The `PruningPlan`.
        anatomy: The model's `Anatomy`.

    Raises:
        ValueError: If its groups are others, or cannot lose what it removes, or if it takes units
            for constants that are none.
    """
    for what, sizes, planned in [
        ("Groups", {g.name: g.size for g in anatomy.groups}, _lengths(plan.groups)),
        (
            "Connections",
            {g.name: g.shape for g in anatomy.connections if g.name in plan.connections},
            {name: matrix.shape for name, matrix in plan.connections.items()},
        ),
    ]:
        if sizes != planned:
            differing = sorted(dict(sizes.items() ^ planned.items()))
            raise ValueError(
                f"The plan was made for another network than '{anatomy.graph.name}'. {what} that "
                f"differ: {', '.join(differing)}. Apply it to a copy of the model it was made for, "
                "with the same names: Keras numbers layers that are not named anew in every copy."
            )
    for group in anatomy.groups:
        of_group = plan.groups[group.name]
        if not group.prunable and not (of_group.keep.all() and (of_group.scale == 1).all()):
            what = f"removes or scales channels of '{group.name}', which cannot go"
            _refuse(anatomy, what, group.reason)
        if not _are_constant(of_group.constant, group, plan, anatomy):
            _refuse(
                anatomy,
                f"takes units of '{group.name}' for constants",
                "some of them read something",
            )
    if keep_more(anatomy, dict(plan.keep)):
        _refuse(
            anatomy,
            "keeps too few channels of a group",
            "a layer would be left without any, or Keras would mistake their axis",
        )


def _lengths(groups):
    """Numbers of channels; None where the vectors of a group differ in length."""
    lengths = {
        name: {len(group.keep), len(group.scale), len(group.constant)}
        for name, group in groups.items()
    }
    return {name: max(sizes) if len(sizes) == 1 else None for name, sizes in lengths.items()}


def _are_constant(constant, group, plan, anatomy):
    """Whether all connections are cut through which these units would read."""
    if not constant.any():
        return True
    left = {name: (g.scale > 0) & ~g.constant for name, g in plan.groups.items()}
    left[group.name] = constant
    kernels = {kernel.connections: kernel for kernel in anatomy.kernels}
    name = f"{group.producers[0].name}/connections" if len(group.producers) == 1 else None
    if name not in plan.connections:
        return False
    return not kernels[name].between(plan.connections[name], left).any()


def _refuse(anatomy, what, why):
    raise ValueError(
        f"The plan {what}, in '{anatomy.graph.name}': {why}. Apply it to a copy of the model it "
        "was made for."
    )
