"""Advice on budgets: warnings before training, and explanations where one was missed."""

from dataclasses import dataclass

from keras import ops

from keras_switcher.tensors import Tensor
from keras_switcher.training.budget.budget import Budget
from keras_switcher.training.budget.state import BudgetState
from keras_switcher.user_warnings import warn_user

# How far from a budget is worth a warning.
NEAR = 0.01
# Lengths of the task's gradient on the factors outside of which plain SGD is out of its depth.
USUAL_GRADIENTS = (1e-3, 1e2)

NOT_LEARNED = (
    "The loss is above half of the first one: unless it cannot fall that far, what is left has "
    "lost, or never learned, what the task needs. Keep more, let the budget fall more slowly (a "
    "later `end_epoch`), or lower the learning rates."
)
LOST = (
    "The loss has risen again by more than half of what it had fallen: what was learned is lost. "
    "Lower the switcher's learning rate (without a `switcher_optimizer` it is that of the task "
    "network, which may be far too high) or clip its gradient (global_clipnorm=1.0), keep more, "
    "or let the budget fall more slowly (a later `end_epoch`)."
)
# The share of what a loss had fallen by.
RISEN = 0.5
# The share of the first loss below which a fall is rounding: in it nothing was learned.
ROUNDING = 1e-4


@dataclass(frozen=True)
class TrainingSoFar:
    """State of training for the advice on a missed budget.

    Args:
        epochs: Number of epochs; with steps but without whole epochs, less than one.
        waited: For how many of them the budget waited.
        is_learning: Whether the task network has learned anything.
        gradient: The norm of the task's gradient on the factors.
        has_lost: Whether the last fit() has lost what it had learned.
    """

    epochs: float
    waited: float
    is_learning: bool
    gradient: float
    has_lost: bool = False

    @classmethod
    def of(cls, epochs: Tensor, state: BudgetState) -> "TrainingSoFar":
        """What a model's variables say.

        Args:
            epochs: Number of epochs.
            state: The model's `BudgetState`.
        """
        values = epochs, state.waited, state.is_learning, state.gradient_norm()
        epochs, waited, is_learning, gradient = (float(ops.convert_to_numpy(v)) for v in values)
        return cls(epochs, waited, bool(is_learning), gradient, state.has_lost)


def advice_after(budget: Budget, kept: float, training: TrainingSoFar) -> str | None:
    """What to do where more or less is kept than a budget asks for; None where it is met.

    Args:
        budget: The `Budget`.
        kept: The share that is kept.
        training: What was trained; nothing is said before any training.
    """
    is_met = abs(kept - budget.keep) <= NEAR
    fine = is_met and not training.has_lost and (training.is_learning or not training.waited)
    if not training.epochs or fine:
        return None
    found = _found(budget, kept)
    if training.has_lost:
        return f"{found}. {LOST}"
    if training.waited and not training.is_learning and (is_met or kept < budget.keep):
        return f"{found}. {NOT_LEARNED}"
    if kept < budget.keep:
        advice = (
            "Either one channel more would be too many, or the switcher moved too fast to stop "
            "there: let its learning rate fall to zero, lower it, or clip its gradient "
            "(global_clipnorm=1.0)."
        )
    else:
        advice = _why_early(budget, training) or (
            "Raise the switcher's learning rate or train longer, and let the rate fall to zero: "
            "under a constant one the share swings. A larger `strength` of the budget pulls harder."
        )
    return f"{found}. {advice}{_on_scale(training.gradient)}"


def advice_on_masks(
    budget: Budget, kept: float, training: TrainingSoFar, warmup_epochs: int, advised: set[str]
) -> str | None:
    """What to say (once) where a fit() ended before masks that follow a budget had reached it.

    None where `advise_before_fit` said that this fit() is too short.

    Args:
        budget: The `Budget`.
        kept: The share that the masks keep.
        training: What was trained.
        warmup_epochs: Number of first epochs without masks.
        advised: What was said already, and need not be said again; added to.
    """
    was_told = "too short" in advised and training.epochs < budget.end_epoch
    if was_told or "early masks" in advised:
        return None
    advised.add("early masks")
    why = _why_early(budget, training)
    if training.epochs <= warmup_epochs:
        why = (
            f"In the first {warmup_epochs} epochs (`warmup_epochs`) nothing is switched off, and "
            f"{training.epochs:g} were trained: train longer, or lower `warmup_epochs`."
        )
    return f"The masks do not meet their budget yet: {_found(budget, kept)}. {why}"


def _found(budget: Budget, kept: float) -> str:
    return f"{budget.keep:.2%} of the {budget.of} were to be kept, and {kept:.2%} are left"


def _why_early(budget: Budget, training: TrainingSoFar) -> str | None:
    """Why the budget's target has not been reached yet, and what to do; None if it has."""
    if training.waited and not training.is_learning:
        return (
            "The loss is still above half of the first one, so the budget waited for "
            f"{training.waited:g} epochs: train longer, or find a learning rate at which the "
            "network learns without a switcher."
        )
    end = budget.end_epoch + training.waited
    if training.epochs >= end:
        return None
    return (
        f"The budget is reached at epoch {end:g}, and {training.epochs:g} were trained: train "
        "longer, or lower `end_epoch`."
    )


def _on_scale(gradient: float) -> str:
    low, high = USUAL_GRADIENTS
    if low <= gradient <= high:
        return ""
    size = "small" if gradient < low else "large"
    return (
        f" The loss has a {size} scale (its gradient on the factors has a length of "
        f"{gradient:.1e}), and so have the steps of SGD: give the switcher Adam, or bring the loss "
        "to about 1."
    )


def advice_on_fit(
    budget: Budget, state: BudgetState, epochs: Tensor, losses: list[float], advised: set[str]
) -> str | None:
    """What to say where a budget went on without a network that learns (once), or one lost it all.

    Args:
        budget: The `Budget`.
        state: The `BudgetState`; it is told whether what was learned is lost.
        epochs: Number of epochs over all fits.
        losses: The loss of each epoch of this fit.
        advised: What was said already, and need not be said again; added to.
    """
    first = float(ops.convert_to_numpy(state.first_loss))
    least = min([first, *losses])
    fall = first - least
    has_fallen = fall > ROUNDING * abs(first)
    state.has_lost = bool(losses) and has_fallen and losses[-1] - least > RISEN * fall
    if state.has_lost:
        return f"{LOST} Losses: {least:.3g}, now {losses[-1]:.3g}."
    if "not learned" in advised:
        return None
    so_far = TrainingSoFar.of(epochs, state)
    waited = so_far.waited
    has_gone_on = waited >= budget.longest_wait and so_far.epochs - waited > budget.start_epoch
    if not has_gone_on or so_far.is_learning:
        return None
    advised.add("not learned")
    waiting = f"The budget has waited for {waited:g} epochs, as long as it does, and went on."
    return f"{waiting} {NOT_LEARNED}"


def advise_before_fit(budget: Budget | None, epochs: int, advised: set[str]) -> None:
    """Warns, once for each model, of what a training cannot bring.

    Args:
        budget: The `Budget`, or None.
        epochs: The number of epochs that the model will have seen when training ends.
        advised: What was said already, and need not be said again; added to.
    """
    if budget is None and "no budget" not in advised:
        advised.add("no budget")
        warn_user(
            "Training without a budget: the method asks for no channel to be switched off, and "
            "nothing need be removed. To remove half of the weights, pass "
            "SwitcherModel(..., budget=keras_switcher.Budget(keep=0.5, end_epoch=...))."
        )
    if budget is not None and epochs < budget.end_epoch and "too short" not in advised:
        advised.add("too short")
        warn_user(
            f"The budget reaches {budget.keep:.2%} of the {budget.of} at epoch "
            f"{budget.end_epoch:g}, but this fit() ends at epoch {epochs}: more will be left. "
            "Train longer, or lower the budget's `end_epoch`."
        )
