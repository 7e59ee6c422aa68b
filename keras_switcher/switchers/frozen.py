"""FrozenSwitcher, a control: a switcher that is never trained."""

from typing import Any

import keras

from keras_switcher.arguments import is_number
from keras_switcher.switchers.ranking import strongest
from keras_switcher.switchers.records import Record
from keras_switcher.switchers.switcher import Switcher
from keras_switcher.switchers.wrapped import WrappedSwitcher
from keras_switcher.tensors import Tensor


@keras.saving.register_keras_serializable(package="keras_switcher")
class FrozenSwitcher(WrappedSwitcher):
    """A switcher whose own weights stay as they were initialised.

    A control experiment: a difference to the switcher within shows what is gained by training it.
    From the paper's initialisation (`start="half_zeros"`) a switcher that was never trained
    already prunes about half of the channels.

    Args:
        switcher: The `Switcher` within.
        keep: The share of each group's factors that stays, chosen by rank (what the switcher
            within prunes stays pruned); None leaves the factors as they are.
        **kwargs: See `Switcher`.

    Raises:
        ValueError: If `keep` is not within (0, 1], or ranks factors that are all equal: those of a
            new switcher with `start="one"`.

    Example:

    >>> import keras_switcher as ks
    >>> hidden = keras.layers.Dense(4, name="hidden")
    >>> task = keras.Sequential([keras.Input((2,)), hidden, keras.layers.Dense(1)])
    >>> within = ks.switchers.RowSwitcher(start="near_one")
    >>> model = ks.SwitcherModel(task, FrozenSwitcher(within, keep=0.5))
    >>> int((model.scaling_factors()["hidden"] > 0).sum()), model.switcher.trainable_variables
    (2, [])
    """

    def __init__(self, switcher: Switcher, keep: float | None = None, **kwargs: Any) -> None:
        super().__init__(switcher, **kwargs)
        if keep is not None and not (is_number(keep) and 0 < keep <= 1):
            raise ValueError(f"`keep` must be None or within (0, 1]. Received: keep={keep!r}.")
        if keep is not None and keep < 1:
            _check_unequal(switcher)
        self.keep = keep

    @property
    def trainable_variables(self) -> list[keras.Variable]:
        """None: the optimizer gets nothing to train."""
        return []

    trainable_weights = trainable_variables
    follows_budget = False  # It cannot learn one, and is ranked to a share instead.

    @property
    def equivariant(self) -> bool:  # type: ignore[override]
        """As the switcher within."""
        return self.switcher.equivariant

    def call(self, records: list[Record]) -> list[Tensor]:
        # Moving statistics of a batch normalisation must not change either.
        factors = self.switcher(records=records, training=False)
        if self.keep is None:
            return factors
        return [factor * strongest(factor, self.keep) for factor in factors]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "keep": self.keep}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "FrozenSwitcher":
        # Weights are loaded later: those of a switcher that was trained before it was frozen.
        made = super().from_config({**config, "keep": None})
        made.keep = config["keep"]
        return made


def _check_unequal(switcher: Switcher) -> None:
    """Raises ValueError if all factors of a switcher, within whatever wraps it, are one."""
    within = switcher
    while isinstance(within, WrappedSwitcher):
        within = within.switcher
    if getattr(within, "start", None) == "one" and not within.built:
        raise ValueError(
            "A frozen switcher with `keep` ranks its factors, and those that start at one are all "
            "equal. Choose start='near_one' or 'half_zeros' for the switcher within, or keep=None. "
            f"Received: a {type(within).__name__} with start='one'."
        )
