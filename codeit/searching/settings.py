"""The settings of the search. All are counts, never seconds, so that a search repeats exactly."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from codeit._native import search
from codeit.ranges import MAX_SEED
from codeit.validation import Real, Whole, validated

METHODS = tuple(search.method_names())
"""The methods of the search, in the order in which they run first."""

MAX_EVALUATIONS = search.MOST_EVALUATIONS
"""The most that a task may be given: months of one core."""
MIN_MEMORY = search.LEAST_BYTES / 2**30
MAX_MEMORY = search.MOST_BYTES // 2**30
"""GiB."""


@validated
class SearchSettings:
    """How tasks are searched. What is found depends on these, the task and the corpus alone."""

    seed: Annotated[Whole, Field(ge=0, le=MAX_SEED)] = 0
    """Of all that the search draws."""
    evaluations: Annotated[Whole, Field(ge=1, le=MAX_EVALUATIONS)] = 100_000
    """How many calls of a primitive or closure, each on all examples of a task, a task is given."""
    memory: Annotated[Real, Field(ge=MIN_MEMORY, le=MAX_MEMORY)] = 1.0
    """GiB that the search of one task may use; every thread searches one task at a time."""
    methods: tuple[str, ...] = METHODS
    """Which methods run, some of METHODS; they run in its order."""
    leave_own_out: bool = False
    """Whether the programs that the corpus has for a task, under any id, are left out when it is
    searched: training tasks would be solved by a look at the answer."""

    def __post_init__(self) -> None:
        for name in self.methods:
            if name not in METHODS:
                raise ValueError(f"method {name!r} is unknown; allowed: {', '.join(METHODS)}")
        if len(set(self.methods)) < len(self.methods) or not self.methods:
            raise ValueError(
                f"methods are {list(self.methods)}; allowed: each at most once, and at least one"
            )
