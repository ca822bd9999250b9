"""The replay buffer of the loop: what an experience is worth, and the two halves it is drawn from.

Seed and mutated experiences live in one half and policy experiences in the other, because an
iteration draws from each in its own number. Lists of token ids travel flat: list k is
ids[offsets[k]:offsets[k + 1]]. N is the number of experiences.

Source: priority, weights and halves are those of CodeIt (arXiv 2402.04858). There, seed and
mutated experiences carry no priority by a mismatch of names; here they have theirs like all others.
"""

import enum
import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import Field

import codeit._native.replay as native
from codeit.learning.replay_file import read_buffers, write_buffers
from codeit.policy.tokenizer import Ids
from codeit.ranges import MAX_INT, integer, integers, reals
from codeit.validation import NonNegative, PositiveCount, Whole, validated

Floats: TypeAlias = npt.NDArray[np.float64]
Offsets: TypeAlias = npt.NDArray[np.int64]

# Added to every priority, so that an experience without merit is drawn after all that have some,
# but is drawn.
LEAST_PRIORITY = 1e-19


_ALMOST = 1e-9
_RANGES = {
    "0": _ALMOST,
    "0-0.25": 0.25,
    "0.25-0.5": 0.5,
    "0.5-0.75": 0.75,
    "0.75-1": 1 - _ALMOST,
    "1": math.inf,
}
"""Ranges of priorities, and below what each of them ends; it begins where the one before ends."""

PRIORITY_RANGES = tuple(_RANGES)


class Origin(enum.IntEnum):
    """Who wrote the program of an experience."""

    seed = 0
    mutated = 1
    policy = 2
    elsewhere = 3
    """The policy, for another task."""
    searched = 4
    """A search."""


@validated
class ReplaySettings:
    """What the buffer keeps and what it prefers. Weights are relative: only their ratios matter."""

    capacity: Annotated[Whole, Field(ge=1, le=native.MAX_CAPACITY)] = 10_000_000
    """Most experiences kept in each half, policy and mutated; the least valuable go first."""
    demonstration_weight: NonNegative = 1.0
    """Weight of the share of the task's true demonstrations that the program reproduces."""
    length_weight: NonNegative = 0.0
    """Weight of being short: 1 - target tokens / length_normalizer, at least 0."""
    age_weight: NonNegative = 0.0
    """Weight of being new: iteration / age_normalizer, at most 1."""
    distance_weight: NonNegative = 0.0
    """Weight of being near: 1 - the share of cells that differ from the task's true outputs."""
    use_priority: bool = True
    """Whether draws follow the priority; if not, all experiences are equally likely (ablation
    A3)."""
    length_normalizer: PositiveCount = 100
    """Target tokens from which on a program earns nothing for being short."""
    age_normalizer: PositiveCount = 100
    """Iteration from which on all experiences count as equally new."""

    def __post_init__(self) -> None:
        weights = ("demonstration_weight", "length_weight", "age_weight", "distance_weight")
        if self.use_priority and not any(getattr(self, name) for name in weights):
            raise ValueError(
                f"{', '.join(weights)} are all 0; allowed: at least one above 0, "
                "or use_priority=False"
            )


def priority(
    settings: ReplaySettings,
    demonstration_share: npt.ArrayLike,
    num_target_tokens: npt.ArrayLike,
    iteration: npt.ArrayLike,
    distance: npt.ArrayLike = 0.0,
) -> Floats:
    """The priority of experiences: a weighted mean of four terms from 0 to 1, plus 1e-19.

    Args:
        demonstration_share: share of the parent task's true demonstrations that the program
            reproduces, 0 to 1.
        num_target_tokens: length of the program in tokens.
        iteration: the meta-iteration the experience comes from; 0 before the first.
        distance: mean share of the cells that differ from the true outputs, 0 to 1.
    Returns:
        float64, of the shape that the arguments have when broadcast.
    Raises:
        ValueError: an argument is out of range; the message gives its position and value.
    Source: CodeIt (arXiv 2402.04858) for the first term; its code for the others.
    """
    share = reals("demonstration_share", demonstration_share, 1.0)
    length = reals("num_target_tokens", num_target_tokens)
    age = reals("iteration", iteration)
    apart = reals("distance", distance, 1.0)
    share, length, age, apart = np.broadcast_arrays(share, length, age, apart)
    if not settings.use_priority:
        return np.ones(share.shape)
    brevity = 1 - np.minimum(length / settings.length_normalizer, 1)
    novelty = np.minimum(age / settings.age_normalizer, 1)
    weights = [
        *(settings.demonstration_weight, settings.length_weight),
        *(settings.age_weight, settings.distance_weight),
    ]
    # By a power of two, so that the sum of the largest floats is one, too.
    scaled = np.ldexp(weights, -math.frexp(max(weights))[1])
    terms = np.stack([share, brevity, novelty, 1 - apart])
    return np.tensordot(scaled / sum(scaled), terms, 1) + LEAST_PRIORITY


@dataclass(frozen=True)
class Added:
    """What became of the experiences of one `add`."""

    num_inserted: int
    num_updated: int
    num_replaced: int
    num_refused: int


@dataclass(frozen=True, eq=False)
class Batch:
    """Drawn experiences with their ids end to end, seed and mutated ones first.

    The order inside each half is that of the buffer, not random: whoever trains on it shuffles.
    """

    source_ids: Ids
    source_offsets: Offsets
    target_ids: Ids
    target_offsets: Offsets
    origin: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.origin)


@dataclass(frozen=True)
class Statistics:
    """What a buffer holds. A mean over no experiences is 0."""

    num_seed: int
    num_mutated: int
    num_policy: int
    num_elsewhere: int
    num_searched: int
    mean_mutated_priority: float
    """Over seed and mutated experiences."""
    mean_policy_priority: float
    """Over all others."""
    priorities: Mapping[str, Mapping[str, int]]
    """How many experiences of each `Origin` are in each of PRIORITY_RANGES."""
    num_bytes: int
    """Memory of both halves, spare room included."""


class ReplayBuffer:
    """Experiences under (parent task, program), drawn by priority.

    Any thread may call any method; calls wait for each other.
    """

    def __init__(self, settings: ReplaySettings) -> None:
        self.settings = settings
        self._mutated = native.PriorityBuffer(settings.capacity)
        self._policy = native.PriorityBuffer(settings.capacity)
        # The native buffers work without the interpreter's lock, and the slots of a draw must
        # still stand when their ids are gathered.
        self._lock = threading.Lock()

    @classmethod
    def load(cls, path: Path, settings: ReplaySettings) -> "ReplayBuffer":
        """The buffer that `save` wrote, which draws and evicts as that one would have.

        Raises:
            ValueError: the file is damaged or no such file, or holds more than the capacity.
            OSError: it cannot be read.
        """
        buffer = cls(settings)
        read_buffers(path, buffer._halves())
        return buffer

    def save(self, path: Path) -> None:
        """Write all experiences to a file, which appears whole or not at all."""
        with self._lock:
            write_buffers(path, self._halves())

    def _halves(self) -> dict[str, native.PriorityBuffer]:
        return {"mutated": self._mutated, "policy": self._policy}

    def __len__(self) -> int:
        with self._lock:
            return len(self._mutated) + len(self._policy)

    def add(
        self,
        task_digests: Sequence[str],
        programs: Sequence[str],
        *,
        origin: Origin,
        iteration: int,
        demonstration_share: npt.ArrayLike,
        source_ids: npt.ArrayLike,
        source_offsets: npt.ArrayLike,
        target_ids: npt.ArrayLike,
        target_offsets: npt.ArrayLike,
        distance: npt.ArrayLike = 0.0,
    ) -> Added:
        """Store experiences in order; one with a known task and program replaces what was known.

        Args:
            task_digests: what identifies the parent task of each: `Task.digest`, not its name.
            programs: what identifies the program of each, however it is written: `Program.key`.
            origin: who wrote all of them; it decides the half they live in.
            iteration: the meta-iteration all of them come from.
            demonstration_share: see `priority`; [N], or one number for all.
            source_ids: prompt tokens, 0 to 65535, laid end to end; at most 65535 a prompt.
            source_offsets: [N + 1], not descending.
            target_ids: program tokens, likewise.
            target_offsets: [N + 1], not descending.
            distance: see `priority`; [N], or one number for all.
        Raises:
            ValueError: an argument is malformed; nothing was stored.
        """
        size = len(task_digests)
        origin = Origin(integer("origin", origin, 0, len(Origin) - 1))
        iteration = integer("iteration", iteration, 0, MAX_INT)
        source_offsets = integers("source_offsets", source_offsets, np.int64)
        target_offsets = integers("target_offsets", target_offsets, np.int64)
        if target_offsets.shape != (size + 1,):
            raise ValueError(
                f"target_offsets has shape {target_offsets.shape}; expected ({size + 1},)"
            )
        for name, values in (("demonstration_share", demonstration_share), ("distance", distance)):
            if np.shape(values) not in ((), (size,)):
                raise ValueError(f"{name} has shape {np.shape(values)}; expected () or ({size},)")
        columns = (
            native.make_keys(task_digests, programs),
            priority(
                self.settings, demonstration_share, np.diff(target_offsets), iteration, distance
            ),
            np.full(size, iteration, np.int32),
            np.full(size, origin, np.uint8),
            integers("source_ids", source_ids, np.uint16),
            source_offsets,
            integers("target_ids", target_ids, np.uint16),
            target_offsets,
        )
        half = self._mutated if origin in (Origin.seed, Origin.mutated) else self._policy
        with self._lock:
            fates = half.upsert(*columns)
        return Added(
            num_inserted=int(np.count_nonzero(fates == native.INSERTED)),
            num_updated=int(np.count_nonzero(fates == native.UPDATED)),
            num_replaced=int(np.count_nonzero(fates == native.REPLACED)),
            num_refused=int(np.count_nonzero(fates == native.REFUSED)),
        )

    def draw(self, num_mutated: int, num_policy: int, seed: int) -> Batch:
        """Draw experiences from each half without replacement, in proportion to priority.

        Args:
            num_mutated: how many seed and mutated ones; all of them when there are fewer.
            num_policy: how many of the policy's; all of them when there are fewer.
            seed: 0 or more; the same content and seed give the same experiences.
        """
        num_mutated = integer("num_mutated", num_mutated, 0)
        num_policy = integer("num_policy", num_policy, 0)
        # One seed for each half, or a program known in both would be drawn in both.
        seeds = np.random.SeedSequence(integer("seed", seed, 0)).generate_state(2, np.uint64)
        parts = []
        with self._lock:
            for half, size, half_seed in (
                (self._mutated, num_mutated, seeds[0]),
                (self._policy, num_policy, seeds[1]),
            ):
                slots = half.draw(size, int(half_seed))
                parts.append((*half.gather(slots), half.columns(slots)[3]))
        mutated, policy = parts
        return Batch(
            source_ids=np.concatenate([mutated[0], policy[0]]),
            source_offsets=np.concatenate([mutated[1], policy[1][1:] + mutated[1][-1]]),
            target_ids=np.concatenate([mutated[2], policy[2]]),
            target_offsets=np.concatenate([mutated[3], policy[3][1:] + mutated[3][-1]]),
            origin=np.concatenate([mutated[4], policy[4]]),
        )

    def statistics(self) -> Statistics:
        """What the buffer holds, counted anew."""
        with self._lock:
            mutated, policy = self._mutated.statistics(), self._policy.statistics()
            bounds = np.array([*_RANGES.values()][:-1])
            counts = self._mutated.count_priorities(bounds)
            counts += self._policy.count_priorities(bounds)
        num_by_origin = mutated["num_by_origin"] + policy["num_by_origin"]
        return Statistics(
            num_seed=int(num_by_origin[Origin.seed]),
            num_mutated=int(num_by_origin[Origin.mutated]),
            num_policy=int(num_by_origin[Origin.policy]),
            num_elsewhere=int(num_by_origin[Origin.elsewhere]),
            num_searched=int(num_by_origin[Origin.searched]),
            mean_mutated_priority=mutated["priority_sum"] / max(mutated["size"], 1),
            mean_policy_priority=policy["priority_sum"] / max(policy["size"], 1),
            priorities={
                one.name: dict(zip(PRIORITY_RANGES, counts[one].tolist(), strict=True))
                for one in Origin
            },
            num_bytes=mutated["num_bytes"] + policy["num_bytes"],
        )
