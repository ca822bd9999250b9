"""The oracle against sources of its own: CPython's sets and sorting, the rows of primitives/*.txt,
and a sample of what CPython gave for whole programs (the golden files, see test_golden.py)."""

import gzip
import json
import random
import sys

import oracle
import pytest
from oracle.ordering import sort
from oracle.sets import FrozenSet, hash_of, signed
from test_golden import is_comparable
from test_primitives import ROWS, parse, unordered

from codeit import Outcome
from codeit.language import CONSTANTS, PRIMITIVES

EVERY = {"golden_calls": 40, "golden_orig": 40, "golden_mutants": 200, "golden_wild": 40}
MAX_STEPS = 300_000
SEED = 20240817
EXCEPTIONS = {outcome.name: outcome.exception for outcome in Outcome}


@pytest.fixture(autouse=True)
def _no_end_of_steps():
    """For tests that build values themselves, outside of an evaluation."""
    oracle.machine.machine.start("codeit", 10**9)


def rows_of(shared, name):
    path = shared / "data" / f"{name}.jsonl.gz"
    if not path.exists():
        pytest.skip(f"there is no {path}")
    with gzip.open(path, "rt") as file:
        for k, line in enumerate(file):
            if k % EVERY[name] == EVERY[name] // 2:
                yield json.loads(line)


# ---- The tables of sets and the order of sorting against CPython's own


def random_value(source, depth=2):
    kind = source.randrange(4 if depth else 1)
    if kind == 0:
        return source.choice((source.randint(-3, 40), source.randint(-(2**62), 2**62)))
    size = source.randrange(4)
    items = tuple(random_value(source, depth - 1) for _ in range(size))
    return frozenset(items) if kind == 3 else items


def of_oracle(value):
    """A value of CPython as one of the oracle; the order of a frozenset may change."""
    if isinstance(value, tuple):
        return tuple(of_oracle(item) for item in value)
    if isinstance(value, frozenset):
        return FrozenSet.of(of_oracle(item) for item in value)
    return value


def named(value):
    """A text of a value of either kind that says nothing of the order of its sets."""
    if isinstance(value, tuple):
        return f"t({', '.join(map(named, value))})"
    if isinstance(value, frozenset | FrozenSet):
        return f"s({', '.join(sorted(map(named, value)))})"
    return repr(value)


def test_hashes_are_those_of_cpython():
    source = random.Random(SEED)
    for _ in range(2000):
        value = random_value(source)
        assert hash_of(of_oracle(value)) == hash(value), value


def test_hashes_from_the_description():
    assert hash_of((3, (1, 2))) == 4013510278211148175
    assert hash_of(FrozenSet.of([FrozenSet()])) == -6993584179861130285
    assert signed((1 << 64) - 1) == -1


@pytest.mark.parametrize("num_items", [3, 8, 40, 200])
def test_sets_show_the_order_of_cpython(num_items):
    source = random.Random(SEED + num_items)
    for _ in range(400 // num_items + 20):
        items = [random_value(source, 1) for _ in range(num_items)]
        more = [random_value(source, 1) for _ in range(source.randint(0, num_items))]
        more += source.sample(items, source.randint(0, len(items)))
        a, b = frozenset(items), frozenset(more)
        x, y = (FrozenSet.of(of_oracle(i) for i in part) for part in (items, more))
        for mine, theirs in (
            (x, a),
            (x.copy(), set(a)),
            (x.union(y), a | b),
            (x & y, a & b),
            (x & x, a & a),
            (x - y, a - b),
            ((x - y).copy(), frozenset(set(a - b))),
            (x - (x & y), a - (a & b)),
        ):
            assert [*map(named, mine)] == [*map(named, theirs)]


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="3.13 finds runs in another way")
@pytest.mark.parametrize("num_items", [2, 20, 63, 64, 150, 700])
def test_sorting_by_a_partial_order_takes_the_same_steps_as_cpython(num_items):
    source = random.Random(SEED + num_items)
    for num_colors in (3, 6, 12):
        keys = [
            frozenset(source.sample(range(num_colors), source.randrange(num_colors)))
            for _ in range(num_items)
        ]
        if source.random() < 0.5:
            keys[: num_items // 2] = sorted(keys[: num_items // 2], key=len)
        numbers = range(num_items)
        mine = [FrozenSet.of(key) for key in keys]
        assert list(sort(numbers, mine.__getitem__)) == sorted(numbers, key=keys.__getitem__)


@pytest.mark.parametrize("num_items", [100, 1000])
def test_sorting_numbers_is_stable_and_gallops(num_items):
    source = random.Random(SEED)
    blocks = [sorted(source.choices(range(50), k=num_items // 8)) for _ in range(8)]
    numbers = [number for block in blocks for number in block]
    places = range(len(numbers))
    assert list(sort(places, numbers.__getitem__)) == sorted(places, key=numbers.__getitem__)


# ---- Primitives and programs


def test_the_oracle_knows_the_whole_language():
    assert oracle.PRIMITIVES.keys() == PRIMITIVES.keys()
    for name, primitive in PRIMITIVES.items():
        assert oracle.PRIMITIVES[name].arity == primitive.arity, name
    values = {name: constant.value for name, constant in CONSTANTS.items()}
    assert repr(oracle.program.CONSTANTS) == repr(values)


def test_the_rows_of_the_primitives():
    different = []
    num_compared = 0
    for row in ROWS:
        name, *arguments = parse(row.call)["fn"]
        for dialect in row.dialects:
            end = oracle.evaluate_call(name, arguments, dialect, MAX_STEPS)
            if end.is_limit:
                continue
            num_compared += 1
            if row.sign == "!":
                is_equal = end.exception is not None
                is_equal &= end.exception == EXCEPTIONS[row.expected]
            else:
                wanted = unordered(parse(row.expected))
                is_equal = end.exception is None and unordered(end.value) == wanted
            if not is_equal:
                different.append((row.id, dialect, end))
    assert different == []
    assert num_compared > 0.98 * len(ROWS)


def test_calls(shared):
    num_compared = 0
    for row in rows_of(shared, "golden_calls"):
        end = oracle.evaluate_call(row["f"], row["a"], row["d"], MAX_STEPS)
        if end.is_limit:
            continue
        num_compared += 1
        wanted = (row.get("r"), row.get("e"))
        assert repr((end.value, end.exception)) == repr(wanted), (row["f"], row["a"])
    assert num_compared > 25_000 // EVERY["golden_calls"]


@pytest.mark.parametrize(
    ("name", "at_least"), [("golden_orig", 38), ("golden_mutants", 110), ("golden_wild", 140)]
)
def test_programs(shared, name, at_least):
    with gzip.open(shared / "data" / "golden_grids.json.gz", "rt") as file:
        grids = json.load(file)
    num_compared = 0
    for row in rows_of(shared, name):
        for k, wanted in enumerate(row["out"]):
            if not is_comparable(row, k):
                continue
            grid = grids[row["inputs"][k]]
            end = oracle.evaluate(row["program"], grid, row["dialect"], MAX_STEPS)
            if end.is_limit or end.has_ordered_functions or end.has_ordered_none:
                continue
            num_compared += 1
            mine = {"err": end.exception} if end.exception else {"ok": end.value}
            assert repr(mine) == repr(wanted), (row["id"], k)
    assert num_compared >= at_least


# ---- Limits and notes


@pytest.mark.parametrize(
    "lines",
    [
        "x1 = fork(vconcat, identity, identity)\nx2 = power(x1, TEN)\nx3 = power(x2, TEN)\n"
        "O = x3(I)",
        "x1 = fork(astuple, identity, identity)\nx2 = multiply(TEN, FOUR)\nx3 = power(x1, x2)\n"
        "x4 = x3(I)\nx5 = x3(I)\nO = equality(x4, x5)",
        "x1 = power(double, TEN)\nx2 = power(x1, FIVE)\nx3 = x2(ONE)\nO = interval(ZERO, x3, ONE)",
    ],
)
def test_a_runaway_program_ends_out_of_budget(lines):
    end = oracle.evaluate(lines, [[1]], max_steps=MAX_STEPS)
    assert end.exception == "OutOfBudget"
    assert end.is_limit


def test_the_last_step_of_a_budget_may_be_used():
    ends = [oracle.evaluate("O = first(I)", [[1]], "codeit", steps) for steps in range(6)]
    is_limit = [end.is_limit for end in ends]
    assert is_limit == sorted(is_limit, reverse=True)
    assert is_limit[0]
    assert ends[-1].value == ["t", 1]


def test_integers_end_at_64_bits():
    largest = "x1 = power(double, TEN)\nx2 = power(x1, SIX)\nx3 = x2(ONE)\n"
    small = "x4 = power(double, TWO)\nO = x4(x3)"
    assert oracle.evaluate(largest + small, [[1]]).value == 1 << 62
    too_large = "x4 = power(double, THREE)\nO = x4(x3)"
    assert oracle.evaluate(largest + too_large, [[1]]).exception == "BigInteger"


@pytest.mark.parametrize(
    ("lines", "is_ordered"),
    [
        ("x1 = initset(size)\nO = first(x1)", False),
        ("x1 = initset(size)\nx2 = insert(first, x1)\nO = size(x2)", False),
        ("x1 = initset(size)\nx2 = insert(first, x1)\nO = totuple(x2)", True),
        ("x1 = initset(size)\nx2 = insert(ONE, x1)\nO = first(x2)", True),
        ("x1 = astuple(size, ONE)\nx2 = initset(x1)\nx3 = insert(ONE, x2)\nO = first(x3)", True),
        ("x1 = astuple(ONE, ONE)\nx2 = initset(x1)\nx3 = insert(ONE, x2)\nO = first(x3)", False),
    ],
)
def test_an_order_that_hangs_on_functions_is_noted(lines, is_ordered):
    assert oracle.evaluate(lines, [[1]]).has_ordered_functions == is_ordered
