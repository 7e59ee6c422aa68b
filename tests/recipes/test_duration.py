"""How long a study takes is counted from its rows."""

from recipes.evidence.duration import duration
from recipes.evidence.experiment import Experiment

EXPERIMENTS = [Experiment("a", "mlp", "dense", seeds=4), Experiment("b", "mlp", "dense", seeds=2)]


def test_a_trial_that_waited_does_not_count_and_missing_ones_take_as_long_as_others():
    rows = {("a", seed): {"seconds": s} for seed, s in enumerate(("3600", "3600", "99999"))}
    text = duration("mnist", rows, EXPERIMENTS)
    assert text == (
        "`python -m recipes.evidence mnist`: 3 of 6 trials are done. By the medians of their "
        "times 4 trials take 2.0 hours in 2 processes; not known yet: b.\n"
    )
    rows["b", 0] = {"seconds": "1800"}
    assert duration("mnist", rows, EXPERIMENTS).endswith(
        "4 of 6 trials are done. By the medians of their times 6 trials take 2.5 hours in 2 "
        "processes.\n"
    )
