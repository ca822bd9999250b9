"""An oracle: a plain evaluator of the language, as a second opinion on the native machine.

It is written from the description of the language alone and shares nothing with `csrc/`. It values
being read over being fast: the primitives stand in one file for each group of the language (the
sections of language.md 6), next to

- `machine.py`: the budget, the depth, the note of orders that hang on addresses, functions;
- `sets.py`: hashes, equality and the tables of frozensets;
- `ordering.py`: comparison, selection, sorting;
- `program.py`: programs and the canonical form of values.

Values are Python's ints, bools, None and tuples, `sets.FrozenSet` and `machine.Function`. An
exception of CPython is raised as that exception.
"""

from .machine import PRIMITIVES, BigInteger, OutOfBudget
from .program import LIMITS, Evaluation, evaluate, evaluate_call

__all__ = [
    "LIMITS",
    "PRIMITIVES",
    "BigInteger",
    "Evaluation",
    "OutOfBudget",
    "evaluate",
    "evaluate_call",
]
