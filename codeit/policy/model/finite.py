"""Whether numbers are finite: a single look at all of many tensors."""

from __future__ import annotations

from collections.abc import Iterable

import torch


def first_not_finite(tensors: Iterable[tuple[str, torch.Tensor]]) -> str | None:
    """The name of the first tensor that has a value which is not finite; None if there is none.

    A device is waited for once, after all have been looked at.
    """
    names = []
    extremes = []
    for name, tensor in tensors:
        if tensor.numel():
            names.append(name)
            extremes.append(torch.stack(tensor.detach().aminmax()).double())
    if not names:
        return None
    are_finite = torch.stack(extremes).isfinite().all(1).tolist()
    return next(
        (name for name, is_finite in zip(names, are_finite, strict=True) if not is_finite), None
    )


def check_weights(model: torch.nn.Module) -> None:
    """Raise FloatingPointError, which names the tensor, if a weight of a model is not finite."""
    name = first_not_finite(model.named_parameters())
    if name is not None:
        raise FloatingPointError(f"{name} of the model has a value that is not finite")
