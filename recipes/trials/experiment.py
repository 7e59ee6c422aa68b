"""An experiment: a network trained by one method with given settings, over several seeds."""

from dataclasses import asdict, dataclass, field

from recipes.settings import Settings


@dataclass(frozen=True)
class Experiment:
    """A line of a table, by a name of `recipes.networks.TASKS` and one of `METHODS`.

    Its own name is unique in its study; seeds count from 0. A method may take the structure of the
    experiment that is named, seed by seed, or divide the epochs by a share.
    """

    name: str
    task: str
    method: str
    settings: Settings = field(default_factory=Settings)
    structure_of: str | None = None
    seeds: int = 8
    share: float | None = None

    def described(self) -> dict:
        """Everything that decides on a row but seed and version, as values of JSON."""
        own = {name: getattr(self, name) for name in ("task", "method", "structure_of", "share")}
        return {**own, **{n: v for n, v in asdict(self.settings).items() if n != "seed"}}

    @property
    def learns_budget(self) -> bool:
        """Whether a budget pulls while it trains; a frozen switcher is ranked to its budget."""
        of = self.settings
        return self.method == "switched" and of.budget is not None and of.switcher != "frozen"
