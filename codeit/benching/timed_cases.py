"""What pytest runs for `codeit bench`: one test for each case, with pytest-benchmark's fixture."""

from __future__ import annotations

from typing import Any

import pytest

from codeit.benching.timing import Timed


def test_case(timed: Timed, benchmark: Any) -> None:
    """The output of a case is looked at before its time counts, and once more after it."""
    case = timed.case
    timed.fault = case.check(case.call())
    if not timed.fault:
        if case.prepare is None:
            result = benchmark(case.work)
        else:
            prepare = case.prepare
            result = benchmark.pedantic(
                case.work, setup=lambda: ((prepare(),), {}), rounds=timed.rounds
            )
        timed.fault = case.check(result)
    if timed.fault:
        pytest.fail(timed.fault)
    timed.stats = benchmark.stats.stats
