"""What is tried: a network trained in one way, over several seeds."""

from dataclasses import asdict, dataclass, field, fields

from recipes.settings import Settings


@dataclass(frozen=True)
class Experiment:
    """A network, how it is trained, and over how many seeds: a line of a table.

    Args:
        name: Name of its rows, unique in a study.
        task: A name of `recipes.evidence.tasks.TASKS`.
        treatment: A name of `recipes.evidence.treatments.TREATMENTS`.
        settings: The `Settings`; the seed is that of the trial.
        structure_of: Name of the experiment whose structure is taken, seed by seed, for the
            treatments that take one.
        seeds: Number of seeds, from 0.
        share: What the treatment divides the epochs by, for those that do.
    """

    name: str
    task: str
    treatment: str
    settings: Settings = field(default_factory=Settings)
    structure_of: str | None = None
    seeds: int = 8
    share: float | None = None

    def described(self) -> dict:
        """Everything that decides on a row but seed and version, as values of JSON."""
        settings = asdict(self.settings)
        del settings["seed"]
        own = {f.name: getattr(self, f.name) for f in fields(self)}
        for name in ("name", "settings", "seeds"):
            del own[name]
        return {**own, **settings}

    @property
    def learns_budget(self) -> bool:
        """Whether a budget pulls while it trains; a frozen switcher is ranked to its budget."""
        of = self.settings
        return self.treatment == "switched" and of.budget is not None and of.switcher != "frozen"
