"""How long a study takes, by what its rows took."""

from statistics import median

from recipes.evidence.experiment import Experiment
from recipes.evidence.summary import values

PROCESSES = 2


def duration(study: str, rows: dict, experiments: list[Experiment], due_again: int = 0) -> str:
    """A paragraph on what is done of a study, and how long all of it takes.

    Medians over the seeds of an experiment: a trial that waited for others took too long.

    Args:
        study: The study's name.
        rows: What `rows_shown` returned of the study.
        experiments: The experiments of the study.
        due_again: How many trials have rows of an older version that are due again.
    """
    seconds = {e.name: list(values(rows, e.name, "seconds").values()) for e in experiments}
    timed = [e for e in experiments if seconds[e.name]]
    if not timed:
        return f"`python -m recipes.evidence {study}`: not run.\n"
    hours = sum(e.seeds * median(seconds[e.name]) for e in timed) / PROCESSES / 3600
    again = f", {due_again} of them with an older version and due again" if due_again else ""
    written = (
        f"`python -m recipes.evidence {study}`: {sum(map(len, seconds.values()))} of "
        f"{sum(e.seeds for e in experiments)} trials are done{again}. By the medians of their "
        f"times {sum(e.seeds for e in timed)} trials take {hours:.1f} hours in {PROCESSES} "
        "processes"
    )
    others = [e.name for e in experiments if not seconds[e.name]]
    return f"{written}; not known yet: {'; '.join(others)}.\n" if others else f"{written}.\n"
