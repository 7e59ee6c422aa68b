"""Random, a control: scores are drawn."""

import numpy as np

from keras_switcher.arguments import is_whole
from keras_switcher.graph.groups import ConnectionGroup
from keras_switcher.pruning.criteria.criterion import Criterion
from keras_switcher.pruning.criteria.registry import register
from keras_switcher.pruning.criteria.scored_network import ScoredNetwork


@register("random")
class Random(Criterion):
    """Draws scores from a uniform distribution: what any other criterion has to beat.

    Args:
        seed: Seed of the draw, a whole number.

    Raises:
        ValueError: If `seed` is none.
    """

    def __init__(self, seed: int = 0) -> None:
        if not is_whole(seed, 0):
            raise ValueError(f"`seed` must be a whole number from 0 on. Received: seed={seed!r}.")
        self.seed: int = int(seed)

    def scores(self, network: ScoredNetwork) -> dict[str, np.ndarray]:
        generator = np.random.default_rng(self.seed)
        return {group.name: generator.random(group.size) for group in network.groups}

    def connection_scores(self, connections: list[ConnectionGroup]) -> dict[str, np.ndarray]:
        generator = np.random.default_rng([self.seed, 1])
        return {group.name: generator.random(group.shape) for group in connections}
