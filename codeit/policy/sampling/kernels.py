"""What a decoder's step is made of; the only file of this room that knows which kernel exists.

Two sets of the same operations: torch's, with those of model/attention/choice.py for attention, on
any device, and ours on a CPU. With ours, the result for a token does not depend on which other
tokens are in the step, to the last bit.

Shape letters: T tokens of a step, R slots, H heads, D size of a head, S source length, C capacity
of a slot, M width of the model.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

import codeit._native.decoding as native
from codeit.policy.model.attention import Cache, decode_self_attention, shared_cross_attention
from codeit.policy.model.layers import ACTIVATIONS
from codeit.policy.sampling.settings import Precision

Linear = Callable[[torch.Tensor], torch.Tensor]

BLOCK = 16
"""Capacities are multiples of it, and for our kernels sizes: the width of the widest vectors."""


@dataclass(frozen=True)
class KeyValues:
    """Keys and values of a number of positions, for the kernels that made it."""

    keys: Any
    values: Any
    length: int


@dataclass(frozen=True)
class Step:
    """Which tokens a decoder takes in at once; those of a row in the order of their positions."""

    rows: npt.NDArray[np.int32]
    positions: npt.NDArray[np.int32]


def rounded_up(length: int) -> int:
    """The capacity for so many positions."""
    return -(-length // BLOCK) * BLOCK


class Kernels(ABC):
    """The operations of a step. Sums are float32; what goes into products has the type `dtype`.

    Args:
        precision: `float32`, `bfloat16`, or `int8`: bfloat16 but for weights, and for tokens while
            they are multiplied with them.
    """

    def __init__(self, device: torch.device, precision: Precision) -> None:
        self.device = device
        self.precision = precision
        self.dtype = torch.float32 if precision == "float32" else torch.bfloat16

    @abstractmethod
    def linear(
        self, weight: torch.Tensor, activation: str | None = None, *, is_exact: bool = False
    ) -> Linear:
        """x -> activation(x @ weight.T).

        Args:
            weight: float32 [out, in]; later changes do not show.
            activation: a name in ACTIVATIONS.
            is_exact: whether the result is wanted in float32, whatever `dtype` is.
        """

    @abstractmethod
    def cache(self, num_slots: int, num_heads: int, capacity: int, size: int) -> KeyValues:
        """Room for what the rows of a decoder decode, in one layer: R times H times C times D."""

    @abstractmethod
    def context(self, keys_values: torch.Tensor) -> KeyValues:
        """What tokens attend to together, from [S, 2, H, D]."""

    def arranged_bias(self, bias: torch.Tensor) -> torch.Tensor:
        """The same in the order in which `attend` takes it."""
        return bias

    @abstractmethod
    def attend(
        self, projected: torch.Tensor, step: Step, bias: torch.Tensor, cache: KeyValues
    ) -> torch.Tensor:
        """Add keys and values of new tokens to their rows, and attend to all up to each of them.

        Args:
            projected: queries, keys and values [T, 3, H, D] of the tokens.
            step: where they belong.
            bias: float32 [H, C], by how far back a position lies, as `arranged_bias` gives it.
            cache: written to.
        Returns:
            [T, H, D]
        """

    @abstractmethod
    def attend_shared(
        self, query: torch.Tensor, contexts: Sequence[tuple[KeyValues, int]]
    ) -> torch.Tensor:
        """Attention of consecutive tokens to what they share.

        Args:
            query: [T, H, D]
            contexts: pairs (context, how many tokens attend to it).
        Returns:
            [T, H, D]
        """

    @abstractmethod
    def add_and_normalize(
        self, sums: torch.Tensor, added: torch.Tensor | None, weight: torch.Tensor, epsilon: float
    ) -> torch.Tensor:
        """Add to the sums, which are changed, and scale each token to a mean square of 1.

        Args:
            sums: float32 [T, M]
            added: [T, M]
            weight: float32 [M], of each channel.
        Returns:
            [T, M]
        """


def kernels_for(
    device: torch.device, precision: Precision, sizes: Sequence[int], is_plain: bool = False
) -> Kernels:
    """The fastest kernels there are.

    Args:
        sizes: of what they work on: widths of the model, size of a head.
        is_plain: torch's in any case.
    Raises:
        ValueError: there are none of that precision.
    """
    is_ours = device.type == "cpu" and all(size % BLOCK == 0 for size in sizes)
    return (NativeKernels if is_ours and not is_plain else PlainKernels)(device, precision)


def describe(device: torch.device) -> str:
    """Which kernels sampling uses on a device."""
    if device.type == "cpu":
        return "our own"
    return (
        "torch's, and for attention as in training; in CUDA graphs in modes reference and grammar, "
        "unless sampling.cuda_graphs is false or sampling.distinct is true"
    )


class PlainKernels(Kernels):
    """Torch's own operations, on any device."""

    def __init__(self, device: torch.device, precision: Precision) -> None:
        super().__init__(device, precision)
        if precision == "int8":
            raise ValueError(f"precision 'int8' is for CPUs and widths of whole {BLOCK}s")

    def linear(
        self, weight: torch.Tensor, activation: str | None = None, *, is_exact: bool = False
    ) -> Linear:
        own = weight.to(self.dtype)
        activate = ACTIVATIONS[activation] if activation else None

        def multiply(x: torch.Tensor) -> torch.Tensor:
            out = F.linear(x, own)
            out = activate(out) if activate else out
            return out.float() if is_exact else out

        return multiply

    def cache(self, num_slots: int, num_heads: int, capacity: int, size: int) -> KeyValues:
        shape = (num_slots, num_heads, capacity, size)
        keys, values = (torch.zeros(shape, dtype=self.dtype, device=self.device) for _ in range(2))
        return KeyValues(keys.transpose(2, 3), values, capacity)

    def context(self, keys_values: torch.Tensor) -> KeyValues:
        keys, values = (part.transpose(0, 1).contiguous() for part in keys_values.unbind(1))
        return KeyValues(keys, values, len(keys_values))

    def attend(
        self, projected: torch.Tensor, step: Step, bias: torch.Tensor, cache: KeyValues
    ) -> torch.Tensor:
        rows, positions = (
            torch.from_numpy(x.astype(np.int64)).to(self.device)
            for x in (step.rows, step.positions)
        )
        longest = int(step.positions.max()) + 1
        held = Cache(cache.keys, cache.values)
        return decode_self_attention(projected, rows, positions, bias, held, longest)

    def attend_shared(
        self, query: torch.Tensor, contexts: Sequence[tuple[KeyValues, int]]
    ) -> torch.Tensor:
        return shared_cross_attention(query, [(m.keys, m.values, count) for m, count in contexts])

    def add_and_normalize(
        self, sums: torch.Tensor, added: torch.Tensor | None, weight: torch.Tensor, epsilon: float
    ) -> torch.Tensor:
        if added is not None:
            sums += added
        return F.rms_norm(sums, weight.shape, weight, epsilon).to(self.dtype)


class NativeKernels(Kernels):
    """Ours, on a CPU."""

    def linear(
        self, weight: torch.Tensor, activation: str | None = None, *, is_exact: bool = False
    ) -> Linear:
        matrix = weight.to(self.dtype if self.precision == "bfloat16" else torch.float32)
        weights = native.Weights(_array(matrix.contiguous()), self.precision)
        is_positive = activation == "relu"
        activate = ACTIVATIONS[activation] if activation and not is_positive else None
        dtype = torch.float32 if is_exact else self.dtype

        def multiply(x: torch.Tensor) -> torch.Tensor:
            out = torch.empty(len(x), weights.num_out, dtype=dtype)
            weights.multiply(_array(x), is_positive, _array(out))
            return activate(out) if activate else out

        return multiply

    def cache(self, num_slots: int, num_heads: int, capacity: int, size: int) -> KeyValues:
        shape = (num_slots, num_heads, capacity, size)
        keys, values = (np.zeros(shape, _ARRAY_TYPES[self.dtype]) for _ in range(2))
        return KeyValues(keys, values, capacity)

    def context(self, keys_values: torch.Tensor) -> KeyValues:
        length, _, num_heads, size = keys_values.shape
        shape = (num_heads, rounded_up(length), size)
        keys, values = (np.zeros(shape, _ARRAY_TYPES[self.dtype]) for _ in range(2))
        native.arrange(_array(keys_values.contiguous()), keys, values)
        return KeyValues(keys, values, length)

    def arranged_bias(self, bias: torch.Tensor) -> torch.Tensor:
        return bias.flip(1).contiguous()  # positions in order, when the newest is the last

    def attend(
        self, projected: torch.Tensor, step: Step, bias: torch.Tensor, cache: KeyValues
    ) -> torch.Tensor:
        out = torch.empty(len(projected), *projected.shape[2:], dtype=self.dtype)
        arrays = (step.rows, step.positions, bias.numpy(), cache.keys, cache.values)
        native.attend(_array(projected), *arrays, _array(out))
        return out

    def attend_shared(
        self, query: torch.Tensor, contexts: Sequence[tuple[KeyValues, int]]
    ) -> torch.Tensor:
        out = torch.empty_like(query)
        parts = [(m.keys, m.values, m.length, count) for m, count in contexts]
        native.attend_shared(_array(query), parts, _array(out))
        return out

    def add_and_normalize(
        self, sums: torch.Tensor, added: torch.Tensor | None, weight: torch.Tensor, epsilon: float
    ) -> torch.Tensor:
        out = torch.empty(sums.shape, dtype=self.dtype)
        some = None if added is None else _array(added)
        native.add_and_normalize(sums.numpy(), some, weight.numpy(), epsilon, _array(out))
        return out


_ARRAY_TYPES = {torch.float32: np.float32, torch.bfloat16: np.uint16}


def _array(tensor: torch.Tensor) -> npt.NDArray[Any]:
    """The same arrays for native code, which takes bfloat16 as uint16."""
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.view(torch.uint16)
    array: npt.NDArray[Any] = tensor.numpy()
    return array
