"""The order in which frozensets iterate, and the sort that depends on it.

Two sources tell what is right: numbers written out from the description of the language, and the
frozensets of the Python that runs the tests. For ints, tuples and frozensets these iterate alike in
all versions from 3.8 on, when built by the same steps. Capitals name those steps: GEN adds elements
one by one to a frozenset, LIT freezes a set display, OR, AND and SUB are the operators.
"""

import itertools
import random
import sys

import pytest

import codeit
from codeit.execution.executor import call_canonical

# ---- Values as `call_canonical` takes them (canonical) and as Python has them


def canonical(value):
    if isinstance(value, tuple):
        return ["t", *map(canonical, value)]
    if isinstance(value, frozenset):
        return ["s", *map(canonical, value)]
    return value


def built(argument):
    """The Python value that an argument stands for, every set built by GEN."""
    if not isinstance(argument, list):
        return argument
    tag, *items = argument
    return tuple(map(built, items)) if tag == "t" else gen(items)


def gen(arguments):
    """GEN in Python, of elements as arguments."""
    return frozenset(built(argument) for argument in arguments)


def listed(values):
    """Python values in the order in which they iterate, canonical."""
    return [canonical(value) for value in values]


def fn(name, *arguments):
    """The value of a primitive's call, as an argument of another."""
    return {"fn": [name, *arguments]}


def value_of(call):
    name, *arguments = call["fn"]
    result = call_canonical(name, arguments)
    assert result.outcome == codeit.Outcome.ok
    return result.value_json()


def in_order(call):
    """The items of the set that a call returns, in iteration order, canonical."""
    tag, *items = value_of(call)
    assert tag == "s"
    return items


def numbers(rng, count):
    return [rng.choice([rng.randrange(12), rng.randrange(-40, 300)]) for _ in range(count)]


def places(rng, count):
    return [["t", rng.randrange(-4, 30), rng.randrange(-4, 30)] for _ in range(count)]


def cells(rng, count):
    return [["t", rng.randrange(10), place] for place in places(rng, count)]


def nested(rng, count):
    def one():
        kind = rng.randrange(4)
        if kind == 0:
            return rng.randrange(-3, 9)
        if kind == 1:
            return ["t", *(rng.randrange(-3, 4) for _ in range(rng.randrange(4)))]
        if kind == 2:
            return ["s", *(rng.randrange(-3, 6) for _ in range(rng.randrange(7)))]
        return ["t", ["s", *places(rng, 3)], rng.randrange(3)]

    return [one() for _ in range(count)]


KINDS = {"numbers": numbers, "places": places, "cells": cells, "nested": nested}
SIZES = [0, 1, 2, 3, 4, 5, 6, 8, 12, 18, 19, 20, 33, 60, 76, 77, 78, 150]


def seeded(seed):
    print(f"seed {seed}")
    return random.Random(seed)


# ---- Hashes

HASH_VECTORS = [
    (-1, -2),
    (-2, -2),
    (2**61 - 1, 0),
    (2**61, 1),
    (-(2**61), -2),
    ((), 5740354900026072187),
    ((0,), -8753497827991233192),
    ((0, 0), -8458139203682520985),
    ((1, 2), -3550055125485641917),
    ((3, (1, 2)), 4013510278211148175),
    ((-1, -2), 960947337673586213),
    (frozenset(), 133146708735736),
    (frozenset({0}), -2704248722033767810),
    (frozenset({1, 2, 3}), -272375401224217160),
    (frozenset({(0, 0), (0, 1)}), -8857130910408107931),
    (frozenset({(3, (1, 2))}), 2165902677920706842),
    (frozenset({frozenset()}), -6993584179861130285),
]


MASK = 2**64 - 1


def signed(word, instead_of_minus_one):
    return instead_of_minus_one if word == MASK else word - ((word >> 63) << 64)


def hash_model(value):
    """hash(value), written from language.md 4.1; value in canonical form."""
    if isinstance(value, int):
        remainder = abs(value) % (2**61 - 1) * (-1 if value < 0 else 1)
        return -2 if remainder == -1 else remainder
    tag, *items = value
    hashes = [hash_model(item) & MASK for item in items]
    if tag == "t":
        word = 2870177450012600261
        for item in hashes:
            word = (word + item * 14029467366897019727) & MASK
            word = ((word << 31) | (word >> 33)) * 11400714785074694791 & MASK
        return signed((word + (len(items) ^ 2870177450012600261 ^ 3527539)) & MASK, 1546275796)
    word = (len(items) + 1) * 1927868237
    for item in hashes:
        word ^= ((item ^ 89869747) ^ (item << 16)) * 3644798167 & MASK
    word ^= (word >> 11) ^ (word >> 25)
    return signed((word * 69069 + 907133923) & MASK, 590923713)


@pytest.mark.parametrize(("value", "hashed"), HASH_VECTORS, ids=lambda v: str(v))
def test_the_hash_model_gives_the_numbers_written_out(value, hashed):
    assert hash_model(canonical(value)) == hashed


@pytest.mark.parametrize(("value", "hashed"), HASH_VECTORS, ids=lambda v: str(v))
def test_an_element_stands_where_its_hash_puts_it(value, hashed):
    # An int takes every fourth of 128 slots; the value takes the slot of its hash, or the free one
    # after it.
    ints = [4 * k + 1 for k in range(32)]
    items = in_order(fn("insert", canonical(value), ["s", *ints]))
    assert items.index(canonical(value)) == ((hashed & 127) + 3) // 4
    assert [item for item in items if item in ints] == ints


@pytest.mark.parametrize(("a", "b"), [(-1, -2), (0, 2**61 - 1), (1, 2**61), ((3, -1), (3, -2))])
def test_unequal_elements_of_one_hash_are_kept_apart(a, b):
    a, b = canonical(a), canonical(b)
    for items in ([a, b], [b, a], [a, b, a], [7, a, 0, b]):
        assert in_order(fn("identity", ["s", *items])) == listed(gen(items))


def test_none_hashes_as_in_python_3_12():
    # 4238894112 is 0 modulo 8, and from slot 0 its probing goes on to slot 2.
    assert in_order(fn("identity", ["s", None, 1])) == [None, 1]
    assert in_order(fn("identity", ["s", 1, 0, None])) == [0, 1, None]


# ---- Fingerprints, of orders as CPython 3.11 has them

G0 = canonical(tuple(tuple((7 * i + 3 * j + i * j) % 4 for j in range(12)) for i in range(9)))


def objects_of_g0(*flags):
    return fn("objects", G0, *flags)


def merged(objects):
    return fn("merge", fn("totuple", objects))


FINGERPRINTS = [
    (fn("asindices", fn("canvas", 0, ["t", 30, 30])), 12807752935576570690),
    (fn("asindices", G0), 17938759837862773002),
    (fn("asobject", G0), 5253026039015514700),
    (objects_of_g0(True, False, False), 3151212299568883701),
    (merged(objects_of_g0(True, False, False)), 552845256494885988),
    (objects_of_g0(True, True, True), 15640445087089298145),
    (merged(objects_of_g0(True, True, True)), 4602598948075807888),
    (objects_of_g0(False, True, True), 3843778035148505612),
    (merged(objects_of_g0(False, True, True)), 16729237051162427304),
    (fn("partition", G0), 10790075626532587854),
    (merged(fn("partition", G0)), 9446042168771615758),
    (fn("fgpartition", G0), 17194438252437355249),
    (fn("box", fn("asindices", G0)), 8253003848101042435),
    (fn("outbox", ["s", ["t", 2, 2], ["t", 5, 7]]), 638811713394650246),
    (fn("connect", ["t", 0, 0], ["t", 0, 19]), 9486522410343066166),
    (fn("shoot", ["t", 3, 3], ["t", 1, -1]), 2280718816310180356),
    (fn("product", ["t", 1, 2, 3], ["t", 4, 5, 6]), 8247676064573503259),
    (fn("delta", ["s", ["t", 0, 0], ["t", 5, 6], ["t", 2, 3]]), 16805968645066354080),
    (fn("frontiers", canonical(((1, 1, 1), (0, 1, 0), (1, 1, 1)))), 14106949235679284194),
    (fn("upscale", ["s", ["t", 1, ["t", 0, 0]], ["t", 2, ["t", 1, 2]]], 3), 1645745057966908405),
    (fn("shift", fn("asindices", G0), ["t", -3, -3]), 13932874011818098894),
    (fn("insert", ["t", 50, 50], fn("asindices", G0)), 16167390650649580149),
]


@pytest.mark.parametrize(
    ("call", "fingerprint"), FINGERPRINTS, ids=lambda v: v["fn"][0] if isinstance(v, dict) else ""
)
def test_fingerprint(call, fingerprint):
    folded = 0
    for item in value_of(call)[1:]:
        folded = (folded * 1000003 & MASK) ^ (hash_model(item) & MASK)
    assert folded == fingerprint


# ---- Tables


@pytest.mark.parametrize("kind", KINDS)
def test_adding_one_by_one(kind):
    rng = seeded(1)
    for size in SIZES * 3:
        items = KINDS[kind](rng, size)
        assert in_order(fn("identity", ["s", *items])) == listed(gen(items))


@pytest.mark.parametrize("grows_at", [5, 19, 77, 307, 1229])
def test_a_table_grows_at(grows_at):
    # Multiples of 1000 collide in every small table, so that one slot more or less shows.
    for size in (grows_at - 1, grows_at, grows_at + 1):
        items = [1000 * k for k in range(size)]
        assert in_order(fn("identity", ["s", *items])) == listed(gen(items))


def test_large_tables_grow_by_less():
    for size in (50_001, 78_642, 78_643):
        built_by_vm = in_order(fn("combine", ["s"], fn("interval", 0, 11 * size, 11)))
        assert built_by_vm == listed(gen(range(0, 11 * size, 11)))


def test_the_first_of_equal_elements_stays():
    kept = in_order(fn("identity", ["s", True, 1, 0, False]))
    assert kept == [0, 1]
    assert [type(item) for item in kept] == [int, bool]


@pytest.mark.parametrize("kind", KINDS)
def test_a_set_display_is_laid_out_apart(kind):
    rng = seeded(2)
    num_different = 0
    for size in SIZES * 3:
        items = KINDS[kind](rng, size)
        lit = frozenset({built(item) for item in items})
        assert in_order(fn("palette", ["t", ["t", *items]])) == listed(lit)
        num_different += listed(lit) != listed(gen(items))
    assert num_different > 10


@pytest.mark.parametrize("kind", KINDS)
def test_union(kind):
    rng = seeded(3)
    for size in SIZES * 3:
        items = KINDS[kind](rng, size)
        (new,) = KINDS[kind](rng, 1)
        assert in_order(fn("insert", new, ["s", *items])) == listed(gen(items) | gen([new]))


def test_union_of_larger_sets():
    # The outline of a box is a union of unions; corners and sides overlap.
    rng = seeded(4)
    for _ in range(40):
        top, bottom = sorted(rng.sample(range(-5, 40), 2))
        left, right = sorted(rng.sample(range(-5, 40), 2))
        sides = [
            {(i, left) for i in range(top, bottom + 1)},
            {(i, right) for i in range(top, bottom + 1)},
            {(top, j) for j in range(left, right + 1)},
            {(bottom, j) for j in range(left, right + 1)},
        ]
        outline = frozenset((sides[0] | sides[1]) | (sides[2] | sides[3]))
        corners = ["s", ["t", top, left], ["t", bottom, right]]
        assert in_order(fn("box", corners)) == listed(outline)


def operands(rng, kind):
    """Two overlapping lists of elements, of sizes near and far from each other."""
    size_a, size_b = rng.choice(SIZES[:-1]), rng.choice(SIZES[:-1])
    items_a = KINDS[kind](rng, size_a)
    shared = rng.sample(items_a, rng.randrange(len(items_a) + 1))[: size_b or 1]
    items_b = shared + KINDS[kind](rng, rng.choice([0, 1, 2, size_b]))
    rng.shuffle(items_b)
    return items_a, items_b


@pytest.mark.parametrize("kind", KINDS)
def test_intersection(kind):
    rng = seeded(5)
    for _ in range(60):
        items_a, items_b = operands(rng, kind)
        call = fn("intersection", ["s", *items_a], ["s", *items_b])
        assert in_order(call) == listed(gen(items_a) & gen(items_b))


@pytest.mark.parametrize("kind", KINDS)
def test_intersection_of_a_set_with_itself_is_a_copy(kind):
    rng = seeded(6)
    with_itself = fn("fork", {"fn": "intersection"}, {"fn": "identity"}, {"fn": "identity"})
    num_different = 0
    for size in SIZES * 2:
        items = KINDS[kind](rng, size)
        a = gen(items)
        call = fn("first", fn("apply", with_itself, ["t", ["s", *items]]))
        assert in_order(call) == listed(a & a)
        num_different += listed(a & a) != listed(a & gen(items))
    assert num_different > 5


def difference(a, b):
    """SUB of two set arguments."""
    return fn("first", fn("subtract", ["t", a, ["s"]], ["t", b, ["s"]]))


@pytest.mark.parametrize("kind", KINDS)
def test_difference(kind):
    rng = seeded(7)
    for _ in range(60):
        items_a, items_b = operands(rng, kind)
        call = difference(["s", *items_a], ["s", *items_b])
        assert in_order(call) == listed(gen(items_a) - gen(items_b))


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_difference_leaves_behind_shows_in_the_next_set(kind):
    # A small set taken from a large one leaves dummies, which copies lay out anew.
    rng = seeded(8)
    for size in (9, 17, 20, 40, 77, 90) * 4:
        items = KINDS[kind](rng, size)
        removed = items[: rng.randrange(1, max(2, size // 5))]
        (new,) = KINDS[kind](rng, 1)
        rest = gen(items) - gen(removed)
        call = difference(["s", *items], ["s", *removed])
        inserted = fn("insert", new, call)
        assert in_order(inserted) == listed(rest | gen([new]))
        common = fn("intersection", ["s", *items], call)
        assert in_order(common) == listed(gen(items) & rest)
        rebuilt = fn("apply", {"fn": "identity"}, call)
        assert in_order(rebuilt) == listed(frozenset(item for item in rest))
        smaller = difference(call, ["s", items[-1]])
        assert in_order(smaller) == listed(rest - gen([items[-1]]))


def test_a_set_minus_a_part_of_itself_is_laid_out_anew_when_many_places_are_left_empty():
    items = [3 * k for k in range(40)]
    for num_removed in range(1, 40):
        call = difference(["s", *items], ["s", *items[:num_removed]])
        assert in_order(call) == listed(gen(items) - gen(items[:num_removed]))


def test_moved_sets_are_laid_out_in_the_order_of_their_source():
    rng = seeded(9)
    for size in SIZES * 2:
        items = places(rng, size + 1)
        moved = frozenset((i + 3, j - 2) for i, j in gen(items))
        twice = frozenset((i + 3, j - 2) for i, j in moved)
        call = fn("shift", ["s", *items], ["t", 3, -2])
        assert in_order(call) == listed(moved)
        assert in_order(fn("shift", call, ["t", 3, -2])) == listed(twice)


def test_a_long_chain_of_moved_sets():
    # Each set waits for the one before it to be laid out; fifty in a row are more than are kept so.
    items = [["t", k * k % 11, k % 7] for k in range(30)]
    expected = gen(items)
    call = ["s", *items]
    for _ in range(50):
        expected = frozenset((i + 1, j) for i, j in expected)
        call = fn("shift", call, ["t", 1, 0])
    assert in_order(call) == listed(expected)


def test_colors_of_five_or_more_kinds_iterate_in_ascending_order():
    for colors in itertools.permutations((9, 8, 4, 1, 0)):
        assert in_order(fn("palette", ["t", ["t", *colors]])) == [0, 1, 4, 8, 9]


# ---- Sorting

needs_this_sort = pytest.mark.skipif(
    not (3, 11) <= sys.version_info < (3, 13), reason="the sort of CPython 3.11 and 3.12 is meant"
)


def subsets(rng, count, universe):
    return [
        ["s", *(rng.randrange(universe) for _ in range(rng.randrange(universe)))]
        for _ in range(count)
    ]


def ordered(items):
    """What order(items, identity) gives, and what Python's sort gives. Both canonical."""
    got = value_of(fn("order", ["t", *items], {"fn": "identity"}))
    return got, canonical(tuple(sorted(map(built, items))))


@needs_this_sort
@pytest.mark.parametrize("size", [2, 5, 20, 63, 64, 65, 100, 129, 400, 1000])
def test_sort_of_partially_ordered_keys(size):
    rng = seeded(size)
    for universe in (3, 5, 8):
        got, expected = ordered(subsets(rng, size, universe))
        assert got == expected


@needs_this_sort
@pytest.mark.parametrize("size", [63, 64, 300, 700])
def test_sort_of_long_runs_of_partially_ordered_keys(size):
    # Runs that rise and fall make the merges gallop.
    rng = seeded(size)
    chain = [["s", *range(k)] for k in range(40)]
    for _ in range(4):
        items = []
        while len(items) < size:
            begin, end = sorted(rng.sample(range(40), 2))
            items += chain[begin:end] if rng.random() < 0.5 else chain[begin:end][::-1]
            items += subsets(rng, rng.randrange(3), 6)
        got, expected = ordered(items)
        assert got == expected


@needs_this_sort
def test_sort_by_a_key_in_which_a_set_may_decide():
    rng = seeded(10)
    for size in (30, 64, 200):
        items = [["t", rng.randrange(3), subset] for subset in subsets(rng, size, 4)]
        got, expected = ordered(items)
        assert got == expected


def test_sort_is_stable():
    rng = seeded(11)
    for size in (10, 64, 200, 2000):
        items = [["t", rng.randrange(9), k] for k in range(size)]
        by_first = value_of(fn("order", ["t", *items], {"fn": "first"}))
        assert by_first == ["t", *sorted(items, key=lambda item: item[1])]


def test_sort_merges_runs_from_either_side():
    rising = [["t", k, 0] for k in range(0, 300, 2)]
    for items in (
        rising + [["t", k, 1] for k in range(1, 300, 2)],
        rising[100:] + rising[:100],
        [*rising, ["t", 150, 9]],
        [["t", 150, 9], *rising],
        rising[::-1] + rising,
        [["t", k % 37, k] for k in range(500)],
    ):
        got, expected = ordered(items)
        assert got == expected
