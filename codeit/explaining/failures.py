"""Why a run failed, in one line for people."""

from __future__ import annotations

from codeit.execution.explained import ExplainedRun
from codeit.explaining.values import text_of, type_in_words


def why_failed(run: ExplainedRun, called: str) -> str:
    """How a failed run ended, where, and which types met there.

    As `line 3: TypeError: operand of the wrong type; crop met Grid, Boolean, IntegerTuple`.

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
    return f"{reason}; {function}{inside} met {types}"


def called_by(line: str) -> str:
    """The name of what a line of a program's text calls."""
    return line.partition("=")[2].partition("(")[0].strip()
