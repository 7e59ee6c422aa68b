"""The base of controls that wrap another switcher."""

from typing import Any

import keras

from keras_switcher.switchers.gradual import Gradual
from keras_switcher.switchers.records import Record
from keras_switcher.switchers.switcher import Switcher
from keras_switcher.tensors import Tensor


class WrappedSwitcher(Switcher):
    """A switcher that wraps another one, and changes its records or its factors.

    Args:
        switcher: The `Switcher` within.
        **kwargs: See `Switcher`.

    Raises:
        ValueError: If `switcher` is not a `Switcher`, or is a `Gradual`.
    """

    def __init__(self, switcher: Switcher, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(switcher, Switcher):
            raise ValueError(
                f"{type(self).__name__} changes another switcher: pass a keras_switcher Switcher, "
                f"for example RowSwitcher(). Received: switcher={switcher!r}."
            )
        if isinstance(switcher, Gradual):
            raise ValueError(
                f"{type(self).__name__} changes a switcher that computes factors, and the masks of "
                "a Gradual are made by fit(). Use it by itself. Received: "
                f"switcher={switcher!r}."
            )
        self.switcher = switcher

    @property
    def trainable_variables(self) -> list[keras.Variable]:
        """The trainable variables of the switcher within."""
        return self.switcher.trainable_variables

    trainable_weights = trainable_variables

    @property
    def straight_through(self) -> bool:  # type: ignore[override]
        """As the switcher within."""
        return self.switcher.straight_through

    @property
    def follows_budget(self) -> bool:  # type: ignore[override]
        """As the switcher within."""
        return self.switcher.follows_budget

    @property
    def fixes_weights(self) -> bool:  # type: ignore[override]
        """As the switcher within."""
        return self.switcher.fixes_weights

    def build(self, records: list[Record]) -> None:
        self.switcher.build_once(records)

    def call(self, records: list[Record]) -> list[Tensor]:
        return self.switcher(records=records)

    def spread(self, progress: Tensor) -> None:
        """Passes it on to the switcher within."""
        self.switcher.spread(progress)

    def get_config(self) -> dict[str, Any]:
        inner = keras.saving.serialize_keras_object(self.switcher)
        return {**super().get_config(), "switcher": inner}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "WrappedSwitcher":
        inner = keras.saving.deserialize_keras_object(config["switcher"])
        return cls(**{**config, "switcher": inner})
