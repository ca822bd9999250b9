"""Words of a command line that say how programs run."""

from __future__ import annotations

from codeit.execution.executor import MAX_THREADS, num_usable_cores
from codeit.terminal.arguments import Parser, whole_number


def add_threads(parser: Parser, what: str) -> None:
    """Add `--threads`, which says how many of something are worked on at a time."""
    parser.add_argument(
        "--threads",
        type=_threads,
        default="0",
        metavar="T",
        help=f"how many {what} at a time (default 0, as many as there are cores)",
    )


def _threads(text: str) -> int:
    """A type of an argument."""
    return whole_number(0, MAX_THREADS)(text) or num_usable_cores()
