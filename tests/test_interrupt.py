"""A signal ends native work that would go on for hours, and leaves nothing half done.

What must be interrupted would take hours, and what is allowed for it a minute: only work that does
not look at signals fails here, however slow the machine.
"""

import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

from codeit import Limits, Program, execute
from codeit._native import mutation
from codeit.language import load_seed_programs

SECONDS = 60  # for a child that has to notice a signal

# 10^12 calls of a function, in the memory of one number.
ENDLESS = """
n = multiply(TEN, TEN)
f1 = power(increment, n)
f2 = power(f1, n)
f3 = power(f2, n)
f4 = power(f3, n)
f5 = power(f4, n)
f6 = power(f5, n)
O = f6(ONE)
""".strip()

START = f"""
import signal, sys, threading
import numpy as np
import codeit
from codeit import Limits, Program, execute, run, trace
from codeit.execution.executor import call_canonical as call
from codeit._native import mutation

ENDLESS = Program.parse({ENDLESS!r})
LIMITS = Limits(fuel=1 << 62)
GRID = np.ones((3, 3), np.uint8)

def alarm(seconds=0.2):
    "Ctrl-C after some time."
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, seconds)
"""


def child(text, *arguments):
    """What a Python process does with the text: its exit code and what it printed."""
    script = START + textwrap.dedent(text)
    try:
        ended = subprocess.run(
            [sys.executable, "-c", script, *arguments],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        pytest.fail(f"the signal was not answered within {SECONDS} seconds")
    return ended.returncode, ended.stdout, ended.stderr


WORKS = {
    "run": "run(ENDLESS, GRID, LIMITS)",
    "one of many programs": (
        "execute([Program.parse('O = hmirror(I)'), ENDLESS], [GRID], 1, LIMITS)"
    ),
    "more threads": "execute([ENDLESS] * 40, [GRID], 3, LIMITS)",
    "a thread that has nothing left to do": (
        "execute([Program.parse('O = hmirror(I)')] * 12 + [ENDLESS], [GRID], 2, LIMITS)"
    ),
    "trace": "trace(ENDLESS, GRID, LIMITS)",
    "minimise": "codeit.minimise(ENDLESS, [GRID], limits=LIMITS)",
    "the types of a parent's lines": "mutation.MutationParent(ENDLESS, GRID, LIMITS._native())",
}
# A function of which each level does a hundred times what the one below does.
FUNCTION = "{'fn': 'increment'}"
for _ in range(6):
    FUNCTION = f"{{'fn': ['power', {FUNCTION}, 100]}}"
WORKS["call"] = f"call('apply', [{FUNCTION}, ['t', 1]], limits=LIMITS)"


@pytest.mark.parametrize("name", WORKS)
def test_a_signal_ends_what_would_take_hours(name):
    code, out, err = child(
        f"""
        result = None
        alarm()
        try:
            result = {WORKS[name]}
        except KeyboardInterrupt:
            print("interrupted", result)
        # The machines are as good as new.
        print(run(Program.parse("O = hmirror(I)"), [[1], [2]]).grid.tolist())
        """
    )
    assert (code, out, err) == (0, "interrupted None\n[[2], [1]]\n", "")


def test_a_command_that_is_interrupted_leaves_with_130(tmp_path):
    program, task = tmp_path / "program.txt", tmp_path / "task.json"
    program.write_text(ENDLESS)
    task.write_text('{"train": [{"input": [[1]], "output": [[1]]}], "test": [{"input": [[1]]}]}')
    code, out, err = child(
        """
        from codeit import cli
        alarm(1.0)
        sys.exit(cli.main(["run", sys.argv[1], "--task", sys.argv[2], "--fuel", str(1 << 62)]))
        """,
        str(program),
        str(task),
    )
    assert (code, out, err) == (130, "", "")


def test_a_handler_that_raises_something_else_ends_the_work_with_that():
    code, out, err = child(
        """
        class Late(Exception):
            pass

        def late(*_):
            raise Late("too late")

        signal.signal(signal.SIGALRM, late)
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        try:
            run(ENDLESS, GRID, LIMITS)
        except Late as error:
            print(error)
        """
    )
    assert (code, out, err) == (0, "too late\n", "")


def test_a_daemon_thread_at_work_does_not_keep_python_from_ending():
    code, out, err = child(
        """
        thread = threading.Thread(target=run, args=(ENDLESS, GRID, LIMITS), daemon=True)
        thread.start()
        thread.join(0.3)
        print("done")
        """
    )
    assert (code, out, err) == (0, "done\n", "")


class Handled:
    """Counts the signals that were handled while the block ran, one every few milliseconds."""

    def __enter__(self):
        self.count = 0
        self._before = signal.signal(signal.SIGALRM, self._handle)
        signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
        return self

    def _handle(self, *_):
        self.count += 1

    def __exit__(self, *_):
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._before)


def test_signals_are_handled_while_mutants_are_drawn():
    # Of which there are none, as no other function takes what this one does: they take no memory.
    parent = Program.parse("O = objects(I, T, T, T)")
    native = mutation.MutationParent(parent, np.ones((1, 1), np.uint8), Limits()._native())
    weights = (0.0, 1.0, 0.0, 0.0)
    with Handled() as signals:
        programs = mutation.mutate_many(
            Program, native, weights, np.arange(1 << 22, dtype=np.uint64)
        )
        handled = signals.count
    assert len(programs) == 1 << 22
    assert handled >= 3


@pytest.mark.parametrize("threads", [1, 2])
def test_signals_that_end_nothing_change_nothing(threads):
    programs = [seed.program for seed in load_seed_programs()[:60]]
    grids = [np.arange(900).reshape(30, 30) * 7919 % 10, np.ones((4, 4), np.uint8)]
    quiet = execute(programs, grids, threads)
    with Handled() as signals:
        while signals.count == 0:
            results = execute(programs, grids, threads)
    for name in ("outcome", "fuel", "height", "width"):
        assert np.array_equal(getattr(results, name), getattr(quiet, name))


def test_limits_hold_to_the_unit_beyond_a_block_of_fuel():
    # Signals are looked at for every 2^22 units.
    program = Program.parse("\n".join([*ENDLESS.split("\n")[:4], "O = f3(ONE)"]))
    grid = np.ones((1, 1), np.uint8)
    needed = execute([program], [grid], 1, Limits(fuel=1 << 40)).fuel[0, 0]
    assert needed > 1 << 22
    for fuel, outcome in ((needed, 0), (needed - 1, 12), ((1 << 22) + 1, 12), (1 << 22, 12)):
        result = execute([program], [grid], 1, Limits(fuel=int(fuel)))
        assert (result.outcome[0, 0], result.fuel[0, 0]) == (outcome, fuel)


def test_a_thread_that_is_not_the_main_one_works_to_its_end():
    program = Program.parse("O = hmirror(I)")
    found = []
    with Handled():
        thread = threading.Thread(
            target=lambda: found.append(
                execute([program] * 200_000, [np.ones((2, 2), np.uint8)], 2)
            )
        )
        thread.start()
        while thread.is_alive():
            time.sleep(0.001)
    assert (found[0].outcome == 0).all()
