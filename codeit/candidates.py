"""Programs that reproduce a demonstration of a task, and what they answer to its tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from codeit.execution.executor import Limits, execute_groups
from codeit.execution.results import Results
from codeit.grids import grid_digest
from codeit.language import Program
from codeit.tasks.scoring import Candidate
from codeit.tasks.task import Task


def find_candidates(
    task: Task, programs: Sequence[Program], results: Results, threads: int, limits: Limits
) -> list[Candidate]:
    """The programs that are right on a demonstration, with what they make of the tests.

    Args:
        results: of the programs on the demonstrations.
    """
    num_right = results.match([d.output for d in task.demonstrations]).sum(axis=1)
    chosen = np.flatnonzero(num_right).tolist()
    if not chosen:
        return []
    groups = [([programs[p] for p in chosen], [test.input for test in task.tests])]
    on_tests = execute_groups(groups, threads, limits)[0]
    is_right = on_tests.match([test.output for test in task.tests]).tolist()
    candidates = []
    for k, p in enumerate(chosen):
        grids = [on_tests.grid(k, i) for i in range(len(task.tests))]
        verdicts = zip(task.tests, is_right[k], strict=True)
        candidates.append(
            Candidate(
                task_id=task.task_id,
                task_digest=task.digest,
                program=programs[p].text,
                key=programs[p].key,
                num_right=int(num_right[p]),
                num_demonstrations=len(task.demonstrations),
                predictions=tuple(None if grid is None else grid_digest(grid) for grid in grids),
                tests_right=tuple(None if t.output is None else right for t, right in verdicts),
            )
        )
    return candidates
