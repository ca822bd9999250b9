"""Dropout whose choices follow from a seed and a place in the model.

What is dropped at a place is drawn twice, forward and backward, and never stored. On a CPU it
depends on nothing but the seed and the place, so that batches can run side by side on threads.
"""

from __future__ import annotations

import numpy as np
import torch

from codeit.policy.model.uncompiled import uncompiled

# A value is kept when its 16 random bits are at least so many.
_RANGE = 1 << 16


class Dropout:
    """Sets values to 0 at some rate, in steps of 1/65536, and scales up the rest.

    On CUDA, torch drops activations, and draws from the device's generator; the fused kernels for
    attention draw from `key`.
    """

    def __init__(self, rate: float, seed: int, place: tuple[int, ...] = ()) -> None:
        self.rate = rate
        self._seed = seed
        self._place = place
        self.num_dropped = min(round(rate * _RANGE), _RANGE - 1)
        self.scale = _RANGE / (_RANGE - self.num_dropped)

    def __bool__(self) -> bool:
        return self.num_dropped > 0

    def at(self, place: int) -> Dropout:
        """The same rate at a place inside this one, where other values are dropped."""
        # From 1 on: NumPy takes a seed and the same followed by zeros for one.
        return Dropout(self.rate, self._seed, (*self._place, place + 1))

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        if not self:
            return x
        if x.is_cuda:
            return torch.nn.functional.dropout(x, self.rate)
        return _drop(x, self)

    def key(self) -> tuple[int, int]:
        """Two numbers of 31 bits for this place, which a generator on a device starts from."""
        word = int(self._bits().random_raw())
        return word & 0x7FFFFFFF, word >> 33

    def masks(self) -> Masks:
        """The masks of this place, from the first on."""
        return Masks(self._bits(), self.num_dropped)

    def _bits(self) -> np.random.SFC64:
        return np.random.SFC64([self._seed, *self._place])


NO_DROPOUT = Dropout(0.0, 0)


class Masks:
    """A stream of masks; the same calls give the same masks."""

    def __init__(self, bits: np.random.SFC64, num_dropped: int) -> None:
        self._bits = bits
        self._least = num_dropped - _RANGE // 2

    def next(self, like: torch.Tensor) -> torch.Tensor:
        """Integers like a tensor's values: all bits set where a value stays, none elsewhere."""
        words = self._bits.random_raw(-(-like.numel() // 4))
        kept = torch.from_numpy(words.view(np.int16))[: like.numel()].view(like.shape)
        return kept.ge_(self._least).neg_().to(_INTEGERS[like.element_size()])


_INTEGERS = {2: torch.int16, 4: torch.int32, 8: torch.int64}


def keep_(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Set the values of a contiguous tensor that a mask drops to 0, without scaling the rest."""
    x.view(mask.dtype).bitwise_and_(mask)
    return x


@uncompiled  # the bits are NumPy's
def _drop(x: torch.Tensor, dropout: Dropout) -> torch.Tensor:
    return _Dropped.apply(x, dropout)


class _Dropped(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: torch.Tensor, dropout: Dropout) -> torch.Tensor:  # type: ignore[no-untyped-def]
        ctx.dropout = dropout
        scaled = x * dropout.scale
        return keep_(scaled, dropout.masks().next(scaled))

    @staticmethod
    def backward(ctx, gradient: torch.Tensor):  # type: ignore[no-untyped-def]
        scaled = (gradient * ctx.dropout.scale).contiguous()
        return keep_(scaled, ctx.dropout.masks().next(scaled)), None
