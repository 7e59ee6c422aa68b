"""DNW: the largest weights of each layer are on, and all are trained (Wortsman et al. 2019)."""

from typing import Any

import keras
from keras import ops

from keras_switcher.switchers.ranking import check_connections, check_keep, strongest
from keras_switcher.switchers.records import Record
from keras_switcher.switchers.switcher import Switcher
from keras_switcher.tensors import Tensor


@keras.saving.register_keras_serializable(package="keras_switcher")
class DNW(Switcher):
    """The connections with the largest weights of each layer are on; all weights are trained.

    Discovering neural wirings: Wortsman, Farhadi and Rastegari 2019 (arXiv 1906.00586, algorithm 1
    and section 2). In each update the factor is 1 for the weights with the largest magnitudes of
    their layer and 0 for all others, while the gradient reaches each weight as if it were on
    (`straight_through`), so that what is off may come back. Nothing is learned but the task
    network. The paper trains it by SGD at 0.1, momentum 0.9 and weight decay 1e-4, on a cosine.

    It needs `connections=True`. With `alternation="task"` each batch costs one backward pass; any
    other alternation works as well.

    Args:
        keep: The share of each layer's connections that is on, within (0, 1].
        **kwargs: See `Switcher`.

    Raises:
        ValueError: If `keep` is out of its range, or there are factors of channels.

    Example:

    >>> import keras_switcher as ks
    >>> hidden = keras.layers.Dense(2, name="hidden")
    >>> task = keras.Sequential([keras.Input((2,)), hidden, keras.layers.Dense(1)])
    >>> model = ks.SwitcherModel(task, DNW(keep=0.5), alternation="task", connections=True)
    >>> _ = hidden.kernel.assign([[0.1, -3], [0.2, 0]])
    >>> model.scaling_factors()["hidden/connections"].tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """

    straight_through = True
    follows_budget = False  # `keep` decides what is kept.
    equivariant = True

    def __init__(self, keep: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_keep(keep)
        self.keep = keep

    def build(self, records: list[Record]) -> None:
        check_connections(records, "DNW")

    def call(self, records: list[Record]) -> list[Tensor]:
        weights = (weight for record in records for weight in record.weights)
        sizes = [ops.abs(ops.cast(weight, self.compute_dtype)) for weight in weights]
        return [strongest(size, self.keep) for size in sizes]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "keep": self.keep}
