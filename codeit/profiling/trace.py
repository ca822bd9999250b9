"""A trace that chrome://tracing and Perfetto show: every part of every stage, by thread."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from codeit.runs.timeline import Span

_PROCESS = "codeit"


def chrome_trace(
    spans: Sequence[Span], thread: int, kernels: Iterable[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """As an object of a JSON file.

    Args:
        spans: of the stages.
        thread: the one that puts them together, which comes first.
        kernels: events of torch's profiler, in microseconds on the same clock.
    """
    threads = sorted({span.thread for span in spans}, key=lambda one: one != thread)
    numbers = {one: number for number, one in enumerate(threads)}
    events: list[Mapping[str, Any]] = [_name("process_name", 0, "the stages of an iteration")]
    for one, number in numbers.items():
        name = "puts the stages together" if one == thread else f"beside it, thread {number}"
        events.append(_name("thread_name", number, name))
    events += [
        {
            "name": span.stage,
            "cat": "stage",
            "ph": "X",
            "ts": round(span.begin * 1e6, 1),
            "dur": round((span.end - span.begin) * 1e6, 1),
            "pid": _PROCESS,
            "tid": numbers[span.thread],
        }
        for span in spans
    ]
    return {"traceEvents": [*events, *kernels], "displayTimeUnit": "ms"}


def _name(kind: str, number: int, name: str) -> dict[str, Any]:
    return {"name": kind, "ph": "M", "pid": _PROCESS, "tid": number, "args": {"name": name}}
