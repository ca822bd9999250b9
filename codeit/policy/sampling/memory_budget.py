"""How many samples can be under way at a time in the memory that a device has left."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import torch

_SHARE = 0.8
"""Of the free memory that is planned with; the rest is for what passes through a step."""


def free_bytes(device: torch.device) -> int:
    """What can still be allocated on a device."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    meminfo = Path("/proc/meminfo")
    if not meminfo.exists():
        return sys.maxsize
    lines = dict(line.split(":") for line in meminfo.read_text().splitlines())
    return int(lines["MemAvailable"].split()[0]) * 1024


@dataclass(frozen=True)
class MemoryBudget:
    """What sampling takes, in bytes.

    Attributes:
        slot: a slot of the cache, and a row's part of a step.
        source_token: of a prompt whose samples are under way.
        samples_per_prompt: samples that share a prompt.
    """

    slot: int
    source_token: int
    samples_per_prompt: int

    def max_prompts(self, num_slots: int) -> int:
        """How many prompts may be under way beside each other: twice as many as must be."""
        return min(num_slots, 2 * -(-num_slots // self.samples_per_prompt))

    def num_slots(self, wanted: int, longest: int, threads: int, device: torch.device) -> int:
        """The most slots on each thread, up to those wanted, that fit into the free memory.

        Args:
            longest: tokens of the longest prompt.
        Raises:
            MemoryError: a single slot does not fit.
            ValueError: a single slot does, but not beside that prompt.
        """
        budget = int(free_bytes(device) * _SHARE) // threads
        fewest, most = 0, wanted
        while fewest < most:
            middle = (fewest + most + 1) // 2
            prompts = self.max_prompts(middle) * longest * self.source_token
            if middle * self.slot + prompts <= budget:
                fewest = middle
            else:
                most = middle - 1
        if fewest > 0:
            return fewest
        free = f"{budget / 2**20:,.1f} MiB are to be had on {device} for each of {threads} threads"
        if self.slot > budget:
            raise MemoryError(
                f"a sample takes {self.slot / 2**20:,.1f} MiB while it is drawn, and {free}; "
                "lower max_tokens"
            )
        fits = (budget - self.slot) // self.source_token
        raise ValueError(f"a prompt has {longest} tokens; {fits} fit: {free}")
