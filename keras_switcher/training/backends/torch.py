"""Training and evaluation under PyTorch: gradients by autograd."""

from collections.abc import Callable
from typing import Any

import torch
from keras import Variable

from keras_switcher.tensors import Tensor
from keras_switcher.training.forward_pass import ForwardPass
from keras_switcher.training.trainer import Trainer
from keras_switcher.user_warnings import warn_user


class TorchTrainer(Trainer):
    """Differentiates with autograd; no gradient is left in the variables."""

    def gradients(
        self, forward: Callable[[dict], ForwardPass], sources: dict[str, list[Variable]]
    ) -> tuple[ForwardPass, dict[str, list], dict[str, Tensor | None]]:
        """A forward and a backward pass, see `Trainer`."""
        passed = forward({})
        raw = passed.raw if passed.pulls else {}
        values = {name: [v.value for v in variables] for name, variables in sources.items()}
        flat = [*(value for each in values.values() for value in each), *raw.values()]
        found = iter(_gradients(passed.objective, flat))
        of_variables = {name: [next(found) for _ in each] for name, each in values.items()}
        return passed, of_variables, {name: next(found) for name in raw}

    @staticmethod
    def gradient(function: Callable, factors: dict[str, Tensor]) -> tuple[Tensor, dict]:
        """The scalar that a function makes of factors, and its gradient on them, by name."""
        with torch.enable_grad():
            leaves = {name: f.detach().requires_grad_() for name, f in factors.items()}
            value = function(leaves)
        gradients = _gradients(value, list(leaves.values()))
        return value.detach(), dict(zip(leaves, gradients, strict=True))

    def compile(self, *args: Any, jit_compile: bool | str = "auto", **kwargs: Any) -> None:
        """Configures training, see `SwitcherModel`; PyTorch computes operation by operation."""
        if jit_compile is True:
            warn_user(
                "`jit_compile=True` has no effect on a SwitcherModel under PyTorch: torch.compile "
                "cuts its step into many small parts, which takes minutes and gains nothing."
            )
        super().compile(*args, jit_compile=False, **kwargs)

    def end_update(self, *arguments: Any) -> None:
        """Updates networks, see `Trainer`."""
        with torch.no_grad():
            super().end_update(*arguments)

    def compiled_function(self, function: Callable) -> Callable:
        """A function without gradients: PyTorch computes operation by operation."""
        return torch.no_grad()(function)


def _gradients(value: Tensor, sources: list[Tensor]) -> list[Tensor | None]:
    """The gradient of a scalar on each source, None where there is none."""
    needed = [source for source in sources if source.requires_grad]
    if not needed or not value.requires_grad:
        return [None] * len(sources)
    found = iter(torch.autograd.grad(value, needed, allow_unused=True))
    return [next(found) if source.requires_grad else None for source in sources]
