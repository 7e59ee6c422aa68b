"""StructureHistory: a callback that records what was learned, epoch by epoch."""

import keras


class StructureHistory(keras.callbacks.Callback):
    """Records at the end of every epoch how many channels of each group are kept, and how.

    The epoch's line gets the shares of all channels (or connections) that are `pruned`, `weakened`
    and `strengthened`, beside `weights_removed`, which it always has.

    Attributes:
        epochs: For each epoch, `Structure.to_dict()["groups"]`.

    Example:

    >>> import numpy as np
    >>> import keras_switcher as ks
    >>> hidden, head = keras.layers.Dense(8, name="hidden"), keras.layers.Dense(2)
    >>> task = keras.Sequential([keras.Input((4,)), hidden, head])
    >>> model = ks.SwitcherModel(task, ks.switchers.FreeFactors("half_zeros", seed=0))
    >>> model.compile(keras.optimizers.SGD(0.0), "mse", run_eagerly=True)
    >>> history = ks.StructureHistory()
    >>> fitted = model.fit(np.ones((1, 4)), np.ones((1, 2)), verbose=0, callbacks=[history])
    >>> history.epochs[0]["hidden"]["kept"], fitted.history["pruned"]
    (4, [0.5])
    """

    def __init__(self) -> None:
        super().__init__()
        self.epochs: list[dict] = []

    def set_model(self, model: keras.Model) -> None:
        if not hasattr(model, "structure"):
            raise ValueError(
                "StructureHistory records what a SwitcherModel has learned. Received a model that "
                f"has no structure(): '{model.name}' (of type {type(model).__name__})."
            )
        super().set_model(model)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        groups = self.model.structure().to_dict()["groups"]
        self.epochs.append(groups)
        total = sum(counts["total"] for counts in groups.values())
        for share in ("pruned", "weakened", "strengthened"):
            if logs is not None:
                logs[share] = sum(counts[share] for counts in groups.values()) / total
