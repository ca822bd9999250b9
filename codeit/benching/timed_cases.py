"""What pytest runs for `codeit bench`: one test for each case, with pytest-benchmark's fixture."""

from __future__ import annotations

from typing import Any

import pytest

from codeit.benching.timing import Timed

EXPECTED = (ValueError, OSError, MemoryError, ArithmeticError, RuntimeError)
"""Of what this package may raise for a model, or for memory that lacks; a peer may raise all."""


def test_case(timed: Timed, benchmark: Any) -> None:
    """The output of a case is looked at before its time counts, and once more after it."""
    case = timed.case
    try:
        timed.fault = case.check(case.call()) or _time(timed, benchmark)
    except Exception as error:
        if not case.beside and not isinstance(error, EXPECTED):
            raise
        timed.fault = " ".join(f"{type(error).__name__}: {error}".split())
    if timed.fault:
        pytest.fail(timed.fault)
    timed.stats = benchmark.stats.stats


def _time(timed: Timed, benchmark: Any) -> str:
    """What is wrong with the last output."""
    case, prepare = timed.case, timed.case.prepare
    if prepare is None:
        return case.check(benchmark(case.work))

    def setup() -> tuple[tuple[Any], dict[str, Any]]:
        return (prepare(),), {}

    return case.check(benchmark.pedantic(case.work, setup=setup, rounds=timed.rounds))
