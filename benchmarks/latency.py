"""How long does one call from Python take, whatever it does inside?

The question: what do the calls that a person or the loop makes most often cost, each on a small
input, in time of the processor? Results are checked. pytest-benchmark repeats each call, prints
least, median and spread, and compares with earlier measurements (`--benchmark-autosave`,
`--benchmark-compare`).

    python -m pytest benchmarks/latency.py
"""

import time

import numpy as np
import pytest

from codeit import Outcome, Program, execute, run, trace
from codeit.execution.executor import call_canonical as call
from codeit.policy.sampling.constraint import ProgramConstraint
from codeit.policy.tokenizer import CompactTokenizer

pytestmark = pytest.mark.benchmark(timer=time.process_time)

TEXT = "x1 = objects(I, T, T, T)\nx2 = argmax(x1, size)\nO = subgrid(x2, I)"
GRID = np.array([[0, 0, 1], [0, 2, 2], [3, 2, 0]], np.uint8)
ANSWER = [[0, 2], [2, 2]]
NUM_PROGRAMS = 24
"""As many as an iteration samples for a task."""


@pytest.fixture
def program():
    return Program.parse(TEXT)


@pytest.fixture
def tokenizer():
    return CompactTokenizer()


def test_parse(benchmark):
    assert len(benchmark(Program.parse, TEXT)) == 3


def test_run(benchmark, program):
    result = benchmark(run, program, GRID)
    assert result.outcome == Outcome.ok
    assert result.grid.shape == (2, 2)


def test_run_on_lists(benchmark, program):
    assert benchmark(run, program, GRID.tolist()).grid.shape == (2, 2)


def test_trace(benchmark, program):
    assert len(benchmark(trace, program, GRID)[1]) == 3


def test_call_of_a_primitive(benchmark):
    assert benchmark(call, "add", [1, 2]).value_json() == 3


def test_execute_the_samples_of_a_task(benchmark, program):
    programs = [program] * NUM_PROGRAMS
    results = benchmark(execute, programs, [GRID] * 3, 1)
    assert results.shape == (NUM_PROGRAMS, 3)
    assert not results.outcome.any()


def test_match(benchmark, program):
    results = execute([program] * NUM_PROGRAMS, [GRID] * 3, 1)
    target = results.grid(0, 0)
    assert benchmark(results.match, [target, None, GRID]).sum() == NUM_PROGRAMS


def test_ids_of_a_prompt(benchmark, tokenizer):
    assert len(benchmark(tokenizer.encode_inputs, [GRID] * 3, 512)) > 10


def test_ids_of_a_program(benchmark, tokenizer):
    ids = benchmark(tokenizer.encode_program, Program.parse(TEXT))
    assert tokenizer.decode_program(ids) == TEXT


def test_step_of_the_grammar(benchmark, tokenizer):
    constraint = ProgramConstraint(tokenizer, "typed", NUM_PROGRAMS)
    constraint.begin(100)
    assert benchmark(constraint.masks).any(axis=1).all()
