"""codeit teaches a language model to solve ARC tasks by programs that it writes itself.

The names here are the executor and the language; they need neither torch nor a GPU. The loop is
`codeit.loop`, the command line `codeit --help`.
"""

from codeit import arc, dsl
from codeit.dsl import Program, ProgramError
from codeit.executor import Limits, call, execute, execute_groups, run, trace
from codeit.results import Outcome, Result, Results

__version__ = "0.1.0"

__all__ = [
    "Limits",
    "Outcome",
    "Program",
    "ProgramError",
    "Result",
    "Results",
    "arc",
    "call",
    "dsl",
    "execute",
    "execute_groups",
    "run",
    "trace",
]
