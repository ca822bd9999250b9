"""What the paper of the method reports, to stand beside a run: Butt and others, "CodeIt:
Self-Improving Language Models with Prioritized Hindsight Replay", 2024, arXiv 2402.04858.
"""

from __future__ import annotations

TASKS = "arc1-evaluation"
NUM_TASKS = 400

SOLVED = 59
"""Tasks that the paper's system solves in the end, by its rule, with what mutation solves."""
NUM_SAMPLES = 99 * NUM_TASKS * 24
"""Of 99 iterations with 24 for each task, as its configuration says."""

MUTATION = (
    (9_600, 28),
    (19_200, 32),
    (96_000, 39),
    (480_000, 41),
    (998_400, 42),
)
"""Of so many mutated programs, how many tasks are solved: the curve in the authors' repository."""

SOURCE = "Paper: arXiv 2402.04858, which gives 59 of 400 tasks in the end."
MUTATION_SOURCE = "The points of mutation are those of the curve in its authors' repository."
