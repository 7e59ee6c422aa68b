"""PyTorch's tensors with arrays as those of other backends, so that tests can be the same."""

import numpy as np
import torch
from keras import ops

_plain = torch.Tensor.__array__
ARITHMETIC = ("add", "sub", "mul", "truediv", "matmul", "pow")
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")


def read_as_arrays():
    """Lets tests make arrays of all tensors, and compute with tensors and arrays together."""
    torch.Tensor.__array__ = _array
    del torch.Tensor.__array_wrap__  # With it NumPy's functions of tensors would return tensors.
    reflected = [f"r{name}" for name in ARITHMETIC]
    for name in (*ARITHMETIC, *reflected, *COMPARISONS):
        setattr(torch.Tensor, f"__{name}__", _with_arrays(getattr(torch.Tensor, f"__{name}__")))


def _array(tensor, *args, **_):
    """What PyTorch refuses, where a tensor has a gradient or is in bfloat16."""
    if tensor.dtype == torch.bfloat16:
        return np.asarray(ops.convert_to_numpy(tensor), *args)
    return np.asarray(_plain(tensor.detach()), *args)


def _with_arrays(operator):
    """An operator that takes an array for a tensor, in the precision of the other one."""

    def operate(tensor, other):
        if isinstance(other, np.ndarray | np.generic):
            other = torch.as_tensor(other)
            if other.is_floating_point() and tensor.is_floating_point():
                other = other.to(tensor.dtype)
        return operator(tensor, other)

    return operate
