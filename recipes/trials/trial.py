"""An experiment: a network trained by a method; and its trials, one for each seed."""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import keras

from keras_switcher import StructureHistory
from recipes.datasets import Data
from recipes.networks import TASKS, load
from recipes.settings import Settings
from recipes.switchers import learns_budget
from recipes.training import train
from recipes.trials.costs import Phase, phase_of
from recipes.trials.structures import Masks

# Half of a small network's time would be spent in Python.
STEPS_PER_EXECUTION = 16
SMOKE_SAMPLES, SMOKE_EPOCHS = 512, 2


@dataclass(frozen=True)
class Experiment:
    """A line of a table, by a name of `recipes.networks.TASKS` and one of `METHODS`.

    Its own name is unique in its study; seeds count from 0. A method may take the structure of the
    experiment that is named, seed by seed, divide the epochs by a share, or start from the trained
    network of an experiment, which `is_kept` then.
    """

    name: str
    task: str
    method: str
    settings: Settings = field(default_factory=Settings)
    structure_of: str | None = None
    seeds: int = 8
    share: float | None = None
    trained: "Experiment | None" = None
    is_kept: bool = False

    def as_smoke(self) -> "Experiment":
        """The same, to see that it runs."""
        settings = replace(self.settings, smoke=True)
        return replace(self, settings=settings, trained=self.trained and self.trained.as_smoke())

    def described(self) -> dict:
        """Everything that decides on a row but seed and version, as values of JSON."""
        own = {name: getattr(self, name) for name in ("task", "method", "structure_of", "share")}
        own["trained"] = self.trained and self.trained.described()
        return {**own, **{n: v for n, v in asdict(self.settings).items() if n != "seed"}}

    @property
    def learns_budget(self) -> bool:
        """Whether a budget pulls while it trains."""
        return self.method == "switched" and learns_budget(self.settings)


@dataclass
class Trial:
    """One seed of an experiment: with a folder for checkpoints, and the structure that is taken.

    `seconds` is the time of all epochs so far, those before an interruption included, `phases` are
    what they cost.
    """

    experiment: Experiment
    seed: int
    folder: Path
    structure: Masks | None = None
    data_dir: Path | None = None
    seconds: float = 0.0
    phases: list[Phase] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        """The experiment's settings, with the trial's seed, and with what a smoke run changes."""
        settings = replace(self.experiment.settings, seed=self.seed)
        if settings.smoke:
            epochs, rate = min(settings.epochs, SMOKE_EPOCHS), settings.switcher_learning_rate
            # So few updates that the budget falls at once: at its full rate a switcher overshoots.
            settings = replace(settings, epochs=epochs, switcher_learning_rate=rate and rate / 10)
        return settings

    @property
    def data(self) -> Data:
        """The samples."""
        data = load(self.experiment.task, self.settings.validate, self.data_dir)
        return data.smaller(SMOKE_SAMPLES) if self.settings.smoke else data

    def network(self) -> keras.Model:
        """The untrained task network; the same one for all experiments of a seed."""
        keras.utils.set_random_seed(self.seed)
        before = keras.config.dtype_policy()
        try:
            keras.config.set_dtype_policy(self.settings.precision)
            return TASKS[self.experiment.task].network()
        finally:
            keras.config.set_dtype_policy(before)

    def train(self, model: keras.Model, phase: str, epochs: int | None = None, **more):
        """Trains a model, going on from what an interrupted run of this phase has left."""
        settings = replace(self.settings, epochs=epochs or self.settings.epochs)
        samples = len(self.data.train.y)
        self.phases.append(phase_of(phase, model, settings, samples, more.get("span")))
        more |= {"folder": self.folder / phase, "steps_per_execution": STEPS_PER_EXECUTION}
        self.seconds += train(model, self.data.train, settings, **more)


class Outcome(NamedTuple):
    """The trained network, its epochs in all, what is left of it, and how that was learned."""

    model: keras.Model
    epochs: int
    keep: Masks | None = None
    history: StructureHistory | None = None
