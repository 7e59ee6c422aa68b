"""Algorithm 1: which network is updated when."""

TASK, SWITCHER, BOTH = ("task",), ("switcher",), ("switcher", "task")
UPDATES = {
    "batch": (SWITCHER, TASK),
    "joint": (BOTH,),
    "task": (TASK,),
    "switcher": (SWITCHER,),
}
ALTERNATIONS = ("batch", "epoch", "joint", "task", "switcher")


def updates_in_epoch(epoch: int, alternation: str, warmup_epochs: int = 0) -> tuple:
    """The backward passes of a training step: for each, the networks that it updates.

    Args:
        epoch: Number of the epoch, counted from 0 over all fits.
        alternation: One of `ALTERNATIONS`.
        warmup_epochs: Number of first epochs that train the task network alone.

    Example:

    >>> updates_in_epoch(0, "batch")
    (('switcher',), ('task',))
    >>> [updates_in_epoch(epoch, "epoch", warmup_epochs=1) for epoch in range(3)]
    [(('task',),), (('switcher',),), (('task',),)]
    """
    if epoch < warmup_epochs:
        return (TASK,)
    if alternation == "epoch":
        return (SWITCHER,) if (epoch - warmup_epochs) % 2 == 0 else (TASK,)
    return UPDATES[alternation]
