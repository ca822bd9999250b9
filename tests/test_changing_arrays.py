"""Arrays that somebody changes while native code reads them: results may be wrong, memory is safe.

Each case runs in a process of its own, which a read or write out of bounds would end.
"""

import contextlib
import subprocess
import sys
import threading

import numpy as np
import pytest

import codeit._native.decoding as decoding
import codeit._native.replay as replay
import codeit._native.text as text
import codeit._native.vm as vm
from codeit import Limits, Program
from codeit.language import STANDARD
from codeit.policy.tokenizer import CompactTokenizer

FAR = (1 << 50) - 1
SIZE = 100_000


def race(call, array, hostile, rounds=300):
    """Call while another thread changes an array, to and fro."""
    valid = array.copy()
    is_done = threading.Event()

    def change():
        while not is_done.is_set():
            array[...] = hostile
            array[...] = valid

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(rounds):
            with contextlib.suppress(ValueError):
                call()
    finally:
        is_done.set()
        thread.join()


def filled(size=1000):
    buffer = replay.PriorityBuffer(size)
    ids, offsets = np.arange(size, dtype=np.uint16), np.arange(size + 1)
    keys = replay.make_keys(["task"] * size, [str(k) for k in range(size)])
    ones = np.ones(size, np.uint8)
    buffer.upsert(keys, np.ones(size), ones.astype(np.int32), ones, ids, offsets, ids, offsets)
    return buffer


def race_slots(name):
    buffer, slots = filled(), np.zeros(SIZE, np.int64)
    race(lambda: getattr(buffer, name)(slots), slots, FAR)


def begun(size):
    rows = text.AutomatonRows(
        text.ProgramAutomaton(CompactTokenizer().spelling(), True, STANDARD), size
    )
    rows.begin(np.arange(size), np.full(size, 100, np.uint16))
    return rows


def race_begin():
    rows, chosen, limits = begun(4), np.zeros(SIZE, np.int64), np.full(SIZE, 100, np.uint16)
    race(lambda: rows.begin(chosen, limits), chosen, FAR)


def attend(rows, keys, tokens):
    positions = np.zeros(tokens, np.int32)
    projected = np.full((tokens, 3, 2, 16), 1e9, np.float32)
    out = np.zeros((tokens, 2, 16), np.float32)
    bias = np.zeros((2, 32), np.float32)
    decoding.attend(projected, rows, positions, bias, keys, keys.copy(), out)


def race_attend():
    rows, keys = np.zeros(5_000, np.int32), np.zeros((2, 2, 32, 16), np.float32)
    race(lambda: attend(rows, keys, 5_000), rows, 1 << 30)


def attend_with_rows_inside_of_keys():
    keys = np.zeros((2, 2, 32, 16), np.float32)
    rows = keys.reshape(-1).view(np.int32)
    for begin in range(0, 64):
        keys[...] = 0
        attend(rows[begin : begin + 500], keys, 500)


def race_prompts():
    writer = CompactTokenizer()._prompt_writer
    shared = np.zeros((1 << 16, 900), np.uint8)  # so much is written to without Python's lock
    grid = shared.reshape(-1)[:900].reshape(30, 30)
    opening = np.array([1], np.uint16)
    race(lambda: writer.write(opening, [grid] * 100, 1 << 20), shared, 255)


def race_grids():
    program = Program.parse("x1 = mostcolor(I)\nx2 = objects(I, T, F, F)\nO = fill(I, x1, x2)")
    grid = np.zeros((30, 30), np.uint8)
    limits = Limits()._native()
    groups = [([program] * 100, [grid] * 10)]
    race(lambda: vm.run_groups(groups, limits, 1, True, no_array), grid, 255, 50)


def no_array(grid, k):
    raise ValueError(f"grid {k}")


def race_lists():
    program = Program.parse("x1 = objects(I, T, F, F)\nO = canvas(ZERO, UNITY)").text
    limits = Limits(fuel=10_000)._native()
    programs, grids = [], []
    is_done = threading.Event()

    def clear():
        while not is_done.is_set():
            programs.clear()
            grids.clear()

    thread = threading.Thread(target=clear)
    thread.start()
    for _ in range(50):
        programs[:] = [Program.parse(program) for _ in range(200)]
        grids[:] = [np.zeros((30, 30), np.uint8) for _ in range(20)]
        vm.run_groups([(programs, grids)], limits, 1, True, None)
    is_done.set()
    thread.join()


CASES = {
    "slots of gather": lambda: race_slots("gather"),
    "slots of offsets": lambda: race_slots("offsets"),
    "rows of begin": race_begin,
    "rows of attend": race_attend,
    "rows of attend inside of keys": attend_with_rows_inside_of_keys,
    "grids of prompts": race_prompts,
    "grids of programs": race_grids,
    "lists of programs and grids": race_lists,
}


@pytest.mark.parametrize("name", CASES)
def test_memory_is_safe_whoever_changes_what_native_code_reads(name):
    done = subprocess.run(
        [sys.executable, __file__, name], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]


if __name__ == "__main__":
    CASES[sys.argv[1]]()
