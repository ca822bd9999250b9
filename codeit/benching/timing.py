"""Has pytest-benchmark time cases, in this process."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeit.benching.case import Case

NEEDED = "pytest_benchmark"
_PLUGINS = ("cacheprovider", "faulthandler", "logging", "warnings", "doctest", "junitxml")
"""pytest's own, which have nothing to do here."""


@dataclass
class Timed:
    """A case, and what came of it.

    Attributes:
        rounds: how often it is timed at least.
        stats: pytest-benchmark's; None where the case was not timed.
        fault: what is wrong with its output; "" where nothing is.
    """

    case: Case
    rounds: int
    stats: Any = None
    fault: str = ""


class Asked:
    """What was asked of pytest-benchmark by its own options, and what it said.

    Attributes:
        said: what pytest and pytest-benchmark have printed.
        code: pytest's exit code.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = list(words)
        self.said = ""
        self.code = 0


def check_installed() -> None:
    """Raise ValueError where pytest-benchmark is missing."""
    if importlib.util.find_spec(NEEDED) is None:
        raise ValueError(
            "pytest-benchmark is not installed, and takes the times; pip install pytest-benchmark"
        )


def time_cases(
    cases: Sequence[Case],
    rounds: int,
    seconds: float,
    asked: Asked,
    on_timed: Callable[[Timed], None],
) -> list[Timed]:
    """Time cases one after the other.

    Args:
        rounds: how often a case is timed at least.
        seconds: how long a case is timed about, where its calls are short.
        on_timed: told of each case when it is done.
    Raises:
        ValueError: pytest-benchmark does not know a word.
    """
    import pytest
    from pytest_benchmark.session import PerformanceRegression

    all_timed = [Timed(case, rounds) for case in cases]

    class Plugin:
        def pytest_generate_tests(self, metafunc: Any) -> None:
            metafunc.parametrize("timed", [_parameter(timed) for timed in all_timed])

        def pytest_runtest_logfinish(self) -> None:
            done = next(remaining, None)
            if done is not None:
                with contextlib.redirect_stdout(shown):
                    on_timed(done)

        def pytest_exception_interact(self, call: Any) -> None:
            error = call.excinfo.value
            if not isinstance(error, pytest.fail.Exception):
                raised.append(error)

    remaining = iter(all_timed)
    raised: list[BaseException] = []
    shown, said = sys.stdout, io.StringIO()
    words = [
        *("-q", "-s", "--tb=no", "--assert=plain", "-c", os.devnull, "--noconftest"),
        *(f"--rootdir={Path.cwd()}", "-p", NEEDED + ".plugin"),
        *(word for name in _PLUGINS for word in ("-p", f"no:{name}")),
        f"--benchmark-min-rounds={rounds}",
        f"--benchmark-max-time={seconds}",
        str(Path(__file__).with_name("timed_cases.py")),
    ]
    with (
        tempfile.TemporaryDirectory(prefix="codeit-bench-") as nowhere,
        _alone(),
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
    ):
        # Where nothing is to be kept, its folder is made all the same.
        words += asked.words or ["--benchmark-quiet", f"--benchmark-storage={nowhere}"]
        try:
            asked.code = int(pytest.main(words, plugins=[Plugin()]))
        except PerformanceRegression:  # of --benchmark-compare-fail
            asked.code = 1
    asked.said = said.getvalue()
    if raised:
        raise raised[0]
    if asked.code == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if asked.code not in (0, 1) and not any(timed.stats or timed.fault for timed in all_timed):
        lines = [line for line in asked.said.splitlines() if line.strip()]
        fault = next((line for line in lines if "error:" in line), lines[-1] if lines else "")
        raise ValueError(f"pytest-benchmark: {fault.partition('error:')[2].strip() or fault}")
    return all_timed


def timer_of(case: Case) -> Callable[[], float]:
    """What its time is taken by: on one thread, others on the machine change it little."""
    is_alone = case.threads == 1 and case.device == "cpu"
    return time.process_time if is_alone else time.perf_counter


def _parameter(timed: Timed) -> Any:
    """A case for pytest, with the timer that its time is taken by."""
    import pytest

    case = timed.case
    mark = pytest.mark.benchmark(timer=timer_of(case), group="codeit bench")
    return pytest.param(timed, id=case.name, marks=mark)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Without what the environment has for other tests."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("PYTEST_")]:
        del os.environ[name]
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
