"""How long a study takes is counted from its rows."""

from recipes.evidence.duration import duration
from recipes.evidence.experiment import Experiment

EXPERIMENTS = [
    Experiment(name, "mlp", "dense", seeds=seeds)
    for name, seeds in (("a", 4), ("b, kept", 2), ("c", 2))
]


def test_a_trial_that_waited_does_not_count_and_missing_ones_take_as_long_as_others():
    rows = {("a", seed): {"seconds": s} for seed, s in enumerate(("3600", "3600", "99999"))}
    text = duration("mnist", rows, EXPERIMENTS)
    assert text == (
        "`python -m recipes.evidence mnist`: 3 of 8 trials are done. By the medians of their "
        "times 4 trials take 2.0 hours in 2 processes; not known yet: b, kept; c.\n"
    )
    assert "3 of 8 trials are done, 2 of them with an older version and due again. By" in duration(
        "mnist", rows, EXPERIMENTS, 2
    )
    rows |= {("b, kept", 0): {"seconds": "1800"}, ("c", 0): {"seconds": "1800"}}
    assert duration("mnist", rows, EXPERIMENTS).endswith(
        "5 of 8 trials are done. By the medians of their times 8 trials take 3.0 hours in 2 "
        "processes.\n"
    )
