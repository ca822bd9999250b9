"""Every byte of a run comes from one region of fixed size, and any request to it may be refused.

The native code can be told to refuse the k-th request of a run and all after it. Each must end the
run as out_of_memory, whatever was under way, and leave the machine as it was.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from codeit import Limits, Outcome, Program, run
from codeit._native import vm
from codeit.language import load_seed_programs

GRID = np.arange(40, dtype=np.uint8).reshape(8, 5) * 7 % 10
LIMITS = Limits(fuel=10_000_000, max_bytes=64 << 20)
MAX_VALUES = 100_000
NEVER = 0

# What the seed programs do little of: functions, values of all kinds, sorting, sets of sets.
OTHERS = {
    "closures": "x1 = rbind(add, ONE)\nx2 = chain(x1, x1, x1)\nx3 = fork(astuple, x2, x1)\n"
    "x4 = power(x3, ONE)\nx5 = matcher(x4, TWO)\nx6 = interval(ZERO, TEN, ONE)\n"
    "x7 = apply(x4, x6)\nx8 = sfilter(x6, x5)\nO = astuple(x7, x8)",
    "sets of sets": "x1 = objects(I, T, T, F)\nx2 = initset(x1)\nx3 = insert(I, x2)\n"
    "x4 = product(x3, x3)\nx5 = merge(x2)\nx6 = combine(x5, x1)\nx7 = order(x6, size)\n"
    "x8 = totuple(x4)\nO = astuple(x7, x8)",
    "mixed elements": "x1 = initset(ONE)\nx2 = insert(T, x1)\nx3 = insert(UNITY, x2)\n"
    "x4 = insert(I, x3)\nx5 = insert(x3, x4)\nx6 = difference(x5, x1)\nx7 = remove(UNITY, x6)\n"
    "x8 = totuple(x7)\nx9 = dedupe(x8)\nO = mostcommon(x9)",
    "a wide patch": "x1 = hupscale(I, TEN)\nx2 = hupscale(x1, FOUR)\nx3 = asobject(x2)\n"
    "x4 = shift(x3, UNITY)\nx5 = intersection(x3, x4)\nx6 = normalize(x5)\nO = paint(x2, x6)",
}


def programs():
    seeds = {found.task_id: found.program for found in load_seed_programs(None, "codeit")[::12]}
    return {**{name: Program.parse(text) for name, text in OTHERS.items()}, **seeds}


def trial(program, fail_after, is_plain=False):
    """Outcome code, line, fuel and the values of all lines."""
    native = LIMITS._native()
    return vm.run_and_print_one(program, GRID, native, True, MAX_VALUES, is_plain, fail_after)


@pytest.mark.parametrize("is_plain", [False, True], ids=["fast", "plain"])
@pytest.mark.parametrize("program", programs().values(), ids=programs().keys())
def test_every_request_for_memory_may_be_refused(program, is_plain):
    free = trial(program, NEVER, is_plain)
    assert free[0] < Outcome.recursion  # ok, or an exception of the language
    line, fuel = 0, 0
    for k in range(1, 100_000):
        refused = trial(program, k, is_plain)
        if refused[0] != Outcome.out_of_memory:
            break
        assert line <= refused[1] <= free[1]
        assert fuel <= refused[2] <= free[2]
        line, fuel = refused[1:3]
        # Lines that came to an end returned what they always return.
        done = zip(refused[3][: line - 1], free[3], strict=False)
        assert all(mine in (wanted, "") for mine, wanted in done)
    assert k > free[1]  # each line needs memory, or nearly
    assert refused == free
    assert trial(program, NEVER, is_plain) == free


@pytest.mark.parametrize("program", programs().values(), ids=programs().keys())
def test_fuel_that_ends_anywhere_leaves_the_lines_before_as_they_are(program):
    """A set whose elements were under way when it ended was printed from memory never written."""

    def values_of_lines(fuel):
        native = Limits(fuel=fuel, max_bytes=64 << 20)._native()
        return vm.run_and_print_one(program, GRID, native, True, MAX_VALUES)

    _, _, need, free = values_of_lines(1 << 40)
    for fuel in range(0, need, max(1, need // 1000)):
        outcome, line, used, texts = values_of_lines(fuel)
        assert (outcome, used) == (Outcome.out_of_fuel, fuel)
        done = zip(texts[: line - 1], free, strict=False)
        assert all(mine in (wanted, "") for mine, wanted in done)


def test_refused_requests_leak_nothing():
    chosen = list(programs().values())

    def refuse_each():
        for program in chosen:
            for k in range(1, 200):
                trial(program, k)

    def num_pages():
        return int(Path("/proc/self/statm").read_text().split()[1])

    refuse_each()  # what is kept for later runs is there now
    before = num_pages()
    for _ in range(4):
        refuse_each()
    num_runs = 4 * 199 * len(chosen)
    assert (num_pages() - before) * os.sysconf("SC_PAGE_SIZE") < 16 * num_runs


HUNGRY = {
    "repeat": "x1 = multiply(TEN, TEN)\nx2 = multiply(x1, x1)\nx3 = multiply(x2, TEN)\n"
    "x4 = repeat(ONE, x3)\nx5 = fork(combine, identity, identity)\nx6 = power(x5, TEN)\nO = x6(x4)",
    "product": "x1 = asobject(I)\nx2 = product(x1, x1)\nx3 = product(x2, x1)\n"
    "x4 = product(x3, x1)\nO = product(x4, x1)",
    "upscale": "x1 = rbind(upscale, TWO)\nx2 = multiply(TEN, TEN)\nx3 = power(x1, x2)\nO = x3(I)",
    "sets": "x1 = asindices(I)\nx2 = apply(initset, x1)\nx3 = product(x2, x1)\n"
    "x4 = product(x3, x2)\nx5 = product(x4, x1)\nO = order(x5, identity)",
}


@pytest.mark.skipif(
    "libasan" in os.environ.get("LD_PRELOAD", ""), reason="a sanitizer takes memory of its own"
)
@pytest.mark.parametrize("text", HUNGRY.values(), ids=HUNGRY.keys())
def test_a_process_grows_by_no_more_than_max_bytes(text):
    max_bytes = 256 << 20
    slack = 12 << 20  # orders kept from run to run, the log of changes, and the interpreter
    limits = Limits(fuel=1 << 40, max_bytes=max_bytes)
    assert run(Program.parse(text), GRID, limits).outcome == Outcome.out_of_memory
    measure = f"""
from codeit import Limits, Program, run
def peak():
    (line,) = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
    return int(line.split()[1]) << 10
program, grid = Program.parse({text!r}), {GRID.tolist()}
run(program, grid, Limits(fuel=100))
before = peak()
run(program, grid, Limits(fuel=1 << 40, max_bytes={max_bytes}))
print(peak() - before)
"""
    done = subprocess.run([sys.executable, "-P", "-c", measure], capture_output=True, text=True)
    assert max_bytes // 8 < int(done.stdout) < max_bytes + slack


@pytest.mark.skipif(
    "libasan" in os.environ.get("LD_PRELOAD", ""), reason="a sanitizer takes memory of its own"
)
@pytest.mark.parametrize("kept_bytes", [0, 32 << 20, 128 << 20])
def test_a_process_keeps_no_more_than_kept_bytes_of_what_a_run_has_touched(kept_bytes):
    slack = 12 << 20
    measure = f"""
from codeit import Limits, Program, run
def resident():
    (line,) = [line for line in open("/proc/self/status") if line.startswith("VmRSS")]
    return int(line.split()[1]) << 10
program, grid = Program.parse({HUNGRY["repeat"]!r}), {GRID.tolist()}
limits = Limits(fuel=1 << 40, max_bytes={256 << 20}, kept_bytes={kept_bytes})
run(program, grid, Limits(fuel=100))
before = resident()
print(run(program, grid, limits).outcome.name, resident() - before)
"""
    done = subprocess.run([sys.executable, "-P", "-c", measure], capture_output=True, text=True)
    outcome, grown = done.stdout.split()
    assert outcome == "out_of_memory"
    assert kept_bytes // 4 <= int(grown) + slack < kept_bytes + 2 * slack


def test_results_do_not_depend_on_kept_bytes():
    for text in (*HUNGRY.values(), *OTHERS.values()):
        native = [
            Limits(fuel=5_000_000, max_bytes=64 << 20, kept_bytes=kept)._native()
            for kept in (0, 64 << 20)
        ]
        for_each = [
            vm.run_and_print_one(Program.parse(text), GRID, limits, True, MAX_VALUES)
            for limits in native
            for _ in range(2)
        ]
        assert all(result == for_each[0] for result in for_each)
