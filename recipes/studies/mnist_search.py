"""The search of settings on MNIST, on a validation split of the training set: a closed log.

Its experiments are those that its rows describe. The ceiling and the clipping of the method were
chosen before they were options: those trials are in `recipes/results/tried/mnist.json`.
"""

from recipes.rows import RESULTS, read_rows
from recipes.settings import Settings
from recipes.trials.study_rows import DEFAULTS, DEFAULTS_THEN
from recipes.trials.trial import Experiment


def _experiments():
    seeds, found = {}, {}
    for row in read_rows(RESULTS / "mnist_search", "*/*.json"):
        settings, name = dict(row["settings"]), row["experiment"]
        for setting, then in DEFAULTS_THEN.get(row["keras_switcher"], {}).items():
            if settings[setting] == then:  # What was not chosen is what the default is now.
                settings[setting] = DEFAULTS[setting]
        own = {key: settings.pop(key) for key in ("task", "method", "structure_of", "share")}
        seeds[name] = max(seeds.get(name, 0), row["seed"] + 1)
        found[name] = Experiment(name, settings=Settings(**settings), seeds=seeds[name], **own)
    return list(found.values())


EXPERIMENTS = _experiments()
