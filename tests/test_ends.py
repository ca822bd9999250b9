"""Arithmetic at the ends of the range of ints, and of what 32 bits count.

Python's ints have no end: a result that has 64 bits is Python's, whatever a primitive adds up on
its way to it, and one that has more is an outcome of its own. The rows at the ends of
primitives/*.txt and the fuzzer (test_fuzzing.py) say more of the first.
"""

import pytest

from codeit import Limits, Outcome, Program, run
from codeit.execution.executor import call_canonical as call

MOST = 2**63 - 1
LEAST = -(2**63)
OVERFLOW = Outcome.integer_overflow


@pytest.mark.parametrize(
    ("name", "arguments", "value"),
    [
        ("add", [MOST, 1], OVERFLOW),
        ("add", [MOST, 0], MOST),
        ("add", [["t", 0, LEAST], ["t", 0, -1]], OVERFLOW),
        ("subtract", [LEAST, 1], OVERFLOW),
        ("subtract", [0, LEAST], OVERFLOW),
        ("subtract", [-1, LEAST], MOST),
        ("multiply", [2**32, 2**31], OVERFLOW),
        ("multiply", [-(2**32), 2**31], LEAST),
        ("multiply", [LEAST, -1], OVERFLOW),
        ("divide", [LEAST, -1], OVERFLOW),
        ("divide", [LEAST, 1], LEAST),
        ("divide", [MOST, -1], -MOST),
        ("invert", [LEAST], OVERFLOW),
        ("double", [2**62], OVERFLOW),
        ("double", [-(2**62)], LEAST),
        ("increment", [MOST], OVERFLOW),
        ("decrement", [LEAST], OVERFLOW),
        ("crement", [LEAST], OVERFLOW),
        ("halve", [LEAST], -(2**62)),
        ("even", [LEAST], True),
        ("sign", [LEAST], -1),
        ("greater", [LEAST, MOST], False),
        ("dneighbors", [["t", MOST, 0]], OVERFLOW),
        ("shift", [["s", ["t", MOST, 0]], ["t", 1, 0]], OVERFLOW),
        ("shift", [["s", ["t", MOST, 0]], ["t", -1, 0]], ["s", ["t", MOST - 1, 0]]),
        ("hmirror", [["s", ["t", MOST, 0]]], ["s", ["t", MOST, 0]]),
        ("backdrop", [["s", ["t", MOST, 0]]], ["s", ["t", MOST, 0]]),
        ("delta", [["s", ["t", 0, MOST]]], ["s"]),
        ("height", [["s", ["t", LEAST, 0], ["t", MOST, 0]]], OVERFLOW),
        ("height", [["s", ["t", 0, 0], ["t", MOST - 1, 0]]], MOST),
        ("square", [["s", ["t", 0, 0], ["t", MOST - 1, MOST - 1]]], False),
        ("manhattan", [["s", ["t", LEAST, 0]], ["s", ["t", MOST, 0]]], OVERFLOW),
        ("outbox", [["s", ["t", LEAST, 0]]], OVERFLOW),
        ("centerofmass", [["s", ["t", MOST, 0], ["t", MOST, 1]]], ["t", MOST, 0]),
        ("center", [["s", ["t", LEAST, 0], ["t", MOST, 0]]], ["t", 0, 0]),
        ("shoot", [["t", 0, 0], ["t", MOST, 0]], OVERFLOW),
        ("canvas", [0, ["t", MOST, 2]], None),
        ("connect", [["t", LEAST, 0], ["t", MOST, 5]], ["s"]),
        ("index", [["t", ["t", 1]], ["t", MOST, LEAST]], None),
        ("interval", [LEAST, MOST, MOST], ["t", LEAST, -1, MOST - 1]),
        ("crop", [["t", ["t", 1, 2]], ["t", 0, 1], ["t", MOST, MOST]], ["t", ["t", 2]]),
        ("crop", [["t", ["t", 1, 2]], ["t", LEAST, LEAST], ["t", MOST, MOST]], ["t"]),
    ],
)
def test_an_integer_past_64_bits_is_an_outcome_and_never_a_wrong_value(name, arguments, value):
    result = call(name, arguments)
    if value is OVERFLOW:
        assert (result.outcome, result.exception) == (OVERFLOW, None)
    else:
        assert result.value_json() == value


def test_a_tuple_has_no_more_items_than_a_length_counts_whatever_the_fuel():
    """2^17 times a set of 2^15 places, merged: 2^32 items, of which size asks for the number."""
    program = Program.parse(
        """x1 = power(double, SEVEN)
x2 = x1(ONE)
x3 = double(x2)
x4 = astuple(x3, x2)
x5 = canvas(ZERO, x4)
x6 = asindices(x5)
x7 = multiply(x2, x2)
x8 = multiply(x7, EIGHT)
x9 = repeat(x6, x8)
x10 = merge(x9)
O = size(x10)""",
        "arc-dsl",
    )
    result = run(program, [[1]], Limits(fuel=1 << 62))
    assert (result.outcome, result.line) == (Outcome.out_of_memory, 10)
