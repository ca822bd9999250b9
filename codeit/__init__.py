"""codeit teaches a language model to solve ARC tasks by programs that it writes itself.

The names here are the executor, the language, the minimiser, the search, and the policy, which
alone needs torch. The loop is `codeit.runs.loop`, the command line `codeit --help`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from codeit import language as dsl
from codeit.execution.calling import CallError, call
from codeit.execution.executor import Limits, execute, execute_groups, run, trace
from codeit.execution.results import Outcome, Result, Results
from codeit.execution.values import Function
from codeit.language import Program, ProgramError
from codeit.minimising.minimiser import minimise
from codeit.tasks import datasets as arc
from codeit.tasks.task import Example, Task
from codeit.version import __version__

if TYPE_CHECKING:
    from codeit.policy.policy import Policy
    from codeit.policy.sampling.settings import SamplingSettings
    from codeit.primitives.decorator import primitive
    from codeit.searching.search import search
    from codeit.searching.settings import SearchSettings
    from codeit.solving.solver import Solver
    from codeit.solving.submission import Submission
else:
    # Loaded when they are asked for: settings need pydantic, a policy torch, which take long.
    _LATER = {
        "Policy": "codeit.policy.policy",
        "SamplingSettings": "codeit.policy.sampling.settings",
        "SearchSettings": "codeit.searching.settings",
        "Solver": "codeit.solving.solver",
        "Submission": "codeit.solving.submission",
        "primitive": "codeit.primitives.decorator",
        "search": "codeit.searching.search",
    }

    def __getattr__(name):
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = getattr(import_module(_LATER[name]), name)
        return globals()[name]


__all__ = [
    "CallError",
    "Example",
    "Function",
    "Limits",
    "Outcome",
    "Policy",
    "Program",
    "ProgramError",
    "Result",
    "Results",
    "SamplingSettings",
    "SearchSettings",
    "Solver",
    "Submission",
    "Task",
    "__version__",
    "arc",
    "call",
    "dsl",
    "execute",
    "execute_groups",
    "minimise",
    "primitive",
    "run",
    "search",
    "trace",
]
