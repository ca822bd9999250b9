"""Outcomes and values that CPython 3.11 gave for the plain definition of the language.

The files lie outside the repository, in the folder `data` of the shared data (the environment
variable CODEIT_SHARED, ../shared when it is not set); without them these tests are skipped. Of the
mutants every third is compared, all other rows in full.

Not compared are rows that ran out of time or memory in the reference, values too large to be in the
file, sets with two or more members that hold a function or None (CPython orders them by address),
and EXEMPT.
"""

import gzip
import json

import numpy as np
import pytest

from codeit import Outcome, Program, ProgramError, execute
from codeit.execution.executor import call_canonical as call

EXEMPT = {"m008293": "paints what a set of functions returns, in the order of their addresses"}
EVERY = {"golden_orig": 1, "golden_mutants": 3, "golden_wild": 1, "golden_calls": 1}


@pytest.fixture(scope="module")
def data(shared):
    folder = shared / "data"
    if not (folder / "golden_orig.jsonl.gz").exists():
        pytest.skip(f"there are no golden files in {folder} (CODEIT_SHARED)")
    return folder


@pytest.fixture(scope="module")
def grids(data):
    with gzip.open(data / "golden_grids.json.gz", "rt") as file:
        return [np.array(rows, dtype=np.uint8) for rows in json.load(file)]


def rows_of(data, name):
    with gzip.open(data / f"{name}.jsonl.gz", "rt") as file:
        for k, line in enumerate(file):
            if k % EVERY[name] == EVERY[name] // 2:
                yield json.loads(line)


def has_address(value):
    """Whether a value in canonical form is or holds something that CPython hashes by address."""
    if isinstance(value, list):
        return any(map(has_address, value[1:]))
    return value is None or value == "fn"


def is_ordered_by_address(value):
    if not isinstance(value, list):
        return False
    tag, *items = value
    is_such_a_set = tag == "s" and len(items) > 1 and any(map(has_address, items))
    return is_such_a_set or any(map(is_ordered_by_address, items))


def is_comparable(row, k):
    wanted = row["out"][k]
    is_value_or_error = "ok" in wanted or "err" in wanted
    is_fixed = k not in row.get("nondet", []) and not is_ordered_by_address(wanted.get("ok"))
    return is_value_or_error and is_fixed and row["id"] not in EXEMPT


def told_apart(text):
    """A program in which every repeat of a call has one more blank at its end, as the checker
    wants it; the reference ran the files' texts without it."""
    seen = []
    lines = []
    for line in text.split("\n"):
        _, call_text = line.split(" = ")
        lines.append(line + " " * seen.count(call_text))
        seen.append(call_text)
    return "\n".join(lines)


def outcome_of(result):
    """As the files write it."""
    if result.outcome == Outcome.ok:
        return {"ok": result.value_json()}
    return {"err": result.exception or result.outcome.name}


def differences(data, name, grids):
    """What differs in one file of programs, and how many outcomes were compared."""
    different = []
    num_compared = 0
    for row in rows_of(data, name):
        compared = [k for k in range(len(row["out"])) if is_comparable(row, k)]
        num_compared += len(compared)
        try:
            program = Program.parse(told_apart(row["program"]), dialect=row["dialect"])
        except ProgramError:
            # An unknown name, which fails at its line in the reference.
            different += [(row["id"], k) for k in compared if "err" not in row["out"][k]]
            continue
        results = execute([program], [grids[row["inputs"][k]] for k in compared])
        for i, k in enumerate(compared):
            if repr(outcome_of(results[0, i])) != repr(row["out"][k]):
                different.append((row["id"], k))
    return different, num_compared


def test_the_400_original_programs(data, grids):
    different, num_compared = differences(data, "golden_orig", grids)
    assert different == []
    assert num_compared > 1600


def test_mutants(data, grids):
    different, num_compared = differences(data, "golden_mutants", grids)
    assert different == []
    assert num_compared > 20_000 // EVERY["golden_mutants"]


def test_wild_programs(data, grids):
    different, num_compared = differences(data, "golden_wild", grids)
    assert different == []
    assert num_compared > 6_000 // EVERY["golden_wild"]


def test_calls(data):
    different = []
    num_compared = 0
    for row in rows_of(data, "golden_calls"):
        result = call(row["f"], row["a"], dialect=row["d"])
        wanted = {"err": row["e"]} if "e" in row else {"ok": row["r"]}
        num_compared += 1
        if repr(outcome_of(result)) != repr(wanted):
            different.append((row["f"], row["a"]))
    assert different == []
    assert num_compared > 25_000 // EVERY["golden_calls"]
