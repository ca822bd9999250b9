"""Programs that begin with the same lines share their runs, and nothing tells: not even fuel."""

import numpy as np
import pytest

from codeit import Limits, Outcome, Program, execute, execute_groups
from codeit.language import load_seed_programs
from codeit.mutation import MutationSettings, mutate
from codeit.tasks.task import Example, Task


def same(together, alone):
    """Whether two results of one run on one input are equal in all that a batch returns."""
    return (
        together.outcome == alone.outcome
        and together.fuel == alone.fuel
        and (together.grid is None) == (alone.grid is None)
        and (alone.grid is None or np.array_equal(together.grid, alone.grid))
    )


def check(programs, grids, limits):
    """Run a batch and the same without sharing; returns the results of the batch."""
    results = execute(programs, grids, threads=1, limits=limits)
    alone = execute_groups([(programs, grids)], threads=1, limits=limits, share=False)[0]
    for p, program in enumerate(programs):
        for i in range(len(grids)):
            assert same(results[p, i], alone[p, i]), (program.text, results[p, i], alone[p, i])
    return results


def grids(random, count):
    for _ in range(count):
        height, width = random.integers(1, 31, size=2)
        colors = random.choice(10, size=int(random.integers(1, 5)), replace=False)
        yield random.choice(colors, size=(height, width)).astype(np.uint8)


@pytest.fixture(scope="module")
def families():
    """Seed programs with 24 mutants each, and two grids."""
    seed = 20_261_123
    print(f"seed {seed}")
    random = np.random.default_rng(seed)
    made = []
    for found in load_seed_programs(None, "codeit")[::4]:
        inputs = list(grids(random, 2))
        task = Task(found.task_id, tuple(Example(grid, grid) for grid in inputs), ())
        settings = MutationSettings(num_tasks=24)
        mutants = mutate([(task, found.program)], settings, seed, Limits(fuel=130_000))
        programs = [found.program, *(mutant.program for mutant in mutants)]
        random.shuffle(programs)
        made.append((programs, inputs))
    assert sum(len(programs) for programs, _ in made) > 1500
    return made


@pytest.mark.parametrize(
    "limits",
    [
        Limits(fuel=130_000),
        Limits(fuel=1_500),
        Limits(fuel=130_000, max_bytes=1 << 14),
        Limits(fuel=130_000, max_len=20),
    ],
    ids=["ample", "little fuel", "little memory", "short values"],
)
def test_a_family_of_mutants_returns_what_each_returns_alone(families, limits):
    seen = set()
    for programs, inputs in families:
        results = check(programs, inputs, limits)
        seen |= set(results.outcome.ravel().tolist())
    assert Outcome.ok in seen
    assert len(seen) > 3


def test_threads_and_order_make_no_difference(families):
    programs = [program for family, _ in families for program in family]
    inputs = families[0][1]
    one = execute(programs, inputs, threads=1, limits=Limits(fuel=5000))
    two = execute(programs, inputs, threads=2, limits=Limits(fuel=5000))
    back = execute(programs[::-1], inputs, threads=1, limits=Limits(fuel=5000))
    for p in range(len(programs)):
        for i in range(len(inputs)):
            assert same(two[p, i], one[p, i])
            assert same(back[len(programs) - 1 - p, i], one[p, i])


def family(prefix, *ends, dialect="codeit"):
    return [Program.parse(f"{prefix}\n{end}", dialect) for end in ends]


GRID = (np.arange(900).reshape(30, 30) % 7 % 5 % 3).astype(np.uint8)

# Each end asks the values of the prefix for something that they work out when they are first asked.
FAMILIES = {
    "the order of a set": family(
        "x1 = asindices(I)\nx2 = shift(x1, UNITY)\nx3 = ofcolor(I, ONE)\nx4 = combine(x2, x3)",
        "O = totuple(x4)",
        "O = first(x4)",
        "O = remove(ORIGIN, x4)",
        "x5 = initset(x4)\nO = insert(x2, x5)",
        "O = totuple(x2)",
        "O = size(x4)",
    ),
    "a joined tuple": family(
        "x1 = objects(I, T, F, F)\nx2 = totuple(x1)\nx3 = lbind(recolor, TWO)\n"
        "x4 = apply(x3, x2)\nx5 = merge(x4)",
        "O = paint(I, x5)",
        "O = first(x5)",
        "x6 = size(x5)\nO = canvas(x6, ORIGIN)",
        "x6 = repeat(x5, TWO)\nO = merge(x6)",
    ),
    "the most common color": family(
        "x1 = vmirror(I)",
        "O = mostcolor(x1)",
        "x2 = mostcolor(x1)\nO = replace(x1, x2, FIVE)",
        "x2 = mostcolor(x1)\nx3 = asobject(x1)\nO = mostcolor(x3)",
        "O = leastcolor(x1)",
    ),
    "the serials of closures": family(
        "x1 = lbind(add, ONE)\nx2 = rbind(add, TWO)\nx3 = initset(x1)\nx4 = insert(x2, x3)",
        "O = totuple(x4)",
        "x5 = compose(x1, x2)\nx6 = insert(x5, x4)\nO = totuple(x6)",
        "x5 = chain(x1, x2, x1)\nx6 = insert(x5, x4)\nx7 = first(x6)\nO = x7(ONE)",
        "x5 = last(x4)\nO = x5(THREE)",
    ),
    "an error in the lines that are shared": family(
        "x1 = asindices(I)\nx2 = first(ZERO)", "O = size(x1)", "O = first(x1)", "O = identity(x2)"
    ),
    "names of constants": family(
        "ONE = asindices(I)", "O = size(ONE)", "TWO = size(ONE)\nO = canvas(TWO, UNITY)"
    ),
    "more changes than are kept": family(
        "x1 = asindices(I)\nx2 = totuple(x1)\nx3 = apply(neighbors, x2)\n"
        "x4 = apply(dneighbors, x2)\nx5 = apply(ineighbors, x2)",
        "x6 = apply(totuple, x3)\nx7 = apply(totuple, x4)\nx8 = apply(totuple, x5)\nO = size(x8)",
        "x6 = apply(totuple, x5)\nx7 = apply(totuple, x4)\nx8 = apply(totuple, x3)\nO = first(x8)",
        "O = merge(x3)",
        "O = merge(x5)",
    ),
    "the same program again": family("x1 = hmirror(I)", *["O = vmirror(x1)"] * 3),
    "one program that ends where another goes on": [
        Program.parse("O = hmirror(I)"),
        Program.parse("x1 = hmirror(I)\nO = vmirror(x1)"),
    ],
}


@pytest.mark.parametrize("name", FAMILIES)
def test_what_a_run_works_out_is_forgotten_before_the_next(name):
    programs = FAMILIES[name]
    check(programs, [GRID], Limits())
    check(programs[::-1], [GRID], Limits(max_len=50))


def test_dialects_share_nothing():
    prefix = "x1 = objects(I, T, F, F)\nx2 = merge(x1)"
    programs = [
        *family(prefix, "O = fill(I, ONE, x2)", "O = first(x2)"),
        *family(prefix, "O = fill(I, ONE, x2)", "O = last(x2)", dialect="arc-dsl"),
    ]
    check(programs, [GRID], Limits())


def test_a_program_of_many_lines_shares_nothing_and_is_right():
    lines = ["x1 = hmirror(I)"]
    lines += [f"x{k} = {'vh'[k % 2]}mirror(x{k - 1})" for k in range(2, 300)]
    programs = family("\n".join(lines), "O = hmirror(x299)", "O = vmirror(x299)")
    check(programs, [GRID], Limits())
