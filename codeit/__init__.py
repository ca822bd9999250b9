"""codeit teaches a language model to solve ARC tasks by programs that it writes itself.

The names here are the executor and the language; they need neither torch nor a GPU. The loop is
`codeit.runs.loop`, the command line `codeit --help`.
"""

from codeit import language as dsl
from codeit.execution.executor import Limits, call, execute, execute_groups, run, trace
from codeit.execution.results import Outcome, Result, Results
from codeit.language import Program, ProgramError
from codeit.tasks import datasets as arc
from codeit.version import __version__

__all__ = [
    "Limits",
    "Outcome",
    "Program",
    "ProgramError",
    "Result",
    "Results",
    "__version__",
    "arc",
    "call",
    "dsl",
    "execute",
    "execute_groups",
    "run",
    "trace",
]
