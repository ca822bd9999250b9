"""Primitives of one's own: what they are given, what becomes of it, and who knows them."""

import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest

import codeit
from codeit import Outcome, Program, execute, run
from codeit._native import mutation as native_mutation
from codeit._native import vm
from codeit.execution.executor import Limits
from codeit.language import (
    STANDARD,
    current,
    load_seed_programs,
    own_primitives,
    remove_own,
)
from codeit.primitives import trial
from codeit.primitives.decorator import PrimitiveWarning
from codeit.primitives.plain import MAX_LINES

pytestmark = pytest.mark.filterwarnings("ignore:.* every call of it in a trial ended by")

GRID = np.array([[1, 2, 0], [3, 0, 4]], np.uint8)


@pytest.fixture(autouse=True)
def forgotten():
    """No primitive outlives its test."""
    yield
    for name in list(own_primitives()):
        remove_own(name)


def stretched(grid, factor, out):
    """every column `factor` times

    and more.
    """
    height, width = grid.shape
    for i in range(height):
        for j in range(width * factor):
            out[i, j] = grid[i, j // factor]
    return height, width * factor


def reversed_rows(grid, out):
    height, width = grid.shape
    for i in range(height):
        for j in range(width):
            out[i, j] = grid[height - 1 - i, j]
    return height, width


@pytest.fixture
def stretch():
    pytest.importorskip("numba")
    codeit.primitive("Grid, Integer -> Grid", compiled=True)(stretched)


def outcome_of(text, grid=GRID, **limits):
    return run(Program.parse(text), grid, Limits(**limits)).outcome


# ---- Compiled and plain


@pytest.fixture(params=[True, False], ids=["compiled", "plain"])
def own(request):
    """Registers functions one way or the other."""
    if request.param:
        pytest.importorskip("numba")
    return lambda signature, **more: codeit.primitive(signature, compiled=request.param, **more)


def test_a_function_is_a_primitive_from_then_on(own):
    with pytest.raises(codeit.ProgramError, match="'stretched'"):
        Program.parse("O = stretched(I, TWO)")
    assert own("Grid, Integer -> Grid")(stretched) is stretched
    program = Program.parse("x1 = stretched(I, TWO)\nO = hmirror(x1)")
    assert (run(program, GRID).grid == np.repeat(GRID, 2, 1)[::-1]).all()
    row = current().primitives["stretched"]
    assert row.signature == "stretched(grid: Grid, factor: Integer) -> Grid"
    assert row.summary == "every column `factor` times"
    assert codeit.call("stretched", GRID, 2) == tuple(map(tuple, np.repeat(GRID, 2, 1).tolist()))
    remove_own("stretched")
    assert current() is STANDARD
    assert (run(program, GRID).grid == np.repeat(GRID, 2, 1)[::-1]).all()  # which has its language


def test_each_type_comes_and_goes_as_what_it_is(own):
    def moved(cells, by, out):
        for k in range(len(cells)):
            out[k, 0] = cells[k, 0]
            out[k, 1] = cells[k, 1] + by[0]
            out[k, 2] = cells[k, 2] + by[1]
        return len(cells)

    def diagonal(places, out):
        n = 0
        for k in range(len(places)):
            if places[k, 0] == places[k, 1]:
                out[n, 0] = places[k, 0]
                out[n, 1] = places[k, 1]
                n += 1
        return n

    def measured(grid, is_wide, n):
        return (grid.shape[1] if is_wide else grid.shape[0]) + n

    def is_tall(grid):
        return grid.shape[0] > grid.shape[1]

    def sides(grid):
        return grid.shape[0], grid.shape[1]

    own("Object, IntegerTuple -> Object")(moved)
    own("Patch -> Indices")(diagonal)
    own("Grid, Boolean, Integer -> Integer")(measured)
    own("Grid -> Boolean")(is_tall)
    own("Grid -> IntegerTuple")(sides)
    for ours, theirs in [
        ("x1 = asobject(I)\nO = moved(x1, UNITY)", "x1 = asobject(I)\nO = shift(x1, UNITY)"),
        ("x1 = asobject(I)\nx2 = diagonal(x1)\nO = fill(I, NINE, x2)", None),
        ("O = measured(I, T, TWO)", "x1 = width(I)\nO = add(x1, TWO)"),
        ("O = measured(I, F, TWO)", "x1 = height(I)\nO = add(x1, TWO)"),
        ("O = is_tall(I)", "O = portrait(I)"),
        ("O = sides(I)", "O = shape(I)"),
    ]:
        result = run(Program.parse(ours), GRID)
        if theirs is None:
            assert result.grid.tolist() == [[9, 2, 0], [3, 9, 4]]
        else:
            said, known = (json_of(r) for r in (result, run(Program.parse(theirs), GRID)))
            assert said == known, ours


def json_of(result):
    value = result.value_json()
    is_set = isinstance(value, list) and value[0] == "s"
    return sorted(map(str, value)) if is_set else value


def test_equal_sets_are_given_alike_however_they_came_about(own):
    def first(places, out):
        out[0, 0] = places[0, 0]
        out[0, 1] = places[0, 1]
        return 1

    own("Indices -> Indices", name="least", max_elements=1)(first)
    texts = ["x1 = asindices(I)", "x0 = asindices(I)\nx1 = dmirror(x0)"]
    for text in texts:
        program = Program.parse(f"{text}\nx2 = least(x1)\nO = fill(I, NINE, x2)")
        assert run(program, GRID).grid[0, 0] == 9


def test_scratch_room_is_the_last_parameter(own):
    def commonest(grid, room):
        height, width = grid.shape
        for i in range(height):
            for j in range(width):
                room[grid[i, j]] += 1
        best = 0
        for k in range(10):
            if room[k] > room[best]:
                best = k
        return best

    own("Grid -> Integer", scratch=10)(commonest)
    program = Program.parse(
        "x1 = commonest(I)\nx2 = hmirror(I)\nx3 = commonest(x2)\n"
        "x4 = subtract(x3, x1)\nx5 = add(x4, x3)\nO = canvas(x5, UNITY)"
    )
    assert run(program, [[7, 7], [1, 2]]).grid.tolist() == [[7]]


@pytest.mark.parametrize("text", ["O = stretched(ONE, TWO)", "O = stretched(I, I)"])
def test_arguments_of_other_types_are_a_type_error(own, text):
    own("Grid, Integer -> Grid")(stretched)
    assert outcome_of(text) == Outcome.type_error


def test_what_fails_or_returns_too_much_is_an_error_of_the_primitive(own):
    own("Grid, Integer -> Grid")(stretched)
    assert outcome_of("O = stretched(I, ZERO)") == Outcome.primitive_error  # a division by zero
    assert outcome_of("O = stretched(I, TEN)") == Outcome.ok
    tall = np.zeros((30, 30), np.uint8)
    assert outcome_of("O = stretched(I, ONE)", tall) == Outcome.ok
    assert outcome_of("O = stretched(I, TWO)", tall) == Outcome.primitive_error  # beyond `out`


@pytest.mark.parametrize("sides", [(31, 1), (1, 31), (0, 1), (1, -1), (2**40, 2**40)])
def test_a_shape_beyond_what_was_allowed_is_refused(own, sides):
    height, width = sides

    def shaped(grid, out):
        return height, width

    own("Grid -> Grid")(shaped)
    assert outcome_of("O = shaped(I)") == Outcome.primitive_error


@pytest.mark.parametrize("color", [10, -1, 127])
def test_a_color_that_is_none_is_refused(own, color):
    def colored(grid, out):
        out[0, 0] = color
        return 1, 1

    own("Grid -> Grid")(colored)
    assert outcome_of("O = colored(I)") == Outcome.primitive_error


def test_larger_results_are_allowed_where_they_are_asked_for(own):
    own("Grid, Integer -> Grid", max_sides=(30, 300))(stretched)
    program = Program.parse("x1 = stretched(I, TEN)\nx2 = stretched(x1, TEN)\nO = width(x2)")
    assert run(program, GRID).value_json() == 300


def test_an_endless_loop_ends_by_what_it_costs(own):
    def endless(grid):
        n = 0
        while n >= 0:
            n += 0
        return n

    own("Grid -> Integer")(endless)
    assert outcome_of("O = endless(I)", fuel=3_000_000) == Outcome.out_of_fuel


def test_a_loop_as_long_as_a_program_says_ends_by_what_it_costs(own):
    def summed(n):
        total = 0
        for k in range(n):
            total += k & 1
        return total

    own("Integer -> Integer")(summed)
    text = "x1 = multiply(TEN, TEN)\nx2 = multiply(x1, x1)\nx3 = multiply(x2, x2)\n"
    assert outcome_of(f"{text}O = summed(x3)") == Outcome.out_of_fuel
    assert run(Program.parse("O = summed(TEN)"), GRID).value_json() == 5


def test_results_are_those_of_every_number_of_threads(own):
    own("Grid, Integer -> Grid")(stretched)
    texts = [f"x1 = {f}(I)\nO = stretched(x1, {n})" for f in ("hmirror", "rot90") for n in NUMBERS]
    programs = [Program.parse(text) for text in texts] * 5
    grids = [GRID, np.eye(9, dtype=np.uint8), np.ones((1, 30), np.uint8)]
    one, four = (execute(programs, grids, threads=threads) for threads in (1, 4))
    for column in ("outcome", "fuel"):
        assert (getattr(one, column) == getattr(four, column)).all()
    assert (one.outcome == Outcome.ok).any()
    for p in range(len(programs)):
        for k in range(len(grids)):
            grid = four.grid(p, k)
            assert grid is None or (grid == one.grid(p, k)).all()


NUMBERS = ("ZERO", "ONE", "TWO", "NEG_ONE", "TEN")


def test_the_way_of_a_plain_run_changes_nothing(own):
    own("Grid, Integer -> Grid")(stretched)

    def counted(cells):
        return len(cells)

    own("Object -> Integer")(counted)
    text = "x1 = stretched(I, TWO)\nx2 = objects(x1, T, F, T)\nx3 = first(x2)\nO = counted(x3)"
    native = Limits()._native()
    runs = [
        vm.run_and_print_one(Program.parse(text), GRID, native, False, 100, is_plain)
        for is_plain in (True, False)
    ]
    assert runs[0][0] == runs[1][0] == Outcome.ok
    assert runs[0][3] == runs[1][3]


# ---- Only compiled, only plain


def test_fuel_is_charged_for_what_is_given_for_what_comes_back_and_for_steps(stretch):
    def fuel(width, factor):
        program = Program.parse(f"O = stretched(I, {factor})")
        return run(program, np.ones((1, width), np.uint8)).fuel

    assert fuel(20, "ONE") - fuel(10, "ONE") == 4 * 10 + 10 // 6 + 1  # the input is made, too
    assert fuel(10, "THREE") - fuel(10, "TWO") == 10 + 10


@pytest.mark.parametrize("at", [(0, 30), (30, 0), (-31, 0), (2**40, 0), (0, -(2**62))])
def test_a_compiled_function_writes_nowhere_but_into_its_result(at):
    pytest.importorskip("numba")
    i, j = at

    def beyond(grid, out):
        out[i, j] = 1
        return 1, 1

    codeit.primitive("Grid -> Grid", compiled=True)(beyond)
    assert outcome_of("O = beyond(I)") == Outcome.primitive_error
    assert not own_primitives()["beyond"].foreign.is_broken


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return 1", "it returns .*for Grid it has to return the height and the width"),
        ("grid[0, 0] = 1\n    return 1, 1", "line 2: it writes to an argument"),
        ("out[0, 0] = grid.copy()[0, 0]\n    return 1, 1", "line 2: it .*memory"),
        ("pass", "it returns none; for Grid"),
        ("return open(grid)", "line 2: "),
        ("return np.flipud(grid)", "line 2: it returns an array, for which"),  # and only reads it
        ("return 1, 0.5", r"it returns .*float64"),
    ],
)
def test_what_cannot_be_compiled_is_refused_in_a_line_or_run_by_python(tmp_path, body, message):
    pytest.importorskip("numba")
    path = tmp_path / "own.py"
    path.write_text(f"def made(grid, out):\n    {body}\n")
    names = {"np": np}
    exec(compile(path.read_text(), str(path), "exec"), names)
    with pytest.raises(ValueError, match=message) as refusal:
        codeit.primitive("Grid -> Grid", compiled=True)(names["made"])
    assert "\n" not in str(refusal.value)
    assert str(refusal.value).startswith("made: it cannot be compiled: ")
    with pytest.warns(UserWarning, match=f"made: Python runs it, slowly: {message}"):
        codeit.primitive("Grid -> Grid")(names["made"])
    assert outcome_of("O = made(I)") in (Outcome.ok, Outcome.primitive_error)


def test_a_primitive_whose_every_first_call_fails_says_so_and_how():
    def misspelled(grid, out):
        for i in rang(3):  # noqa: F821
            out[i, 0] = 1
        return 3, 1

    with pytest.warns(PrimitiveWarning, match="^misspelled: every call .* NameError: name 'rang'"):
        codeit.primitive("Grid -> Grid", compiled=False)(misspelled)

    def endless(grid):
        while True:
            pass

    with pytest.warns(PrimitiveWarning, match="^endless: every call .* ended by out_of_fuel$"):
        codeit.primitive("Grid -> Integer", compiled=False)(endless)


def test_a_primitive_that_fails_on_some_grids_alone_says_nothing():
    def small(grid):
        return 1 // (grid.shape[0] > 3)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        codeit.primitive("Grid -> Integer", compiled=False)(small)


def test_without_numba_python_runs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.warns(UserWarning, match="Python runs it, slowly: Numba is not to be had"):
        codeit.primitive("Grid, Integer -> Grid")(stretched)
    assert (run(Program.parse("O = stretched(I, TWO)"), GRID).grid == np.repeat(GRID, 2, 1)).all()
    with pytest.raises(ValueError, match="cannot be compiled: Numba is not to be had"):
        codeit.primitive("Grid -> Grid", compiled=True)(reversed_rows)


def test_importing_codeit_loads_no_numba():
    code = "import sys, codeit; codeit.primitive; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_function_of_python_may_return_values_of_its_own():
    @codeit.primitive("Grid, Integer -> Grid", compiled=False)
    def repeated(grid, n):
        return np.repeat(grid, n, axis=1)

    @codeit.primitive("Grid -> Object", compiled=False)
    def seen(grid):
        return {(int(grid[i, j]), int(i), int(j)) for i, j in np.argwhere(grid)}

    program = Program.parse("x1 = repeated(I, TWO)\nx2 = seen(x1)\nO = paint(x1, x2)")
    assert (run(program, GRID).grid == np.repeat(GRID, 2, 1)).all()


@pytest.mark.parametrize(
    "value",
    [
        *([[0.5]], [[float("nan")]], [[10]], [[-1]], [["a"]], [[]], [], 5, None, [[1], [1, 2]]),
        *(np.ones((31, 1)), np.ones((31, 1), int), [[[1]]], object()),
    ],
)
def test_what_python_returns_is_looked_at_before_it_is_a_value(value):
    codeit.primitive("Grid -> Grid", name="made", compiled=False)(lambda grid: value)
    assert outcome_of("O = made(I)") == Outcome.primitive_error


def test_arguments_of_python_functions_cannot_be_written_to():
    def overwritten(grid):
        grid[0, 0] = 5
        return grid

    codeit.primitive("Grid -> Grid", compiled=False)(overwritten)
    assert outcome_of("O = overwritten(I)") == Outcome.primitive_error
    assert "read-only" in own_primitives()["overwritten"].foreign.last_error


def test_an_exception_of_a_python_function_is_an_outcome_and_remembered():
    @codeit.primitive("Grid -> Integer", compiled=False)
    def failing(grid):
        raise KeyError("x")

    assert outcome_of("O = failing(I)") == Outcome.primitive_error
    assert own_primitives()["failing"].foreign.last_error == "KeyError: 'x'"


def test_an_interrupt_inside_a_python_function_reaches_the_caller():
    calls = []

    @codeit.primitive("Grid -> Integer", compiled=False)
    def interrupted(grid):
        calls.append(1)
        if len(calls) > 1 and calls[0] == 0:
            raise KeyboardInterrupt
        return 1

    calls[:] = [0]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            execute([Program.parse("O = interrupted(I)")], [GRID] * 10, threads=1)
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_python_function_runs_so_many_lines_and_no_more():
    @codeit.primitive("Integer -> Integer", compiled=False)
    def counted(n):
        total = 0
        while n > 0:
            n -= 1
        return total

    assert run(Program.parse("O = counted(TEN)"), GRID).outcome == Outcome.ok
    text = "x1 = multiply(TEN, TEN)\nx2 = multiply(x1, x1)\nx3 = multiply(x2, TEN)\nO = counted(x3)"
    assert MAX_LINES < 2 * 100_000
    assert outcome_of(text) == Outcome.out_of_fuel


def test_a_thread_of_ones_own_may_run_it():
    codeit.primitive("Grid, Integer -> Grid", compiled=False)(stretched)
    found = []
    program = Program.parse("O = stretched(I, TWO)")
    threads = [threading.Thread(target=lambda: found.append(run(program, GRID))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.outcome for result in found] == [Outcome.ok] * 4


# ---- What is refused


@pytest.mark.parametrize(
    ("signature", "more", "message"),
    [
        ("Grid", {}, "the signature is 'Grid'; allowed is one like 'Grid, Integer -> Grid'"),
        ("Grid -> Grid -> Grid", {}, "allowed is one like"),
        ("-> Grid", {}, "takes 0 arguments; allowed are 1 to 4"),
        ("Grid, Grid, Grid, Grid, Grid -> Grid", {}, "takes 5 arguments; allowed are 1 to 4"),
        ("Gird, Integer -> Grid", {}, "takes 'Gird'; allowed are Boolean, Integer, IntegerTuple, "),
        ("Callable, Integer -> Grid", {}, "takes 'Callable'; allowed are Boolean"),
        ("Grid, -> Grid", {}, "takes ''; allowed are Boolean"),
        ("Grid, Integer -> Patch", {}, "returns 'Patch'; allowed are Boolean"),
        ("Grid, Integer -> ", {}, "returns ''; allowed are Boolean"),
        ("Grid -> Grid", {}, "3 parameters; 'Grid -> Grid' needs 1 or 2 with the array for"),
        ("Grid -> Integer", {}, "3 parameters; 'Grid -> Integer' needs 1"),
        ("Grid -> Integer", {"scratch": 5}, "needs 2, the scratch room among them"),
        ("Grid, Integer -> Grid", {"name": "fill"}, "'fill' is a name of the language already"),
        ("Grid, Integer -> Grid", {"name": "x1"}, "'x1' stands for something else"),
        ("Grid, Integer -> Grid", {"name": "I"}, "'I' stands for something else"),
        ("Grid, Integer -> Grid", {"name": "my name"}, "'my name' is no name of a primitive"),
        ("Grid, Integer -> Grid", {"name": "lambda"}, "'lambda' is no name of a primitive"),
        ("Grid, Integer -> Grid", {"name": 5}, "name is 5; a text is needed"),
        ("Grid, Integer -> Grid", {"max_sides": (0, 3)}, "max_sides[0] is 0"),
        ("Grid, Integer -> Grid", {"max_sides": 30}, "max_sides is 30; allowed: (rows, columns)"),
        ("Grid, Integer -> Grid", {"scratch": -1}, "scratch is -1"),
        ("Grid, Integer -> Indices", {"max_elements": 0}, "max_elements is 0"),
    ],
)
def test_what_is_no_primitive_is_refused_by_what_is_wrong(signature, more, message):
    with pytest.raises(ValueError, match=re.escape(message)) as refusal:
        codeit.primitive(signature, **more)(stretched)
    assert "\n" not in str(refusal.value)
    assert current() is STANDARD


def test_a_decorator_without_its_signature_says_how_it_is_used():
    with pytest.raises(ValueError, match=r"it is used as @codeit[.]primitive"):
        codeit.primitive(stretched)


@pytest.mark.parametrize("function", [lambda *a: 1, lambda a=1: 1, len, 5])
def test_functions_without_plain_parameters_are_refused(function):
    with pytest.raises(ValueError, match=r"no function|a default, a star|parameters"):
        codeit.primitive("Grid, Grid -> Integer", name="made")(function)


def test_a_name_that_is_taken_is_replaced_only_on_request():
    codeit.primitive("Grid, Integer -> Grid", compiled=False)(stretched)
    old = Program.parse("O = stretched(I, TWO)")
    with pytest.raises(ValueError, match="replace=True puts another in its place"):
        codeit.primitive("Grid, Integer -> Grid", compiled=False)(stretched)
    codeit.primitive("Grid, Integer -> Grid", name="stretched", compiled=False, replace=True)(
        lambda grid, n: grid
    )
    assert (run(Program.parse(old.text), GRID).grid == GRID).all()
    assert run(old, GRID).grid.shape == (2, 6)


def test_what_hangs_in_its_trial_is_refused(monkeypatch):
    monkeypatch.setattr(trial, "SECONDS", 0.5)

    def asleep(grid):
        __import__("time").sleep(60)
        return 1

    with pytest.raises(ValueError, match=r"asleep: it did not end within .* in a trial, on "):
        codeit.primitive("Grid -> Integer", compiled=False)(asleep)


def test_what_kills_its_trial_is_refused():
    def deadly(grid):
        os.kill(os.getpid(), 11)
        return 1

    with pytest.raises(ValueError, match="deadly: it ended the process by SIGSEGV in a trial, on"):
        codeit.primitive("Grid -> Integer", compiled=False)(deadly)


def test_what_returns_another_result_every_time_is_refused():
    count = iter(range(10**6))

    def counting(grid):
        return next(count)

    with pytest.raises(ValueError, match="counting: it returned two different results in a trial"):
        codeit.primitive("Grid -> Integer", compiled=False)(counting)


# ---- Who knows it


def test_mutants_use_it(stretch):
    seeds = [Program.parse(seed.program.text) for seed in load_seed_programs()[:8]]
    numbers = np.arange(400, dtype=np.uint64)
    found = []
    for program in seeds:
        parent = native_mutation.MutationParent(program, GRID, Limits()._native())
        mutants = native_mutation.mutate_many(Program, parent, (0.5, 0.25, 0.25, 0.5), numbers)
        found += [p for p in mutants if p and "stretched" in p.text]
    assert len(found) > 5
    assert all(program == Program.parse(program.text) for program in found)


def test_a_program_with_it_goes_to_another_process_only_where_that_has_it(stretch):
    program = Program.parse("O = stretched(I, TWO)")
    data = pickle.dumps(program)
    assert pickle.loads(data) == program
    assert pickle.loads(data).language is current()
    remove_own("stretched")
    with pytest.raises(ValueError, match="has no name 'stretched'"):
        pickle.loads(data)


def test_programs_with_it_are_the_same_in_every_trace(stretch):
    program = Program.parse("x1 = stretched(I, TWO)\nO = stretched(x1, TWO)")
    result, values = codeit.trace(program, GRID)
    assert result.outcome == Outcome.ok
    assert values[0][1][1:] == [1, 1, 2, 2, 0, 0]


def test_no_warning_comes_of_what_can_be_compiled():
    pytest.importorskip("numba")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        codeit.primitive("Grid -> Grid")(reversed_rows)
