"""The random generators of a backend itself, from which layers without a seed draw.

Keras draws from generators of its own, which are variables of layers. Not so under PyTorch: there a
Dropout without a seed, and the order of shuffled data, are drawn from PyTorch's.
"""

from typing import Any

import keras

if keras.backend.backend() == "torch":
    import torch


def generator_states() -> dict[str, str]:
    """The states of the backend's generators, as JSON can hold them, by kind of device."""
    return {
        device: module.get_rng_state().numpy().tobytes().hex()
        for device, module in _modules().items()
    }


def restore_generators(states: dict[str, str]) -> None:
    """Gives the backend's generators the states that they had.

    Args:
        states: See `generator_states`. Those of devices that are not here are left out.
    """
    for device, module in _modules().items():
        if device in states:
            state = bytearray.fromhex(states[device])
            module.set_rng_state(torch.frombuffer(state, dtype=torch.uint8))


def _modules() -> dict[str, Any]:
    """The module of each kind of device that has a generator."""
    if keras.backend.backend() != "torch":
        return {}
    modules = {"cpu": torch}
    if torch.accelerator.is_available():
        modules[torch.accelerator.current_accelerator().type] = torch.get_device_module()
    return modules
