"""Limits, and programs that would use up time, memory or stack without them.

A hostile program ends with an outcome like any other. Most run here with a tenth of the default
fuel, so that the suite stays quick.
"""

import contextlib

import numpy as np
import pytest

from codeit import Limits, Outcome, Program, execute, run
from codeit.execution.executor import call_canonical as call

GRID = np.arange(40).reshape(8, 5) * 7 % 10
LITTLE_FUEL = Limits(fuel=4_000_000)
BILLION = 10**9
REFUSED_BY_A_LIMIT = {Outcome.out_of_fuel, Outcome.out_of_memory}

# Programs of many kinds, all of which succeed on GRID with the default limits.
SPREAD = {
    "mirror": "O = hmirror(I)",
    "a row of pairs": "x1 = astuple(ONE, TWO)\nx2 = multiply(THREE, TEN)\nO = repeat(x1, x2)",
    "a set of cells": "O = asobject(I)",
    "moved cells": "x1 = asobject(I)\nx2 = shift(x1, UNITY)\nO = shift(x2, DOWN)",
    "objects": "x1 = objects(I, T, F, T)\nx2 = order(x1, size)\nx3 = first(x2)\nO = subgrid(x3, I)",
    "partition": "x1 = partition(I)\nx2 = apply(size, x1)\nO = maximum(x2)",
    "bools": "x1 = lbind(equality, ZERO)\nx2 = lbind(apply, x1)\nO = apply(x2, I)",
    "filled": "x1 = asindices(I)\nO = fill(I, T, x1)",
    "product": "x1 = palette(I)\nx2 = product(x1, x1)\nO = product(x2, x1)",
    "sorted": "x1 = asobject(I)\nO = order(x1, identity)",
    "box": "x1 = ofcolor(I, SEVEN)\nx2 = outbox(x1)\nO = fill(I, FIVE, x2)",
    "upscaled": "O = upscale(I, THREE)",
    "split": "x1 = vsplit(I, TWO)\nO = last(x1)",
    "power": "x1 = power(double, TEN)\nO = x1(ONE)",
    "merged": "x1 = repeat(I, TEN)\nO = merge(x1)",
    "compressed": "O = compress(I)",
    "occurrences": "x1 = ofcolor(I, SEVEN)\nx2 = recolor(SEVEN, x1)\nO = occurrences(I, x2)",
}


def fn(name, *arguments):
    """A primitive, or what one returns for some arguments, as an argument of call."""
    return {"fn": [name, *arguments] if arguments else name}


def one(text, grid=((1, 2), (3, 4)), limits=None):
    return run(Program.parse(text), grid, limits=limits)


def all_of(result):
    grid = None if result.grid is None else result.grid.tolist()
    return result.outcome, grid, result.value_json() if result.outcome == Outcome.ok else None


# ---- Fuel


@pytest.mark.parametrize("text", SPREAD.values(), ids=SPREAD.keys())
def test_a_run_needs_exactly_the_fuel_that_it_says(text):
    program = Program.parse(text)
    free = run(program, GRID)
    assert free.outcome == Outcome.ok
    enough = run(program, GRID, Limits(fuel=free.fuel))
    assert enough.fuel == free.fuel
    assert all_of(enough) == all_of(free)
    short = run(program, GRID, Limits(fuel=free.fuel - 1))
    assert (short.outcome, short.grid, short.fuel) == (Outcome.out_of_fuel, None, free.fuel - 1)


@pytest.mark.parametrize("text", SPREAD.values(), ids=SPREAD.keys())
def test_less_fuel_than_needed_is_never_enough(text):
    program = Program.parse(text)
    need = run(program, GRID).fuel
    for fuel in range(0, need, max(1, need // 60)):
        result = run(program, GRID, Limits(fuel=fuel))
        assert result.outcome == Outcome.out_of_fuel
        assert result.fuel == fuel


def test_a_failing_run_fails_alike_with_any_fuel_that_is_enough():
    program = Program.parse("x1 = asobject(I)\nx2 = divide(ONE, ZERO)\nO = size(x1)")
    need = run(program, GRID).fuel
    assert run(program, GRID, Limits(fuel=need)).outcome == Outcome.zero_division
    assert run(program, GRID, Limits(fuel=need - 1)).outcome == Outcome.out_of_fuel


def test_fuel_of_a_batch_is_for_each_run():
    program = Program.parse(SPREAD["objects"])
    fuel = run(program, GRID).fuel
    for limit, outcome in ((fuel, Outcome.ok), (fuel - 1, Outcome.out_of_fuel)):
        results = execute([program] * 20, [GRID] * 3, limits=Limits(fuel=limit))
        assert (results.outcome == outcome).all()


# ---- Memory


@pytest.mark.parametrize("text", SPREAD.values(), ids=SPREAD.keys())
def test_little_memory_changes_nothing_but_whether_it_is_enough(text):
    program = Program.parse(text)
    wanted = all_of(run(program, GRID))
    enough = 1 << 12
    while run(program, GRID, Limits(max_bytes=enough)).outcome != Outcome.ok:
        enough *= 2
    for max_bytes in {*range(1 << 12, enough, max(16, enough // 64 // 16 * 16)), enough}:
        result = run(program, GRID, Limits(max_bytes=max_bytes))
        if result.outcome != Outcome.ok:
            assert result.outcome == Outcome.out_of_memory
            assert result.grid is None
        else:
            assert all_of(result) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "x1 = astuple(ONE, TWO)\nO = repeat(x1, TEN)",
        "x1 = repeat(T, TWO)\nO = repeat(x1, NINE)",
        "x1 = hsplit(I, TEN)\nx2 = first(x1)\nO = asobject(x2)",
        "x1 = hsplit(I, TEN)\nO = merge(x1)",
    ],
)
def test_a_run_that_leaves_no_memory_still_has_its_result(text):
    # Inputs longer and longer: some leave just enough memory for the run.
    program = Program.parse(text)
    num_ok = 0
    for length in range(1, 4000, 15):
        grid = np.ones((1, length), dtype=np.uint8)
        tight = run(program, grid, Limits(max_bytes=1 << 12))
        if tight.outcome == Outcome.ok:
            num_ok += 1
            assert all_of(tight) == all_of(run(program, grid)), length
        else:
            assert tight.outcome == Outcome.out_of_memory
    assert 0 < num_ok < 4000 // 15


@pytest.mark.parametrize("max_bytes", [1 << 12, 1 << 16, 1 << 20])
def test_no_program_gets_more_memory_than_allowed(max_bytes):
    # An item takes 16 bytes.
    limits = Limits(max_bytes=max_bytes)
    assert call("repeat", [1, max_bytes // 32], limits=limits).outcome == Outcome.ok
    assert call("interval", [0, max_bytes // 32, 1], limits=limits).outcome == Outcome.ok
    assert call("repeat", [1, max_bytes // 16], limits=limits).outcome == Outcome.out_of_memory
    assert call("interval", [0, max_bytes // 16, 1], limits=limits).outcome == Outcome.out_of_memory


# ---- Depth


def power_program(shortage):
    """power(increment, 1000 - shortage) called on 0; the shortage is a constant's name."""
    thousand = "x1 = multiply(TEN, TEN)\nx2 = multiply(x1, TEN)"
    return f"{thousand}\nx3 = subtract(x2, {shortage})\nx4 = power(increment, x3)\nO = x4(ZERO)"


def nested_program(levels, bind, wrap):
    """`levels` functions, each of which applies the one before it to the items of its argument."""
    lines = ["f0 = identity(identity)", "v0 = repeat(ONE, ONE)"]
    for k in range(1, levels + 1):
        lines.append(f"f{k} = {bind.format(f'f{k - 1}')}")
        lines.append(f"v{k} = {wrap.format(f'v{k - 1}')}")
    return "\n".join([*lines, f"O = f{levels}(v{levels})"])


def equal_program(levels, first, wrap):
    """Whether two values of the same make, nested that deep, are equal."""
    lines = [f"a1 = {first}", f"b1 = {first} "]
    for k in range(2, levels + 1):
        lines += [f"{v}{k} = {wrap.format(f'{v}{k - 1}')}" for v in "ab"]
    return "\n".join([*lines, f"O = equality(a{levels}, b{levels})"])


def test_functions_may_be_nested_as_deep_as_in_cpython():
    assert one(power_program("THREE")).value_json() == 997
    assert one(power_program("TWO")).exception == "RecursionError"


@pytest.mark.parametrize(
    ("bind", "wrap"),
    [("lbind(apply, {})", "repeat({}, ONE)"), ("rbind(order, {})", "repeat({}, ONE)")],
)
def test_a_function_over_a_container_costs_three_levels(bind, wrap):
    # The function itself, the primitive, and the stream or the sort that calls the next function.
    assert one(nested_program(332, bind, wrap)).outcome == Outcome.ok
    assert one(nested_program(333, bind, wrap)).exception == "RecursionError"


@pytest.mark.parametrize(
    ("first", "wrap", "deepest"),
    [("astuple(ONE, ONE)", "repeat({}, ONE)", 997), ("initset(ONE)", "initset({})", 996)],
)
def test_values_are_compared_as_deep_as_in_cpython(first, wrap, deepest):
    assert one(equal_program(deepest, first, wrap)).value_json() is True
    assert one(equal_program(deepest + 1, first, wrap)).exception == "RecursionError"


@pytest.mark.parametrize("max_depth", [1, 2, 10, 50])
def test_max_depth_counts_nested_calls(max_depth):
    limits = Limits(max_depth=max_depth)
    calls = [fn("power", fn("increment"), max_depth)]
    assert one("O = size(I)", limits=limits).outcome == Outcome.ok
    deepest = call("valmax", [["t"], *calls], limits=Limits(max_depth=max_depth + 1))
    assert deepest.value_json() == max_depth
    assert call("valmax", [["t"], *calls], limits=limits).outcome == Outcome.recursion


def test_the_largest_depth_is_safe():
    limits = Limits(max_depth=4_000)
    nested = fn("power", fn("initset"), 3_900)
    assert call("valmax", [["t"], fn("power", fn("increment"), 3_900)], limits=limits).value_json()
    assert call("apply", [nested, ["t", 1]], limits=limits).outcome == Outcome.ok
    trees = [fn("first", fn("apply", nested, ["t", 1])) for _ in range(2)]
    assert call("equality", trees, limits=limits).value_json() is True
    assert call("greater", trees, limits=limits).value_json() is False
    assert call("power", [fn("identity"), 4_001], limits=limits).outcome == Outcome.recursion


WRAPS = ["initset({})", "repeat({}, ONE)", "astuple({}, ONE)"]
WRAPPERS = {
    "initset({})": "identity(initset)",
    "repeat({}, ONE)": "rbind(repeat, ONE)",
    "astuple({}, ONE)": "rbind(astuple, ONE)",
}
MOST_LINES = 16_000  # that wrap; a program has no more than 32,766


def wrapping(levels, wrap, make):
    """The text that `make(levels, wrap)` returns, with ten levels a line where there are many."""
    if levels <= MOST_LINES:
        return make(levels, wrap)
    once = [f"once = {WRAPPERS[wrap]}", "tenfold = power(once, TEN)"]
    return "\n".join([*once, make(levels // 10, "tenfold({})")])


def nested_value(levels, wrap, last):
    """A program that wraps its input that often and ends with the line `last`."""
    lines = [f"x{k} = {wrap.format(f'x{k - 1}' if k else 'I')}" for k in range(levels)]
    return "\n".join([*lines, "O = " + last.format(f"x{levels - 1}")])


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("levels", [900, 1_100, 3_900, 5_000, 100_000])
def test_values_may_be_nested_without_end(wrap, levels):
    result = one(wrapping(levels, wrap, lambda n, w: nested_value(n, w, "identity({})")))
    assert result.outcome == Outcome.ok
    if levels < 1_000:
        assert str(result.value_json()).count("[") == levels + 3
    elif levels < 4_000:  # how deep json reads depends on the version of Python
        with contextlib.suppress(ValueError):
            result.value_json()
    else:
        with pytest.raises(ValueError, match="nested too deeply"):
            result.value_json()


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("levels", [900, 3_900, 16_000, 50_000])
@pytest.mark.parametrize("max_depth", [997, 4_000])
def test_hashing_and_comparing_deep_values_ends_with_an_outcome(wrap, levels, max_depth):
    limits = Limits(max_depth=max_depth)
    hashed = wrapping(levels, wrap, lambda n, w: nested_value(n, w, "initset({})"))
    compared = wrapping(levels, wrap, lambda n, w: equal_program(n, "repeat(ONE, ONE)", w))
    for text in (hashed, compared):
        result = one(text, limits=limits)
        assert result.outcome in {Outcome.ok, Outcome.recursion}
        if levels < max_depth:
            assert result.outcome == Outcome.ok


def test_a_call_that_returns_a_deeply_nested_value_is_a_result():
    nested = fn("power", fn("initset"), 990)
    result = call("apply", [fn("compose", nested, nested), ["t", 1]])
    assert (result.outcome, result.grid) in [(Outcome.ok, None), (Outcome.recursion, None)]


def test_power_of_less_than_one_never_ends():
    for n in ("ZERO", "NEG_ONE", "F"):
        assert one(f"O = power(identity, {n})").exception == "RecursionError"


# ---- Values that share their parts

PAIR_OF_ITSELF = fn("fork", fn("astuple"), fn("identity"), fn("identity"))


def tree(levels):
    """A value of 2^levels leaves, held as `levels` pairs. Two calls build two objects."""
    return fn("first", fn("apply", fn("power", PAIR_OF_ITSELF, levels), ["t", 1]))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("equality", [tree(40), tree(40)]),
        ("greater", [tree(40), tree(40)]),
        ("initset", [tree(40)]),
        ("insert", [tree(40), ["s", 1]]),
        ("dedupe", [["t", tree(40), tree(40)]]),
        ("contained", [tree(40), ["t", tree(40)]]),
        ("contained", [tree(40), ["s", 1, 2, 3]]),
        ("remove", [tree(40), ["t", tree(40)]]),
        ("mostcommon", [["t", tree(40)]]),
        ("maximum", [["t", tree(40), tree(40)]]),
        ("order", [["t", tree(40), tree(40)], fn("identity")]),
        ("apply", [fn("matcher", fn("identity"), tree(40)), ["t", tree(40)]]),
        ("replace", [["t", ["t", tree(40)]], tree(40), 0]),
        ("palette", [["t", ["t", tree(40)]]]),
        ("product", [["t", tree(40)], ["t", 1]]),
        ("frontiers", [["t", ["t", tree(40), tree(40)]]]),
        ("objects", [["t", ["t", tree(40), 1]], True, True, True]),
        ("combine", [["s"], ["t", tree(40)]]),
    ],
)
def test_a_tree_of_2_to_the_40_leaves_is_charged_for(name, arguments):
    assert call(name, arguments, limits=LITTLE_FUEL).outcome == Outcome.out_of_fuel


def test_a_tree_of_2_to_the_40_leaves_is_cheap_to_hold():
    limits = Limits(fuel=2_500)
    held = call("identity", [tree(40)], limits=limits)
    assert held.outcome == Outcome.ok
    with pytest.raises(ValueError, match="more than 1000000 parts"):
        held.value_json()
    painted = call("fill", [["t", ["t", 1, 2]], tree(40), ["s", ["t", 0, 0]]], limits=limits)
    assert painted.outcome == Outcome.ok
    moved = call("shift", [["s", ["t", 1, 2]], ["t", tree(40), 1]], limits=limits)
    assert moved.exception == "TypeError"


def test_printing_a_set_that_no_one_looked_into_is_charged_for():
    result = call("vfrontier", [["t", 0, tree(40)]], limits=LITTLE_FUEL)
    assert result.outcome in {Outcome.ok, Outcome.out_of_fuel}
    with pytest.raises(ValueError, match=r"more than 1000000 parts|there is no value"):
        result.value_json()


def test_values_are_equal_to_themselves_at_no_cost():
    with_itself = fn("fork", fn("equality"), fn("identity"), fn("identity"))
    result = call("apply", [with_itself, ["t", ["t", tree(40), 1, 2]]], limits=LITTLE_FUEL)
    assert result.value_json() == ["t", True]


SETS_OF_SETS = {
    "all the sets before it": fn("fork", fn("insert"), fn("identity"), fn("identity")),
    "a pair of itself": fn("compose", fn("initset"), PAIR_OF_ITSELF),
    "itself and a set of it": fn(
        "fork", fn("combine"), fn("initset"), fn("compose", fn("initset"), fn("initset"))
    ),
}


@pytest.mark.parametrize("step", SETS_OF_SETS.values(), ids=SETS_OF_SETS.keys())
def test_sets_of_sets_of_sets_are_cheap_to_hold_and_charged_for_when_compared(step):
    made = [fn("first", fn("apply", fn("power", step, 40), ["t", ["s", 1]])) for _ in range(2)]
    limits = Limits(fuel=100_000)
    held = {"insert": [made[0], ["s"]], "greater": made, "merge": [["s", made[0]]]}
    for name, arguments in held.items():
        assert call(name, arguments, limits=limits).outcome == Outcome.ok
    for name in ("equality", "difference", "intersection"):
        assert call(name, made, limits=LITTLE_FUEL).outcome == Outcome.out_of_fuel


# ---- Functions of functions


@pytest.mark.parametrize("makes_items", [fn("initset"), PAIR_OF_ITSELF])
def test_a_function_that_calls_itself_without_end_ends_with_recursion(makes_items):
    # apply(f, {f}) for every f that it is given, itself among them.
    itself = fn("fork", fn("apply"), fn("identity"), makes_items)
    result = call("apply", [itself, ["t", itself]], limits=Limits(fuel=100_000))
    assert result.exception == "RecursionError"


def test_2_to_the_40_calls_end_in_a_limit():
    lines = ["x0 = fork(add, double, halve)"]
    lines += [f"x{k} = fork(add, x{k - 1}, x{k - 1})" for k in range(1, 41)]
    text = "\n".join([*lines, "O = x40(ONE)"])
    assert one(text, limits=LITTLE_FUEL).outcome == Outcome.out_of_fuel


# ---- Growth

WIDE_BLOCK = fn("asindices", fn("canvas", 0, ["t", 30, 200]))  # too wide for bits
GROWTH = {
    "powers of powers": [
        "apply",
        fn("power", fn("power", fn("power", fn("double"), 30), 30), 30),
        ["t", 1],
    ],
    "squares of squares": [
        "apply",
        fn("power", fn("fork", fn("multiply"), fn("identity"), fn("identity")), 60),
        ["t", 3],
    ],
    "a tuple joined to itself": [
        "apply",
        fn("power", fn("fork", fn("combine"), fn("identity"), fn("identity")), 60),
        ["t", ["t", 1, 2]],
    ],
    "products of products": [
        "apply",
        fn("power", fn("fork", fn("product"), fn("identity"), fn("identity")), 6),
        ["t", ["t", 1, 2]],
    ],
    "a product of long sides": ["product", fn("interval", 0, 9000, 1), fn("interval", 0, 9000, 1)],
    "a function on a long product": [
        "prapply",
        fn("add"),
        fn("interval", 0, 9000, 1),
        fn("interval", 0, 9000, 1),
    ],
    "grids of grids": [
        "apply",
        fn("power", fn("rbind", fn("upscale"), 9), 9),
        ["t", ["t", ["t", 1]]],
    ],
    "a long merge": ["mapply", fn("lbind", fn("repeat"), 1), fn("interval", 0, 9000, 1)],
    "all pairs of distances": ["manhattan", WIDE_BLOCK, fn("shift", WIDE_BLOCK, ["t", 90, 90])],
    "gravity": ["gravitate", WIDE_BLOCK, fn("shift", WIDE_BLOCK, ["t", 90, 90])],
    "all placements": [
        "occurrences",
        fn("canvas", 0, ["t", 200, 200]),
        fn("asobject", fn("canvas", 0, ["t", 100, 100])),
    ],
    "a long sort": ["order", fn("asindices", fn("canvas", 0, ["t", 500, 500])), fn("invert")],
    "objects of a chessboard": [
        "objects",
        fn("upscale", ["t", ["t", 0, 1], ["t", 1, 0]], 400),
        True,
        True,
        False,
    ],
}


@pytest.mark.parametrize("arguments", GROWTH.values(), ids=GROWTH.keys())
def test_growth_ends_in_a_limit(arguments):
    name, *rest = arguments
    result = call(name, rest, dialect="arc-dsl", limits=LITTLE_FUEL)
    assert result.outcome in {*REFUSED_BY_A_LIMIT, Outcome.integer_overflow}


CELL = ["s", ["t", 1, ["t", 0, 0]]]
FAR = [["t", 0, 0], ["t", BILLION, BILLION]]
FAR_CELLS = ["s", *(["t", 1, place] for place in FAR)]
HUGE = {
    "canvas": ["canvas", 0, ["t", BILLION, BILLION]],
    "canvas of values": ["canvas", True, ["t", BILLION, BILLION]],
    "canvas of no width": ["canvas", 0, ["t", BILLION, 0]],
    "upscale": ["upscale", ["t", ["t", 1]], BILLION],
    "upscale a grid of bools": ["upscale", ["t", ["t", True]], BILLION],
    "upscale an object": ["upscale", CELL, BILLION],
    "hupscale": ["hupscale", ["t", ["t", 1]], BILLION],
    "vupscale": ["vupscale", ["t", ["t", 1]], BILLION],
    "vupscale values": ["vupscale", ["t", True], BILLION],
    "interval": ["interval", 0, BILLION, 1],
    "repeat": ["repeat", 1, BILLION],
    "multiply": ["multiply", ["t", ["t", 1], ["t", 1]], BILLION],
    "hsplit": ["hsplit", ["t", ["t", 1]], BILLION],
    "vsplit": ["vsplit", ["t", ["t", 1]], BILLION],
    "backdrop": ["backdrop", ["s", *FAR]],
    "delta": ["delta", ["s", *FAR]],
    "box": ["box", ["s", *FAR]],
    "inbox": ["inbox", ["s", *FAR]],
    "outbox": ["outbox", ["s", *FAR]],
    "connect": ["connect", *FAR],
    "connect straight": ["connect", ["t", 0, 0], ["t", BILLION, 0]],
    "shoot": ["shoot", ["t", 0, 0], ["t", BILLION, 0]],
}


@pytest.mark.parametrize("arguments", HUGE.values(), ids=HUGE.keys())
def test_a_factor_or_distance_of_a_billion_ends_in_a_limit(arguments):
    name, *rest = arguments
    result = call(name, rest, dialect="arc-dsl", limits=LITTLE_FUEL)
    assert result.outcome in REFUSED_BY_A_LIMIT


@pytest.mark.parametrize("arguments", HUGE.values(), ids=HUGE.keys())
def test_the_largest_factor_or_distance_ends_with_an_outcome(arguments):
    def largest(value):
        if isinstance(value, list):
            return [largest(item) for item in value]
        return 2**63 - 1 if value == BILLION else value

    name, *rest = largest(arguments)
    result = call(name, rest, dialect="arc-dsl", limits=LITTLE_FUEL)
    assert result.outcome in {*REFUSED_BY_A_LIMIT, Outcome.integer_overflow}


def test_far_cells_are_cheap_where_nothing_lies_between():
    limits = Limits(fuel=1_500)
    for name, value in (
        ("height", BILLION + 1),
        ("width", BILLION + 1),
        ("lrcorner", ["t", BILLION, BILLION]),
        ("center", ["t", BILLION // 2, BILLION // 2]),
        ("size", 2),
    ):
        assert call(name, [["s", *FAR]], limits=limits).value_json() == value
    assert call("occurrences", [["t", ["t", 1]], FAR_CELLS], limits=limits).value_json() == ["s"]
    assert call("hperiod", [FAR_CELLS], limits=limits).value_json() == BILLION + 1
    assert (
        call("manhattan", [["s", FAR[0]], ["s", FAR[1]]], limits=limits).value_json() == 2 * BILLION
    )


# ---- One run after another

LITTLE = Limits(fuel=1_000_000, max_bytes=1 << 20)
HOSTILE = {
    Outcome.out_of_fuel: """x1 = fork(astuple, identity, identity)
x2 = multiply(TEN, THREE)
x3 = power(x1, x2)
x4 = x3(ONE)
x5 = identity(ONE)
x6 = x3(x5)
O = equality(x4, x6)""",
    Outcome.out_of_memory: """x1 = asobject(I)
x2 = product(x1, x1)
O = product(x2, x1)""",
    Outcome.recursion: power_program("TWO"),
    Outcome.runtime_error: """x1 = repeat(I, ZERO)
x2 = repeat(x1, TEN)
O = apply(first, x2)""",
    Outcome.name_error: "O = identity(O)",
    Outcome.integer_overflow: """x1 = fork(multiply, identity, identity)
x2 = power(x1, TEN)
O = x2(TEN)""",
}


@pytest.mark.parametrize(("outcome", "text"), HOSTILE.items(), ids=lambda v: getattr(v, "name", ""))
def test_a_failed_run_leaves_nothing_behind(outcome, text):
    bad = Program.parse(text)
    for good in map(Program.parse, SPREAD.values()):
        before = run(good, GRID, LITTLE)
        assert before.outcome == Outcome.ok
        assert run(bad, GRID, LITTLE).outcome == outcome
        after = run(good, GRID, LITTLE)
        assert (all_of(after), after.fuel) == (all_of(before), before.fuel)


def test_the_order_of_hostile_runs_does_not_matter():
    programs = [Program.parse(text) for text in HOSTILE.values()]
    forwards = execute(programs, [GRID], threads=1, limits=LITTLE)
    backwards = execute(programs[::-1], [GRID], threads=1, limits=LITTLE)
    assert forwards.outcome.ravel().tolist() == list(HOSTILE)
    assert forwards.outcome.tolist() == backwards.outcome.tolist()[::-1]
    assert forwards.fuel.tolist() == backwards.fuel.tolist()[::-1]
