"""An experiment: a network trained by one method with given settings, over several seeds."""

from dataclasses import asdict, dataclass, field

from recipes.settings import Settings


@dataclass(frozen=True)
class Experiment:
    """A line of a table.

    Args:
        name: Name of its rows, unique in a study.
        task: A name of `recipes.networks.TASKS`.
        method: A name of `recipes.methods.METHODS`.
        settings: The `Settings`; the seed is that of the trial.
        structure_of: Name of the experiment whose structure is taken, seed by seed, for the
            methods that take one.
        seeds: Number of seeds, from 0.
        share: What the method divides the epochs by, for those that do.
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
