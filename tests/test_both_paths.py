"""The fast path, with patches as bits, returns what the plain path returns, order included."""

import json

import numpy as np
import pytest

from codeit import Limits, Outcome, Program, run
from codeit._native import vm
from codeit.language import load_seed_programs
from codeit.mutation import MutationSettings, mutate
from codeit.tasks.task import Example, Task

LIMITS = Limits(fuel=50_000_000, max_bytes=1 << 28)
MAX_VALUES = 200_000


def grids(random, count):
    """Small grids of few colors, some of them wide or high."""
    shapes = [(1, 1), (1, 7), (9, 1), (3, 3), (5, 8), (10, 10), (13, 21), (30, 30)]
    for k in range(count):
        height, width = shapes[k % len(shapes)]
        num_colors = int(random.integers(1, 5))
        colors = random.choice(10, size=num_colors, replace=False)
        yield random.choice(colors, size=(height, width)).astype(np.uint8)


def values_of_lines(program, grid, is_plain):
    outcome, line, _, texts = vm.run_and_print_one(
        program, grid, LIMITS._native(), True, MAX_VALUES, is_plain
    )
    return outcome, line, texts


def differing_line(program, grid):
    fast = values_of_lines(program, grid, False)
    plain = values_of_lines(program, grid, True)
    return None if fast == plain else (program.text, grid.tolist(), fast, plain)


def test_seed_programs_and_their_mutants_agree_line_by_line():
    seed = 20_261_122
    print(f"seed {seed}")
    random = np.random.default_rng(seed)
    parents = []
    for k, found in enumerate(load_seed_programs(None, "codeit")):
        examples = [Example(grid, grid) for grid in list(grids(random, 8))[k % 6 :][:2]]
        parents.append((Task(found.task_id, tuple(examples), ()), found.program))
    settings = MutationSettings(num_tasks=4000)
    mutants = mutate(parents, settings, seed, Limits(fuel=500_000))
    assert len(mutants) > 2000
    for task, program in parents + [(m.parent, m.program) for m in mutants]:
        for example in task.demonstrations:
            assert differing_line(program, example.input) is None


PROGRAMS = {
    "a ray leaves the grid on both sides": "x1 = asindices(I)\nx2 = rbind(shoot, UNITY)\n"
    "x3 = mapply(x2, x1)\nO = totuple(x3)",
    "a union too wide for bits": "x1 = asindices(I)\nx2 = shift(x1, THREE_BY_THREE)\n"
    "x3 = multiply(TEN, TEN)\nx4 = astuple(x3, x3)\nx5 = shift(x1, x4)\nx6 = combine(x2, x5)\n"
    "O = totuple(x6)",
    "a patch far from the origin": "x1 = asindices(I)\nx2 = multiply(TEN, TEN)\n"
    "x3 = multiply(x2, x2)\nx4 = astuple(x3, x3)\nx5 = shift(x1, x4)\nx6 = vmirror(x5)\n"
    "O = totuple(x6)",
    "cells of two colors at one place": "x1 = asobject(I)\nx2 = shift(x1, RIGHT)\n"
    "x3 = combine(x1, x2)\nx4 = paint(I, x3)\nx5 = totuple(x3)\nO = astuple(x4, x5)",
    "many colors at one place": "x1 = asobject(I)\nx2 = neighbors(UNITY)\nx3 = lbind(shift, x1)\n"
    "x4 = mapply(x3, x2)\nx5 = paint(I, x4)\nx6 = underpaint(I, x4)\nx7 = fill(I, FIVE, x4)\n"
    "x8 = totuple(x4)\nO = repeat(x8, TWO)",
    "boxes of one color": "x1 = interval(ONE, NINE, TWO)\nx2 = product(x1, x1)\n"
    "x3 = order(x2, identity)\nx4 = mostcolor(I)\nx5 = lbind(canvas, x4)\n"
    "x6 = lbind(occurrences, I)\nx7 = chain(x6, asobject, x5)\nx8 = apply(x7, x3)\n"
    "O = apply(totuple, x8)",
    "cells far apart, some of them twice": "x1 = asindices(I)\nx2 = recolor(THREE, x1)\n"
    "x3 = box(x1)\nx4 = lbind(multiply, NINE)\nx5 = apply(x4, x3)\nx6 = lbind(shift, x2)\n"
    "x7 = mapply(x6, x5)\nx8 = paint(I, x7)\nx9 = underpaint(I, x7)\nx10 = size(x7)\n"
    "x11 = totuple(x7)\nO = initset(x11)",
    "merged objects that leave the grid": "x1 = objects(I, F, T, F)\nx2 = rbind(shift, UNITY)\n"
    "x3 = apply(x2, x1)\nx4 = combine(x1, x3)\nx5 = merge(x4)\nx6 = paint(I, x5)\n"
    "x7 = totuple(x5)\nO = mfilter(x4, hline)",
    "cells of two colors at one place, shifted": "x1 = asobject(I)\nx2 = shift(x1, RIGHT)\n"
    "x3 = combine(x1, x2)\nx4 = shift(x3, UP_RIGHT)\nx5 = paint(I, x4)\nx6 = totuple(x4)\n"
    "O = astuple(x5, x6)",
    "objects of a grid beyond 30 by 30": "x1 = upscale(I, TWO)\nx2 = objects(x1, F, F, T)\n"
    "x3 = objects(x1, T, T, F)\nx4 = totuple(x2)\nx5 = totuple(x3)\nO = astuple(x4, x5)",
    "lines between places, both ways": "x1 = leastcolor(I)\nx2 = ofcolor(I, x1)\n"
    "x3 = first(x2)\nx4 = lbind(connect, x3)\nx5 = apply(x4, x2)\nx6 = product(x5, x5)\n"
    "x7 = fork(combine, first, last)\nx8 = apply(x7, x6)\nx9 = asindices(I)\n"
    "x10 = product(x9, x9)\nx11 = fork(connect, first, last)\nx12 = totuple(x8)\n"
    "O = first(x12)",
    "images of places, some of them twice": "x1 = asindices(I)\nx2 = apply(halve, x1)\n"
    "x3 = apply(first, x1)\nx4 = totuple(x2)\nx5 = totuple(x3)\nO = astuple(x4, x5)",
    "images of objects that are cells": "x1 = partition(I)\nx2 = apply(first, x1)\n"
    "x3 = compose(first, normalize)\nx4 = apply(x3, x1)\nx5 = totuple(x2)\nx6 = totuple(x4)\n"
    "O = astuple(x5, x6)",
    "images of objects that are sets, some of them equal": "x1 = objects(I, T, T, F)\n"
    "x2 = apply(outbox, x1)\nx3 = apply(normalize, x1)\nx4 = apply(delta, x1)\n"
    "x5 = totuple(x2)\nx6 = totuple(x3)\nx7 = totuple(x4)\nx8 = astuple(x5, x6)\n"
    "O = astuple(x7, x8)",
    "images of objects that are truths, or none at all": "x1 = objects(I, T, T, F)\n"
    "x2 = apply(square, x1)\nx3 = totuple(x2)\nO = apply(leastcolor, x3)",
    "a pull that never arrives, and some that do": "x1 = partition(I)\nx2 = apply(corners, x1)\n"
    "x3 = product(x2, x2)\nx4 = fork(gravitate, first, last)\nx5 = apply(x4, x3)\n"
    "O = totuple(x5)",
    "products of products, filtered twice": "x1 = palette(I)\nx2 = product(x1, x1)\n"
    "x3 = product(x2, x1)\nx4 = compose(even, last)\nx5 = sfilter(x3, x4)\nx6 = totuple(x5)\n"
    "x7 = compose(last, first)\nx8 = sfilter(x5, x7)\nx9 = totuple(x8)\nO = totuple(x3)",
    "products of objects, filtered": "x1 = objects(I, F, T, T)\nx2 = apply(ulcorner, x1)\n"
    "x3 = product(x2, x1)\nx4 = fork(contained, first, last)\nx5 = compose(toindices, last)\n"
    "x6 = fork(contained, first, x5)\nx7 = sfilter(x3, x6)\nx8 = totuple(x7)\n"
    "x9 = sizefilter(x1, ONE)\nx10 = totuple(x9)\nO = totuple(x3)",
    "the same object twice": "x1 = asindices(I)\nx2 = fork(intersection, identity, identity)\n"
    "x3 = x2(x1)\nO = totuple(x3)",
    "an equal object": "x1 = asindices(I)\nx2 = shift(x1, ORIGIN)\nx3 = intersection(x1, x2)\n"
    "O = totuple(x3)",
    "a difference that leaves dummies": "x1 = asindices(I)\nx2 = initset(ORIGIN)\n"
    "x3 = toobject(x2, I)\nx4 = toindices(x3)\nx5 = box(x1)\nx6 = delta(x5)\nx7 = totuple(x6)\n"
    "x8 = insert(TWO_BY_TWO, x6)\nx9 = totuple(x8)\nO = astuple(x7, x9)",
    "objects of every kind": "x1 = objects(I, T, T, F)\nx2 = objects(I, F, T, T)\n"
    "x3 = objects(I, T, F, T)\nx4 = apply(totuple, x1)\nx5 = apply(totuple, x2)\n"
    "x6 = apply(totuple, x3)\nx7 = astuple(x4, x5)\nO = astuple(x7, x6)",
    "the order of mirrored and turned patches": "x1 = asobject(I)\nx2 = hmirror(x1)\n"
    "x3 = dmirror(x2)\nx4 = cmirror(x3)\nx5 = normalize(x4)\nx6 = totuple(x5)\n"
    "x7 = totuple(x3)\nO = astuple(x6, x7)",
    "the order of places around others, near and far": "x1 = asindices(I)\n"
    "x2 = compose(totuple, neighbors)\nx3 = apply(x2, x1)\nx4 = compose(totuple, dneighbors)\n"
    "x5 = apply(x4, x1)\nx6 = compose(totuple, ineighbors)\nx7 = apply(x6, x1)\n"
    "x8 = multiply(TEN, SEVEN)\nx9 = astuple(x8, x8)\nx10 = shift(x1, x9)\nx11 = apply(x2, x10)\n"
    "x12 = apply(x4, x10)\nx13 = totuple(x3)\nx14 = totuple(x5)\nx15 = totuple(x11)\n"
    "x16 = mapply(neighbors, x10)\nx17 = totuple(x16)\nO = astuple(x17, x15)",
    "cells of many colors at one place, near and far": "x1 = asobject(I)\n"
    "x2 = neighbors(ORIGIN)\nx3 = lbind(shift, x1)\nx4 = mapply(x3, x2)\nx5 = totuple(x4)\n"
    "x6 = multiply(TEN, SEVEN)\nx7 = rbind(multiply, x6)\nx8 = apply(x7, x2)\n"
    "x9 = mapply(x3, x8)\nx10 = shift(x1, UNITY)\nx11 = combine(x9, x10)\n"
    "x12 = totuple(x11)\nx13 = paint(I, x11)\nx14 = totuple(x9)\nx15 = astuple(x5, x12)\n"
    "O = astuple(x13, x15)",
    "a maximum that is not alone": "x1 = objects(I, T, F, F)\nx2 = argmax(x1, height)\n"
    "x3 = argmin(x1, size)\nx4 = totuple(x2)\nx5 = totuple(x3)\nO = astuple(x4, x5)",
}


@pytest.mark.parametrize("text", PROGRAMS.values(), ids=PROGRAMS)
def test_programs_agree_on_grids_of_all_shapes(text):
    program = Program.parse(text)
    for grid in grids(np.random.default_rng(7), 48):
        assert differing_line(program, grid) is None


WIDE_PROGRAMS = (
    "x1 = leastcolor(I)\nx2 = ofcolor(I, x1)\nx3 = fill(I, FIVE, x2)\nx4 = underfill(I, SIX, x2)\n"
    "x5 = shift(x2, UNITY)\nx6 = fill(I, SEVEN, x5)\nx7 = cover(I, x2)\nx8 = astuple(x3, x4)\n"
    "x9 = astuple(x6, x7)\nO = astuple(x8, x9)",
    "x1 = asobject(I)\nx2 = vmirror(x1)\nx3 = shift(x2, DOWN)\nx4 = paint(I, x3)\n"
    "x5 = underpaint(I, x3)\nx6 = leastcolor(I)\nx7 = ofcolor(I, x6)\nx8 = recolor(EIGHT, x7)\n"
    "x9 = move(I, x8, TWO_BY_TWO)\nx10 = astuple(x4, x5)\nO = astuple(x10, x9)",
    "x1 = objects(I, T, F, F)\nx2 = objects(I, F, T, T)\nx3 = merge(x2)\nx4 = paint(I, x3)\n"
    "x5 = totuple(x1)\nx6 = apply(totuple, x1)\nx7 = astuple(x4, x5)\nO = astuple(x7, x6)",
    "x1 = hmirror(I)\nx2 = vmirror(x1)\nx3 = dmirror(x2)\nx4 = rot90(x3)\nx5 = upscale(x4, TWO)\n"
    "x6 = replace(x5, ONE, NINE)\nx7 = mostcolor(x6)\nx8 = palette(x6)\nx9 = lefthalf(x6)\n"
    "x10 = cellwise(I, x2, ZERO)\nx11 = astuple(x9, x10)\nx12 = astuple(x7, x8)\n"
    "O = astuple(x11, x12)",
)


@pytest.mark.parametrize("width", [31, 32, 33, 63, 64, 65, 100, 127, 128, 129, 200])
def test_programs_agree_on_wide_and_on_high_grids(width):
    random = np.random.default_rng(width)
    for text in WIDE_PROGRAMS:
        program = Program.parse(text)
        for height in (1, 2, 5):
            grid = random.choice(3, size=(height, width), p=[0.7, 0.2, 0.1]).astype(np.uint8)
            assert differing_line(program, grid) is None
            assert differing_line(program, np.ascontiguousarray(grid.T)) is None


ORDERS_OF_OBJECTS = {
    "of the set alone": "x2 = apply(size, x1)\nO = totuple(x1)",
    "of each object, then of the set": "x2 = argmax(x1, size)\nx3 = totuple(x2)\n"
    "x4 = argmin(x1, size)\nx5 = totuple(x4)\nx6 = totuple(x1)\nO = apply(totuple, x6)",
    "of what is left of the set": "x2 = rbind(bordering, I)\nx3 = sfilter(x1, x2)\n"
    "x4 = difference(x1, x3)\nx5 = totuple(x4)\nx6 = merge(x3)\nx7 = totuple(x6)\n"
    "O = apply(totuple, x5)",
}


@pytest.mark.parametrize("text", ORDERS_OF_OBJECTS.values(), ids=ORDERS_OF_OBJECTS)
@pytest.mark.parametrize("width", [1, 29, 30, 31, 32, 33, 47, 63, 64, 65])
def test_objects_of_large_grids_are_in_order(width, text):
    random = np.random.default_rng(width)
    rules = [(a, b, c) for a in "TF" for b in "TF" for c in "TF"]
    for height, rule in zip((1, 30, 31, 40, 63, 64, 65, 2), rules, strict=True):
        program = Program.parse(f"x1 = objects(I, {', '.join(rule)})\n{text}")
        grid = random.choice(3, size=(height, width), p=[0.6, 0.3, 0.1]).astype(np.uint8)
        assert differing_line(program, grid) is None
        sparse = np.where(random.random(grid.shape) < 0.1, grid, 0).astype(np.uint8)
        assert differing_line(program, sparse) is None


def test_programs_agree_on_grids_of_thousands_of_cells():
    """Colors are counted in bytes, and those added up in time."""
    grid = np.full((70, 70), 1, np.uint8)
    grid[::9, ::7] = 0
    grid[3, 5:60] = 2
    for text in WIDE_PROGRAMS:
        assert differing_line(Program.parse(text), grid) is None


# Functions over a tuple of 216 numbers from -4 to 4, or of as many pairs or triples of them; what
# some return fails for a late item, is of another kind there, or is no number.
STEPS = {
    "sums of pairs": "f = fork(add, first, last)\nO = apply(f, pairs)",
    "differences of pairs and numbers": "f = fork(subtract, identity, last)\nO = apply(f, pairs)",
    "products": "f = fork(multiply, identity, identity)\nO = apply(f, pairs)",
    "quotients, of zero in the end": "f = lbind(divide, TEN)\nO = apply(f, numbers)",
    "quotients": "f = rbind(divide, THREE)\ng = chain(halve, double, f)\nO = apply(g, pairs)",
    "pairs of one": "f = fork(astuple, toivec, tojvec)\nO = apply(f, numbers)",
    "tuples that nobody keeps": "f = fork(astuple, identity, toivec)\n"
    "g = fork(astuple, f, identity)\nh = chain(first, first, g)\nO = apply(h, pairs)",
    "tuples that are kept": "f = fork(astuple, toivec, toivec)\nO = apply(f, pairs)",
    "steps of numbers": "f = chain(increment, crement, invert)\ng = compose(sign, f)\n"
    "h = fork(astuple, f, g)\nO = apply(h, pairs)",
    "numbers that get too large": "f = power(double, TEN)\ng = power(f, SIX)\n"
    "h = chain(double, double, g)\nO = apply(h, numbers)",
    "pairs that get too large": "f = power(double, TEN)\ng = power(f, THREE)\nO = apply(g, pairs)",
    "a choice": "f = fork(greater, first, last)\ng = compose(flip, f)\nh = fork(both, f, first)\n"
    "k = fork(either, g, last)\nm = fork(astuple, h, k)\nO = apply(m, pairs)",
    "a choice of three": "f = lbind(branch, T)\ng = rbind(f, TEN)\nO = apply(g, pairs)",
    "a choice for each": "f = rbind(branch, TEN)\ng = rbind(f, ONE)\nh = compose(g, positive)\n"
    "O = apply(h, numbers)",
    "the equal ones": "f = fork(equality, first, last)\nO = sfilter(pairs, f)",
    "the zeros, each way": "f = matcher(first, ZERO)\ng = rbind(equality, ORIGIN)\n"
    "h = fork(astuple, f, g)\nO = apply(h, pairs)",
    "a comparison of pairs": "f = rbind(greater, ORIGIN)\nO = apply(f, pairs)",
    "sizes": "f = compose(size, last)\ng = fork(astuple, size, f)\nO = apply(g, triples)",
    "the size of a number": "f = compose(size, first)\nO = apply(f, pairs)",
    "the first of a number": "f = compose(first, first)\nO = apply(f, pairs)",
    "the even ones": "f = chain(even, maximum, last)\nO = sfilter(triples, f)",
    "both ends": "f = fork(astuple, maximum, minimum)\nO = apply(f, pairs)",
    "a function of each": "f = lbind(apply, double)\ng = compose(f, last)\nO = apply(g, triples)",
    "a function of each that fails": "f = lbind(apply, first)\nO = apply(f, pairs)",
    "a function of each of three": "f = lbind(apply, positive)\nO = apply(f, triples)",
    "the best": "f = fork(multiply, first, last)\ng = argmax(pairs, f)\nh = argmin(pairs, f)\n"
    "k = valmax(pairs, f)\nm = astuple(g, h)\nO = astuple(m, k)",
    "the best pair": "O = argmax(triples, last)",
    "in order": "f = fork(subtract, first, last)\nO = order(pairs, f)",
    "in no order": "f = fork(astuple, positive, identity)\nO = order(numbers, f)",
    "too few arguments": "f = compose(add, first)\nO = apply(f, pairs)",
    "no function": "f = compose(first, ONE)\nO = apply(f, pairs)",
    "deep": "f = power(increment, TEN)\ng = power(f, TEN)\nh = power(g, NINE)\nO = apply(h, pairs)",
    "tuples that share their parts": "f = fork(astuple, identity, identity)\ng = power(f, TEN)\n"
    "h = compose(last, g)\nk = apply(h, numbers)\nm = lbind(apply, g)\nn = apply(m, pairs)\n"
    "p = fork(equality, g, g)\nq = apply(p, pairs)\nr = size(n)\ns = astuple(k, q)\n"
    "O = astuple(s, r)",
    "a bool is a number": "f = fork(astuple, positive, even)\ng = fork(add, first, last)\n"
    "h = compose(g, f)\nk = apply(f, numbers)\nm = apply(h, numbers)\nO = astuple(k, m)",
}
TUPLES = (
    "a = interval(FOUR, ZERO, NEG_ONE)\nb = invert(FOUR)\nc = interval(b, FIVE, ONE)\n"
    "d = repeat(c, TEN)\ne = merge(d)\nd2 = repeat(a, TEN)\ne2 = merge(d2)\n"
    "e3 = combine(e2, e2)\ne4 = combine(e3, a)\nnumbers = combine(e4, e)\nz = last(e)\n"
    "pairs = pair(numbers, numbers)\ntriples = pair(numbers, pairs)"
)


@pytest.mark.parametrize("text", STEPS.values(), ids=STEPS)
def test_steps_taken_for_many_items_at_once_are_those_taken_one_by_one(text):
    """Fuel included, also where there is too little of it."""
    program = Program.parse(f"{TUPLES}\n{text}")
    grid = np.zeros((1, 1), np.uint8)

    def ends(fuel):
        limits = Limits(fuel=fuel, max_depth=200)._native()
        return [
            vm.run_and_print_one(program, grid, limits, True, MAX_VALUES, is_plain)
            for is_plain in (False, True)
        ]

    fast, plain = ends(1_000_000)
    assert fast == plain
    for fuel in range(fast[2] - 1, fast[2] - 2_000, -137):
        fast, plain = ends(fuel)
        assert fast == plain


def test_tuples_that_share_their_parts_are_made_once():
    """Made apart, the leaves of each image would be 256."""
    program = Program.parse(
        f"{TUPLES}\nf = fork(astuple, identity, identity)\ng = power(f, EIGHT)\n"
        "h = apply(g, pairs)\nO = upscale(I, NINE)"
    )
    grid = np.zeros((30, 30), np.uint8)
    outcomes = []
    for max_bytes in range(1 << 15, 1 << 20, 1 << 12):
        limits = Limits(max_bytes=max_bytes)._native()
        fast, plain = (
            vm.run_and_print_one(program, grid, limits, False, MAX_VALUES, is_plain)[0]
            for is_plain in (False, True)
        )
        assert fast in (plain, Outcome.ok)
        outcomes.append(plain)
    assert {Outcome.ok, Outcome.out_of_memory} == set(outcomes)


ORDERS_ASKED_FOR_IN_THE_DEPTH = {
    "lines in pairs": "x1 = frontiers(I)\nx2 = product(x1, LEFT)\nf = compose(first, identity)",
    "the most common line": "x1 = frontiers(I)\nx2 = identity(x1)\n"
    "f = compose(mostcommon, identity)",
    "objects in pairs": "x1 = partition(I)\nx2 = product(x1, x1)\nf = compose(first, identity)",
}


@pytest.mark.parametrize(
    "text", ORDERS_ASKED_FOR_IN_THE_DEPTH.values(), ids=ORDERS_ASKED_FOR_IN_THE_DEPTH
)
def test_the_order_of_a_set_needs_no_depth_of_its_own(text):
    program = Program.parse(f"{text}\nO = f(x2)")
    grid = np.zeros((5, 4), np.uint8)
    for max_depth in range(1, 8):
        limits = Limits(max_depth=max_depth)._native()
        fast, plain = (
            vm.run_and_print_one(program, grid, limits, False, MAX_VALUES, is_plain)
            for is_plain in (False, True)
        )
        assert (fast[0], fast[1], fast[3]) == (plain[0], plain[1], plain[3])


def test_the_plain_path_is_another_one():
    """It uses fuel of its own; were it the fast path again, the tests above would say nothing."""
    program = Program.parse("x1 = asindices(I)\nO = ulcorner(x1)")
    grid = np.zeros((20, 20), np.uint8)
    fast, plain = (
        vm.run_and_print_one(program, grid, LIMITS._native(), False, MAX_VALUES, is_plain)
        for is_plain in (False, True)
    )
    assert json.loads(fast[3][0]) == json.loads(plain[3][0]) == ["t", 0, 0]
    assert fast[2] * 2 < plain[2]


def test_a_run_without_memory_needs_exactly_the_fuel_that_it_says():
    """How much there was to spend must not decide how a function is applied to many items."""
    program = Program.parse(
        "x1 = objects(I, T, F, T)\nx2 = sfilter(x1, width)\nx3 = argmax(x2, size)\n"
        "x4 = compose(increment, height)\nO = order(x2, x4)"
    )
    grid = np.array([[8, 0, 6, 6, 0, 8], [4, 4, 0, 0, 4, 4], [2, 6, 2, 2, 6, 2]] * 2)
    num_short = 0
    for max_bytes in range(1 << 12, 1 << 14, 64):
        free = run(program, grid, Limits(max_bytes=max_bytes))
        num_short += free.outcome == Outcome.out_of_memory
        for fuel in {free.fuel - 1, free.fuel // 2, max(free.fuel - 30, 0)}:
            short = run(program, grid, Limits(max_bytes=max_bytes, fuel=fuel))
            assert (short.outcome, short.fuel) == (Outcome.out_of_fuel, fuel)
    assert 0 < num_short < 150
