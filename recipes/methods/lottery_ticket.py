"""The lottery ticket: trained, pruned, and trained again from the weights of the start.

Frankle and Carbin 2019, arXiv 1803.03635. There single weights are cut; here it is channels, those
of the smallest group norms, so that the networks are small.
"""

from functools import partial

import numpy as np

import keras_switcher as ks
from recipes.methods import method
from recipes.switchers import budget_of
from recipes.trials.criteria import structure_by
from recipes.trials.structures import Masks
from recipes.trials.trial import Outcome, Trial


@method("lottery ticket")
def lottery_ticket(trial: Trial, rounds: int = 1, rewound_to: int = 0) -> Outcome:
    """Each round trains for all epochs and prunes; the last network, rewound, is trained as well.

    Rounds remove the same share each. What is rewound to are the weights of the start, or those
    after some epochs, from which on it is trained then.
    """
    ticket, epochs = trial.network(), trial.settings.epochs
    budget = budget_of(trial.settings, ticket.name)
    if rewound_to:
        trial.train(ticket, "start", span=range(rewound_to))
    keep: Masks | None = None
    for number in range(1, rounds + 1):
        winner = _copy(ticket)
        trial.train(winner, f"round {number}", span=range(rewound_to, epochs))
        share = _left(trial, winner, budget.of, budget.keep ** (number / rounds))
        chosen = structure_by(winner, ks.Budget(share, budget.of), trial.data.train)
        ticket = ks.prune_channels(ticket, chosen)
        keep = chosen if keep is None else {name: _of(keep[name], chosen[name]) for name in keep}
    trial.train(ticket, "ticket", span=range(rewound_to, epochs))
    return Outcome(ticket, epochs, keep)


method("lottery ticket, 3 rounds")(partial(lottery_ticket, rounds=3))
method("lottery ticket, early rewinding")(partial(lottery_ticket, rewound_to=1))


def _copy(network):
    copy = type(network).from_config(network.get_config())  # Not compiled.
    copy.set_weights(network.get_weights())
    return copy


def _left(trial, network, of, share):
    """The share of a network's weights or MACs that is this share of the dense network's."""
    if of == "macs":
        return share * ks.count_macs(trial.network()).total / ks.count_macs(network).total
    return share * _weights(trial.network()) / _weights(network)


def _weights(network):
    return sum(int(np.prod(w.shape)) for w in network.trainable_variables if len(w.shape) > 1)


def _of(keep, chosen):
    """The mask of all channels of which those that were kept are chosen from again."""
    found = keep.copy()
    found[keep] = chosen
    return found
