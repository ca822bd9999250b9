"""Why a run failed, in one line for people."""

from __future__ import annotations

from typing import Any

from codeit.execution.explained import ExplainedRun
from codeit.execution.results import Outcome
from codeit.explaining.values import text_of, type_in_words
from codeit.language import current


def why_failed(run: ExplainedRun, called: str) -> str:
    """How a failed run ended, where, which types met there, and which are taken.

    As `line 1: TypeError: operand of the wrong type; double met Grid, and takes Numerical`.

    Args:
        called: what the line calls that failed, as the program writes it.
    """
    result = run.result
    name = result.exception or result.outcome.name
    reason = f"line {result.line}: {name}: {result.outcome.message}"
    call = run.failed_call
    if call is None:
        return reason
    if not isinstance(call.function, dict):
        return f"{reason}; what was called is no function, but {type_in_words(call.function)}"
    function = text_of(call.function)
    inside = "" if called == function else f", within {called},"
    types = ", ".join(map(type_in_words, call.arguments)) or "nothing"
    takes = _taken_by(run, call.function) if result.outcome == Outcome.type_error else ""
    return f"{reason}; {function}{inside} met {types}{takes}"


def _taken_by(run: ExplainedRun, function: dict[str, Any]) -> str:
    """What a primitive takes, for one that was called with something else."""
    primitive = current().primitives.get(str(function.get("fn")))
    return f", and takes {', '.join(p.type for p in primitive.parameters)}" if primitive else ""


def called_by(line: str) -> str:
    """The name of what a line of a program's text calls."""
    return line.partition("=")[2].partition("(")[0].strip()
