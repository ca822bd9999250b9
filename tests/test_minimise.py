import numpy as np
import pytest

import codeit
from codeit import Limits, Outcome, Program, execute, minimise
from codeit._native import search
from codeit.language import STANDARD, NewPrimitive, load_seed_programs
from codeit.parallel.threads import ordered_map

TASKS = {task.task_id: task for task in codeit.arc.load("arc1-training")}
SEEDS = [seed for seed in load_seed_programs() if seed.task_id in TASKS][::6]
GRID = np.array([[1, 2, 0, 3], [0, 2, 4, 4], [5, 0, 0, 1]], np.uint8)
SQUARES = [np.array([[1, 2, 3], [0, 0, 4], [5, 0, 6]], np.uint8), np.eye(3, dtype=np.uint8)]


def inputs_of(task):
    return [example.input for example in (*task.demonstrations, *task.tests)]


def text(program, grids=(GRID,), **options):
    return minimise(Program.parse(program), grids, **options).text


@pytest.fixture(scope="module")
def minimised():
    def work(seed):
        return minimise(seed.program, inputs_of(TASKS[seed.task_id]))

    with ordered_map(work, SEEDS, 2) as programs:
        return list(programs)


# ---- The corpus ------------------------------------------------------------------------------


def test_no_output_of_the_corpus_changes_on_any_input(minimised):
    for seed, program in zip(SEEDS, minimised, strict=True):
        grids = inputs_of(TASKS[seed.task_id])
        runs = execute([seed.program, program], grids, 1)
        for k in range(len(grids)):
            assert runs[0, k].outcome == runs[1, k].outcome
            assert np.array_equal(runs.grid(0, k), runs.grid(1, k)), seed.task_id


def test_no_program_of_the_corpus_becomes_longer_and_many_become_shorter(minimised):
    saved = []
    for seed, program in zip(SEEDS, minimised, strict=True):
        assert len(program) <= len(seed.program)
        saved.append(len(seed.program.text) - len(program.text))
    assert min(saved) >= 0
    assert np.count_nonzero(saved) > 0.25 * len(saved)


def test_what_was_minimised_stays_as_it_is(minimised):
    for seed, program in zip(SEEDS[::2], minimised[::2], strict=True):
        assert minimise(program, inputs_of(TASKS[seed.task_id])) == program


def test_the_result_depends_on_the_arguments_alone(minimised):
    for seed, program in zip(SEEDS[:15], minimised[:15], strict=True):
        assert minimise(seed.program, inputs_of(TASKS[seed.task_id])) == program


def test_a_small_budget_gives_a_right_program_too():
    for evaluations in (0, 100, 1000):
        for seed in SEEDS[:15]:
            grids = inputs_of(TASKS[seed.task_id])
            program = minimise(seed.program, grids, evaluations=evaluations)
            assert len(program.text) <= len(seed.program.text)
            runs = execute([seed.program, program], grids, 1)
            assert all(np.array_equal(runs.grid(0, k), runs.grid(1, k)) for k in range(len(grids)))


# ---- Each rule -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "shorter"),
    [
        ("x1 = hmirror(I)\nO = vmirror(I)", "O = vmirror(I)"),
        ("x1 = add(ONE, TWO)\nO = upscale(I, x1)", "O = upscale(I, THREE)"),
        ("x1 = rot90(I)\nx2 = rot270(x1)\nO = hconcat(x2, I)", "O = hconcat(I, I)"),
        (
            "x1 = vmirror(I)\nx2 = rot180(I)\nx3 = hmirror(x2)\nO = hconcat(x1, x3)",
            "x1 = vmirror(I)\nO = hconcat(x1, x1)",
        ),
        ("x1 = branch(T, hmirror, vmirror)\nO = x1(I)", "O = hmirror(I)"),
        ("x1 = compose(hmirror, vmirror)\nO = x1(I)", "O = rot180(I)"),
        ("x1 = dmirror(I)\nO = cmirror(x1)", "O = rot180(I)"),
        (
            "x1 = replace(I, ONE, TWO)\nx2 = shape(x1)\nO = canvas(ZERO, x2)",
            "x1 = shape(I)\nO = canvas(ZERO, x1)",
        ),
        (
            "x1 = shape(I)\nx2 = first(x1)\nx3 = last(x1)\nx4 = add(x2, x2)\nx5 = astuple(x3, x4)"
            "\nO = canvas(ZERO, x5)",
            "x1 = size(I)\nx2 = width(I)\nx3 = double(x1)\nx4 = astuple(x2, x3)"
            "\nO = canvas(ZERO, x4)",
        ),
    ],
    ids=[
        "a line that nothing needs goes",
        "what is constant is computed",
        "a line that is the input is the input",
        "two lines of the same values are one",
        "a line that is a primitive is the primitive",
        "a function that is called once is called directly",
        "one call takes the place of two",
        "an argument is replaced by a simpler one",
        "all users of a line do without it",
    ],
)
def test_a_rule(program, shorter):
    assert text(program) == shorter
    assert text(shorter) == shorter


@pytest.mark.parametrize(
    ("program", "grids"),
    [
        ("x1 = size(I)\nO = upscale(I, x1)", [GRID, GRID[:, :2]]),
        ("x1 = size(I)\nx2 = width(I)\nx3 = hupscale(I, x1)\nO = vupscale(x3, x2)", SQUARES),
        ("x1 = mostcolor(I)\nO = canvas(x1, THREE_BY_THREE)", SQUARES),
        ("x1 = shape(I)\nO = canvas(THREE, x1)", SQUARES),
        ("x1 = hmirror(I)\nO = hconcat(I, x1)", [np.eye(3, dtype=np.uint8)[[0, 1, 0]]]),
    ],
    ids=["rows", "squares", "color", "shape", "symmetry"],
)
def test_what_is_equal_by_accident_stays(program, grids):
    assert text(program, grids) == program


@pytest.mark.parametrize("dialect", ["codeit", "arc-dsl"])
def test_the_dialect_stays(dialect):
    program = minimise(Program.parse("x1 = dmirror(I)\nO = cmirror(x1)", dialect), [GRID])
    assert program == Program.parse("O = rot180(I)", dialect)


def test_the_names_of_the_programs_language_are_used():
    turn = NewPrimitive("turn", (("Grid", "grid"),), "Grid", "rot180")
    language = STANDARD.extended([turn])
    program = Program.parse("x1 = dmirror(I)\nO = cmirror(x1)", language=language)
    assert minimise(program, [GRID]) == Program.parse("O = turn(I)", language=language)


# ---- Outputs that must not change ------------------------------------------------------------


def test_the_order_of_sets_stays_where_the_result_shows_it():
    program = Program.parse(
        "x1 = ofcolor(I, ZERO)\nx2 = ofcolor(I, TWO)\nx3 = combine(x1, x2)\nx4 = combine(x2, x1)\n"
        "x5 = totuple(x3)\nx6 = totuple(x4)\nO = astuple(x5, x6)"
    )
    rng = np.random.default_rng(0)
    for _ in range(50):
        grid = rng.choice([0, 2, 5], (9, 11)).astype(np.uint8)
        before, after = (codeit.run(p, grid) for p in (program, minimise(program, [grid])))
        assert before.value_json() == after.value_json()


def test_a_failure_stays_a_failure():
    program = Program.parse(
        "x1 = ofcolor(I, ONE)\nx2 = dmirror(I)\nx3 = cmirror(x2)\nx4 = first(x1)\n"
        "x5 = shift(x1, x4)\nO = fill(x3, TWO, x5)"
    )
    grids = [GRID, np.zeros((3, 3), np.uint8), GRID[:2]]
    shorter = minimise(program, grids)
    assert len(shorter.text) < len(program.text)
    runs = execute([program, shorter], grids, 1)
    outcomes = [[runs[p, k].outcome for k in range(3)] for p in range(2)]
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][1] != Outcome.ok


def test_a_line_that_nothing_needs_stays_where_it_fails_on_an_input():
    program = "x1 = ofcolor(I, ONE)\nx2 = first(x1)\nO = hmirror(I)"
    assert text(program, [GRID, np.zeros((3, 3), np.uint8)]) == program
    assert text(program, [GRID]) == "O = hmirror(I)"


@pytest.mark.parametrize(
    "program",
    [
        "O = first(ZERO)",
        "x1 = first(ZERO)\nO = hmirror(I)",
        "x1 = dmirror(I)\nx2 = cmirror(x1)\nO = compose(hmirror, vmirror)",
        "x1 = dmirror(I)\nx2 = cmirror(x1)\nO = totuple(hmirror)",
        "x1 = hmirror(I, I)\nO = cmirror(I)",
        "x1 = hmirror(x1)\nO = cmirror(I)",
    ],
)
def test_a_program_without_results_to_compare_stays_as_it_is(program):
    assert text(program) == program


def test_a_program_that_shadows_names_stays_as_it_is():
    program = "I = dmirror(I)\nO = cmirror(I)"
    assert minimise(Program.parse(program), [GRID]) == Program.parse(program)


def test_a_program_that_meets_a_limit_stays_as_it_is():
    program = "x1 = hmirror(I)\nx2 = upscale(I, NINE)\nO = rot90(x2)"
    assert text(program, limits=Limits(fuel=100)) == program
    assert text(program) != program


def test_a_program_of_thousands_of_lines_ends():
    lines = [f"x{k} = hmirror({'I' if k == 1 else f'x{k - 1}'})" for k in range(1, 5001)]
    long = "\n".join([*lines, "O = vmirror(x5000)"])
    assert text(long) == long
    assert text("\n".join([*lines, "O = vmirror(I)"])) == "O = vmirror(I)"
    short = "\n".join([*lines[:99], "O = hmirror(x99)"])
    assert len(text(short)) < 40


def test_noise_ends_within_the_budget():
    rng = np.random.default_rng(1)
    grids = [rng.integers(0, 10, (30, 30), np.uint8) for _ in range(10)]
    for seed in SEEDS[::8]:
        program = minimise(seed.program, grids, evaluations=2_000)
        runs = execute([seed.program, program], grids, 1)
        for k in range(len(grids)):
            assert runs[0, k].outcome == runs[1, k].outcome


# ---- What comes from outside -----------------------------------------------------------------

PROGRAM = Program.parse("O = hmirror(I)")


@pytest.mark.parametrize(
    ("arguments", "options", "error", "said"),
    [
        (("O = hmirror(I)", [GRID]), {}, TypeError, "use Program.parse"),
        ((PROGRAM, 3), {}, TypeError, "grids is 3; allowed: lists"),
        ((PROGRAM, []), {}, ValueError, "grids are empty"),
        ((PROGRAM, [GRID, [[11]]]), {}, ValueError, "grid 1"),
        ((PROGRAM, [np.zeros((31, 3), np.uint8)]), {}, ValueError, "grid 0"),
        ((PROGRAM, [GRID]), {"evaluations": -1}, ValueError, "evaluations is -1"),
        ((PROGRAM, [GRID]), {"evaluations": 0.5}, ValueError, "evaluations is 0.5"),
        ((PROGRAM, [GRID]), {"limits": 3}, TypeError, "limits"),
    ],
)
def test_what_comes_from_outside_is_checked(arguments, options, error, said):
    with pytest.raises(error, match=said):
        minimise(*arguments, **options)


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        ({"program": Program.__new__(Program)}, TypeError, "has no lines"),
        ({"program": None}, TypeError, "program"),
        ({"inputs": []}, ValueError, "no inputs"),
        ({"inputs": [np.zeros((31, 3), np.uint8)]}, ValueError, "sides from 1"),
        ({"inputs": [np.full((3, 3), 10, np.uint8)]}, ValueError, "a grid is"),
        ({"inputs": [np.zeros((3, 3))]}, ValueError, "a grid is"),
        ({"limits": (-1, 2**20, 100, 0, 0)}, ValueError, "limits are"),
        ({"limits": (1, 2**20, 100, 0, 2**36)}, ValueError, "limits are"),
        ({"evaluations": 2**70}, ValueError, "evaluations"),
        ({"max_bytes": 1}, ValueError, "max_bytes"),
    ],
)
def test_the_native_function_checks_what_it_is_given(changed, error, said):
    arguments = {
        "kind": Program,
        "program": PROGRAM,
        "inputs": [GRID],
        "limits": Limits()._native(),
        "evaluations": 100,
        "max_bytes": 2**26,
    } | changed
    with pytest.raises(error, match=said):
        search.minimise(*arguments.values())
