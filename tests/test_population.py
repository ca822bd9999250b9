"""Mutants by the million, and the programs among many that solve a demonstration."""

import numpy as np
import pytest
from hostile import attack

from codeit import Limits, Program, execute, execute_groups, run
from codeit._native import mutation, vm
from codeit.language import load_seed_programs
from codeit.tasks import datasets

WEIGHTS = (0.5, 0.25, 0.25, 0.0, 0.5)
CROSSOVER = (0.0, 0.0, 0.0, 1.0, 0.5)
FUEL = Limits(fuel=200_000)


@pytest.fixture(scope="module")
def seeds():
    """Some seed programs with their tasks."""
    tasks = {task.task_id: task for task in datasets.load("arc1-training")}
    return [(tasks[s.task_id], s.program) for s in load_seed_programs() if s.task_id in tasks][:60]


@pytest.fixture(scope="module")
def tasks():
    return datasets.load("arc1-evaluation")[:25]


def population(seeds, seed=17, weights=WEIGHTS, is_open_ended=False, limits=FUEL):
    made = mutation.Population(seeds[0][1], weights, seed, is_open_ended, limits._native())
    for task, program in seeds:
        made.add_root(program, [pair.input for pair in task.demonstrations])
    return made


def make(some, count, first=0, end=10**9, threads=1):
    return some.make(Program, count, first, end, threads)


def texts(made):
    programs, roots, depths, valid, following = made
    return [p.text for p in programs], roots.tolist(), depths.tolist(), following, valid.tolist()


# ---- Mutants


def test_mutants_are_distinct_and_no_seed_program_is_among_them(seeds):
    programs, _, depths, _, _ = make(population(seeds), 2000)
    keys = {program.key for program in programs}
    assert len(keys) == len(programs) == 2000
    assert not keys & {program.key for _, program in seeds}
    assert set(depths.tolist()) == {1}


def test_mutants_return_grids_for_the_inputs_of_their_root_and_not_all_of_these_inputs(seeds):
    programs, roots, _, _, _ = make(population(seeds), 500)
    for program, root in zip(programs, roots.tolist(), strict=True):
        inputs = [pair.input for pair in seeds[root][0].demonstrations]
        results = execute([program], inputs, 1, FUEL)
        outputs = [results.grid(0, k) for k in range(len(inputs))]
        assert all(grid is not None for grid in outputs)
        assert not all(map(np.array_equal, outputs, inputs))


def test_what_runs_out_of_fuel_for_its_root_is_no_mutant(seeds):
    limits = Limits(fuel=600)
    programs, roots, _, _, _ = make(population(seeds, limits=limits), 300)
    for program, root in zip(programs, roots.tolist(), strict=True):
        inputs = [pair.input for pair in seeds[root][0].demonstrations]
        assert (execute([program], inputs, 1, limits).outcome == 0).all()


def test_mutants_have_no_line_that_their_result_does_not_need(seeds):
    for program in make(population(seeds), 500)[0]:
        *lines, _ = program.text.split("\n")
        for k in range(1, len(lines) + 1):
            assert any(
                f"x{k}"
                in line.split(" = ")[1].replace("(", " ").replace(",", " ").rstrip(")").split()
                for line in program.text.split("\n")[k:]
            ), program.text


@pytest.mark.parametrize("is_open_ended", [False, True])
def test_mutants_follow_from_the_seed_for_any_number_of_threads(seeds, is_open_ended):
    def made(seed, threads):
        some = population(seeds, seed, is_open_ended=is_open_ended)
        return texts(make(some, 3000, threads=threads))

    assert made(3, threads=1) == made(3, threads=4)
    assert made(3, threads=1)[0] != made(4, threads=1)[0]


@pytest.mark.parametrize("is_open_ended", [False, True])
def test_mutants_follow_from_those_that_were_made_before(seeds, is_open_ended):
    some = population(seeds, is_open_ended=is_open_ended)
    programs, roots, depths, _, following = make(some, 3000)
    after = texts(make(some, 1000, following))
    other = population(seeds, is_open_ended=is_open_ended)
    other.add_known(programs, roots, depths, 2)
    assert texts(make(other, 1000, following)) == after
    assert not set(after[0]) & {program.text for program in programs}


def test_mutants_of_depth_one_do_not_depend_on_where_a_call_ends(seeds):
    some = population(seeds)
    first = texts(make(some, 700))
    second = texts(make(some, 300, first[3]))
    whole = texts(make(population(seeds), 1000))
    assert first[0] + second[0] == whole[0]
    assert second[3] == whole[3]


def test_mutants_of_mutants_get_further_from_the_seed_programs(seeds):
    programs, roots, depths, _, _ = make(population(seeds[:5], is_open_ended=True), 5000)
    assert depths.max() > 3
    assert roots.max() < 5
    assert max(map(len, programs)) <= 100


def test_crossover_brings_lines_of_another_program(seeds):
    a = Program.parse("x1 = asindices(I)\nO = fill(I, THREE, x1)")
    b = Program.parse(
        "x1 = objects(I, T, F, T)\nx2 = merge(x1)\nx3 = toindices(x2)\nO = fill(I, ONE, x3)"
    )
    task = seeds[0][0]
    programs, roots, _, _, _ = make(
        population([(task, a), (task, b)], weights=CROSSOVER), 200, end=50_000
    )
    found = {p.text for p, root in zip(programs, roots.tolist(), strict=True) if root == 0}
    assert (
        "x1 = objects(I, T, F, T)\nx2 = merge(x1)\nx3 = toindices(x2)\nO = fill(I, THREE, x3)"
        in found
    )
    own = [p.text for p in make(population([(task, a)], weights=CROSSOVER), 50, end=20_000)[0]]
    assert all("objects" not in text for text in own)


def test_draws_that_repeat_a_mutant_are_counted(seeds):
    _, _, _, valid, following = make(population(seeds), 3000)
    assert (valid[1:] > valid[:-1]).all()
    assert 3000 < valid[-1] < following
    one = Program.parse("O = rot90(I)")  # which has few mutants
    made = make(population([(seeds[0][0], one)]), 20, end=100_000)
    assert made[3][-1] > 2 * len(made[0])


def test_no_more_is_drawn_than_is_allowed(seeds):
    one = Program.parse("O = canvas(ZERO, UNITY)")
    some = population([(seeds[0][0], one)], weights=(0.0, 1.0, 0.0, 0.0, 0.5))
    assert texts(make(some, 10, end=100_000)) == ([], [], [], 100_000, [])


# ---- Hits


def ordinary(programs, tasks, limits):
    """The hits by `execute`."""
    pairs = [task.demonstrations[0] for task in tasks]
    runs = execute_groups([(programs, [pair.input]) for pair in pairs], 1, limits)
    return {
        (p, t)
        for t, (pair, results) in enumerate(zip(pairs, runs, strict=True))
        for p in np.flatnonzero(results.match([pair.output])[:, 0]).tolist()
    }


def matched(bases, programs, base_of, tasks, limits, threads=1):
    pairs = [task.demonstrations[0] for task in tasks]
    families = mutation.Families(bases, programs, np.array(base_of, np.uint32), threads)
    numbers, targets = families.match(
        [pair.input for pair in pairs], [pair.output for pair in pairs], limits._native(), threads
    )
    found = list(zip(numbers.tolist(), targets.tolist(), strict=True))
    assert found == sorted(found, key=lambda hit: hit[::-1])
    return set(found)


@pytest.fixture(scope="module")
def mutants(seeds):
    programs, roots, _, _, _ = make(population(seeds), 1500)
    return programs, roots


@pytest.mark.parametrize(
    "limits",
    [
        FUEL,
        *(Limits(fuel=fuel) for fuel in (100, 400, 1000, 4000)),
        *(Limits(fuel=10**6, max_bytes=size) for size in (4096, 8192, 1 << 15)),
        Limits(fuel=10**6, max_depth=2),
        *(Limits(fuel=10**6, max_len=length) for length in (2, 4, 12, 20, 100)),
    ],
    ids=str,
)
def test_hits_are_those_of_ordinary_runs_under_all_limits(seeds, mutants, tasks, limits):
    programs, roots = mutants
    own = [task for task, _ in seeds]  # of which many are solved
    found = matched([p for _, p in seeds], programs, roots, [*tasks, *own], limits)
    assert found == ordinary(programs, [*tasks, *own], limits)
    if limits == FUEL:
        assert len(found) > 100


def test_hits_do_not_depend_on_threads_or_on_which_program_is_the_base(seeds, mutants, tasks):
    programs, roots = mutants
    bases = [program for _, program in seeds]
    own = [*tasks, *(task for task, _ in seeds)]
    found = matched(bases, programs, roots, own, FUEL)
    assert matched(bases, programs, roots, own, FUEL, threads=3) == found
    random = np.random.default_rng(5)
    others = random.integers(len(bases), size=len(programs))
    assert matched(bases, programs, others, own, FUEL) == found
    assert (
        matched(programs[:50], programs, random.integers(50, size=len(programs)), own, FUEL)
        == found
    )


STRANGE = [
    "O = hmirror(I)",
    "x1 = hmirror(I)\nO = identity(x1)",
    "x1 = canvas(ONE, THREE_BY_THREE)\nO = hmirror(I)",  # a line that O does not need
    "x1 = first(ONE)\nO = hmirror(I)",  # one that fails
    "O = identity(O)",
    "x1 = compose(size, x1)\nO = x1(I, I, I, I, I, I)",
    "ONE = identity(TWO)\nI = canvas(ONE, UNITY)\nO = hconcat(I, I)",
    "x1 = asindices(I)\nx2 = asindices(I) \nx3 = intersection(x1, x2)\nO = fill(I, ZERO, x3)",
    "x1 = asindices(I)\nx3 = intersection(x1, x1)\nO = fill(I, ZERO, x3)",
    "x1 = hmirror(I, I)\nO = identity(x1)",
    "x1 = compose(hmirror, hmirror)\nO = x1(I)",
    "x1 = compose(hmirror, hmirror)\nx2 = x1(I)\nO = hmirror(x2)",
    # The order of a set of closures.
    "x1 = lbind(replace, I)\nx2 = rbind(x1, ONE)\nx3 = rbind(x1, TWO)\nx4 = initset(x2)\n"
    "x5 = insert(x3, x4)\nx6 = first(x5)\nO = x6(ZERO)",
    "x1 = lbind(replace, I)\nx3 = rbind(x1, TWO)\nx2 = rbind(x1, ONE)\nx4 = initset(x2)\n"
    "x5 = insert(x3, x4)\nx6 = first(x5)\nO = x6(ZERO)",
    # Results that are grids, but no dense ones.
    "x1 = astuple(ONE, TWO)\nx2 = repeat(x1, TWO)\nO = identity(x2)",
    "x1 = equality(I, I)\nx2 = repeat(x1, THREE)\nO = repeat(x2, THREE)",
]


def test_strange_programs_hit_as_ordinary_ones_whatever_their_base():
    from codeit.tasks.task import Example, Task

    programs = [Program.parse(text) for text in STRANGE]
    grid = np.array([[0, 1, 2], [3, 0, 5], [0, 0, 8]], np.uint8)
    outputs = [run(program, grid).grid for program in programs]
    pairs = [Example(grid, output) for output in outputs if output is not None]
    tasks = [Task(f"t{k}", (pair,), ()) for k, pair in enumerate(pairs)]
    expected = ordinary(programs, tasks, FUEL)
    assert len(expected) >= len(tasks) > 8
    for base in range(len(programs)):
        assert matched(programs, programs, [base] * len(programs), tasks, FUEL) == expected
    for length in (2, 3, 4, 10):
        limits = Limits(max_len=length)
        expected = ordinary(programs, tasks, limits)
        for base in range(len(programs)):
            assert matched(programs, programs, [base] * len(programs), tasks, limits) == expected


def test_programs_of_other_dialects_than_their_base_run_by_their_own(seeds, tasks):
    text = "x1 = canvas(ZERO, TWO_BY_TWO)\nO = hmirror(I)"
    programs = [Program.parse(text), Program.parse(text, "arc-dsl")]
    assert matched(programs, programs, [1, 0], tasks, FUEL) == ordinary(programs, tasks, FUEL)


def test_nothing_matches_nothing(seeds, tasks):
    program = seeds[0][1]
    assert matched([program], [], [], tasks, FUEL) == set()
    assert matched([], [], [], [], FUEL) == set()
    assert matched([program], [program], [0], [], FUEL) == set()


# ---- Hostile arguments


PROGRAM = Program.parse("x1 = hmirror(I)\nO = vconcat(I, x1)")
GRID = np.arange(6, dtype=np.uint8).reshape(2, 3)
ONES = np.zeros(2, np.uint32)


def small_population(grid, fuel, seed):
    some = mutation.Population(PROGRAM, WEIGHTS, seed, True, (fuel, 1 << 20, 100, 0, 1 << 20))
    some.add_root(PROGRAM, [grid])
    return some


def test_hostile_arguments_of_populations_are_refused_or_harmless():
    def make_some(grid, fuel, seed, count, threads):
        small_population(grid, fuel, seed).make(Program, count, 0, 2000, threads)

    attack(make_some, [GRID, 10_000, 7, 5, 2])

    def make_more(roots, depths, first):
        some = small_population(GRID, 10_000, 7)
        some.add_known([PROGRAM, PROGRAM], roots, depths, 1)
        some.make(Program, 3, first, first + 500, 1)

    attack(make_more, [ONES, ONES, 9])


def test_hostile_arguments_of_families_are_refused_or_harmless():
    def find(base_of, grid, output, fuel, threads):
        families = mutation.Families([PROGRAM], [PROGRAM, PROGRAM], base_of, threads)
        families.match([grid], [output], (fuel, 1 << 20, 100, 0, 1 << 20), threads)

    attack(find, [ONES, GRID, GRID, 10_000, 2])


@pytest.mark.parametrize("value", [None, 7, "O = trim(I)", vm.CompiledProgram()])
def test_what_is_no_program_is_refused(value):
    some = small_population(GRID, 1000, 1)
    for call in (
        lambda: mutation.Population(value, WEIGHTS, 1, False, FUEL._native()),
        lambda: some.add_root(value, [GRID]),
        lambda: some.add_known([value], ONES[:1], ONES[:1], 1),
        lambda: mutation.Families([value], [PROGRAM], ONES[:1], 1),
        lambda: mutation.Families([PROGRAM], [value], ONES[:1], 1),
    ):
        with pytest.raises(TypeError):
            call()


def test_a_population_is_of_one_language_and_dialect():
    other = Program.parse(PROGRAM.text, "arc-dsl")
    with pytest.raises(ValueError, match="another language or dialect"):
        small_population(GRID, 1000, 1).add_root(other, [GRID])


def test_seed_programs_need_inputs_and_draws_programs():
    some = mutation.Population(PROGRAM, WEIGHTS, 1, False, FUEL._native())
    assert make(some, 5)[0] == []
    with pytest.raises(ValueError, match="at least one input"):
        some.add_root(PROGRAM, [])
    with pytest.raises(ValueError, match="root 1: there are 0"):
        some.add_known([PROGRAM], ONES[:1] + 1, ONES[:1], 1)
