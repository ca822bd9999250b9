"""Which mutants are made, and how far."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from codeit.execution.executor import MAX_FUEL, Limits
from codeit.mutation import MutationSettings
from codeit.ranges import MAX_SEED
from codeit.validation import Count, NonNegative, PositiveCount, Whole, validated

MAX_PROGRAMS = 10**9
"""How many mutants can be asked for."""
MUTANT_FUEL = 200_000
"""What a run of a mutant may use by default: of those that solve a task, hardly one needs more."""


@validated
class MutatingSettings:
    """How mutants are made; all that they are follows from it and the seed programs."""

    num_programs: Annotated[Whole, Field(ge=1, le=MAX_PROGRAMS)] = 19_200
    """Distinct valid mutants to make."""
    depth: Literal["1", "inf"] = "1"
    """1: each is one change away from a seed program; inf: mutants are mutated, too."""
    crossover: NonNegative = 0.0
    """Weight of taking an argument with its lines from another program, beside the weights of the
    other changes, which add up to 1."""
    seed: Annotated[Whole, Field(ge=0, le=MAX_SEED)] = 17
    """Everything random follows from it."""
    fuel: Annotated[Whole, Field(ge=0, le=MAX_FUEL)] = MUTANT_FUEL
    """What one run of a program may use (`Limits.fuel`)."""
    max_len: Annotated[Whole, Field(ge=1, lt=2**32)] | None = None
    """`Limits.max_len`; 1000 is the rule of the paper's code."""
    max_tries: PositiveCount = 100
    """Gives up after this many draws for each mutant wanted."""
    per_shard: PositiveCount = 48_000
    """Mutants that are made, scored and written together: those of one parent share their lines,
    and what is lost by a kill is made again."""
    curve_step: Count = 9_600
    """After how many mutants the solved tasks are counted each time; 0 for only in the end."""

    @property
    def limits(self) -> Limits:
        return Limits(fuel=self.fuel, max_len=self.max_len)

    @property
    def weights(self) -> tuple[float, float, float, float, float]:
        """As csrc/mutation/mutate.h has them; those of depth one are the paper's."""
        paper = MutationSettings()
        changes = paper.argument, paper.function, paper.definition
        return *changes, self.crossover, paper.new_variable
