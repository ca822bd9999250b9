"""The law by which a token is drawn from the scores of a model, by one uniform number a token."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

import codeit._native.decoding as native

_FEW = 1024
"""Scores of which a number can be drawn without leaving most of them aside first."""

# Shape letters: T tokens, V scores of each, K of them that can be drawn.


@dataclass(frozen=True)
class Branches:
    """Samples that begin alike, [T] or [T, N]; csrc/decoding/draw.h says what that means."""

    keys: npt.NDArray[np.uint64]
    """What the numbers below them follow from."""
    log_masses: npt.NDArray[np.float64]
    """Of the probability of beginning so."""
    log_times: npt.NDArray[np.float64]
    """When the first sample of each arrives."""


def are_finite(scores: torch.Tensor) -> torch.Tensor:
    """Whether a model's scores of each token are all finite: bool [T], from float32 [T, V].

    On a GPU, nothing waits for it.
    """
    if scores.device.type == "cpu":
        return torch.from_numpy(native.find_finite(scores.contiguous().numpy()))
    return scores.isfinite().all(-1)


class SamplingLaw:
    """Temperature, then the likeliest k, then the likeliest that reach p together: the order of
    transformers.

    Args:
        temperature: divides the scores.
        top_k: how many of the likeliest can be drawn; 0 for all.
        top_p: the probability that they must reach together; 1 for all.
    """

    def __init__(self, temperature: float, top_k: int, top_p: float) -> None:
        self._temperature = temperature
        self._top_k = top_k
        self._top_p = top_p

    def draw(
        self,
        scores: torch.Tensor,
        uniforms: npt.NDArray[np.float64],
        allowed: npt.NDArray[np.uint64] | None = None,
    ) -> npt.NDArray[np.int64]:
        """One index into each row of scores, by the inverse of its cumulative distribution.

        Args:
            scores: float32 [T, V]; -inf for what cannot be drawn.
            uniforms: [T], at least 0 and below 1.
            allowed: bits [T, words] of what can be drawn, the first one the lowest; None for all.
        Returns:
            [T]
        """
        is_small = self._top_k > 0 or allowed is not None or scores.shape[-1] <= _FEW
        if scores.device.type == "cpu" and is_small:
            out = np.empty(len(scores), np.int64)
            law = (self._temperature, self._top_k, self._top_p)
            native.draw(scores.numpy(), allowed, uniforms, *law, out)
            return out
        if allowed is not None:
            bits = np.unpackbits(allowed.view(np.uint8), axis=1, bitorder="little")
            is_allowed = torch.from_numpy(bits[:, : scores.shape[-1]].astype(bool))
            scores = scores.masked_fill(~is_allowed.to(scores.device), -torch.inf)
        return self.plain_draw(scores, torch.from_numpy(uniforms).to(scores.device)).cpu().numpy()

    def branch(
        self,
        scores: torch.Tensor,
        branches: Branches,
        log_limits: npt.NDArray[np.float64],
        most: int,
        allowed: npt.NDArray[np.uint64] | None = None,
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Branches]:
        """The branches of branches, in the order in which their first samples arrive: the first of
        a row, which is drawn by this law, then those that arrive before its limit.

        Args:
            scores: float32 [T, V]; -inf for what cannot be drawn.
            branches: [T]
            log_limits: [T], logarithms of times.
            most: N, of each row.
            allowed: as for `draw`.
        Returns:
            How many there are [T], at least 1 of each row; indices into the scores [T, N]; the
            branches [T, N].
        """
        ids = None
        if scores.device.type != "cpu" and allowed is None and 0 < self._top_k < scores.shape[-1]:
            scores, likeliest = scores.topk(self._top_k, dim=-1)
            ids = likeliest.cpu().numpy()
        shape = (len(scores), most)
        counts = np.empty(len(scores), np.int64)
        tokens = np.zeros(shape, np.int64)
        found = Branches(np.empty(shape, np.uint64), np.empty(shape), np.empty(shape))
        native.branch(
            scores.cpu().contiguous().numpy(),
            allowed,
            branches.keys,
            branches.log_masses,
            branches.log_times,
            log_limits,
            self._temperature,
            self._top_k,
            self._top_p,
            counts,
            tokens,
            found.keys,
            found.log_masses,
            found.log_times,
        )
        return counts, tokens if ids is None else np.take_along_axis(ids, tokens, 1), found

    def plain_draw(self, scores: torch.Tensor, uniforms: torch.Tensor) -> torch.Tensor:
        """The same by torch's operations: int64 [T], from float64 [T]."""
        if self._top_k == 1:
            return scores.argmax(-1)
        is_ranked = 0 < self._top_k < scores.shape[-1] or self._top_p < 1
        ids = None
        if is_ranked:
            k = min(self._top_k or scores.shape[-1], scores.shape[-1])
            scores, ids = scores.topk(k, dim=-1)
        # A difference that is no more than 0 stays a number, whatever the temperature is.
        below = scores.double() - scores.amax(-1, keepdim=True)
        weights = torch.softmax(below / self._temperature, dim=-1)
        cumulative = weights.cumsum(-1)
        if self._top_p < 1:
            # What comes after the probability has been reached cannot be drawn.
            reached = cumulative - weights < self._top_p
            cumulative = (weights * reached).cumsum(-1)
        point = uniforms[:, None] * cumulative[:, -1:]
        index = torch.searchsorted(cumulative, point, right=True).clamp_(max=scores.shape[-1] - 1)
        chosen = index if ids is None else ids.gather(-1, index)
        return chosen[:, 0]


def uniforms(seed: int, prompt: int, sample: int, count: int) -> npt.NDArray[np.float64]:
    """The numbers behind the tokens of one sample, whichever batch it is drawn in.

    Args:
        seed, prompt, sample: what they follow from.
        count: one for each token, in order.
    """
    generator = np.random.Generator(np.random.Philox(key=[seed % 2**64, prompt << 32 | sample]))
    return generator.random(count)


def first_key(seed: int, prompt: int) -> int:
    """What the numbers behind all distinct samples of a prompt follow from."""
    return int(np.random.Philox(key=[seed % 2**64, prompt << 32]).random_raw())
