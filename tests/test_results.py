"""Results: indices, equality, what they hold, and which match a target."""

import itertools
import pickle

import numpy as np
import pytest
from test_executor import GRIDS, TEXTS, one, parsed

from codeit import Outcome, Program, Result, execute, run
from codeit.execution.executor import call_canonical as call
from codeit.tasks import datasets


def test_a_result_holds_the_grid():
    result = one("O = hmirror(I)")
    assert result.grid.dtype == np.uint8
    assert result.grid.tolist() == [[3, 4], [1, 2]]
    assert result.fuel > 0
    assert "ok" in repr(result)
    assert "2x2" in repr(result)


def test_results_are_programs_by_inputs():
    programs = parsed("O = hmirror(I)", "O = size(I)", "O = divide(ONE, ZERO)")
    results = execute(programs, GRIDS)
    assert results.shape == results.outcome.shape == results.fuel.shape == (3, 5)
    assert results.outcome.dtype == np.uint8
    assert results.outcome.tolist() == [[0] * 5, [0] * 5, [Outcome.zero_division] * 5]
    assert results.height.tolist() == [[3, 1, 3, 3, 30], [0] * 5, [0] * 5]
    assert results.width.tolist() == [[3, 1, 2, 4, 30], [0] * 5, [0] * 5]
    for p, i in itertools.product(range(3), range(5)):
        alone = run(programs[p], GRIDS[i])
        assert results[p, i].outcome == alone.outcome
        assert results[p, i].fuel == alone.fuel == results.fuel[p, i]
        if p == 0:
            assert results[p, i].grid.tolist() == np.asarray(GRIDS[i])[::-1].tolist()
        else:
            assert results[p, i].grid is None
    assert results[1, 2].value_json() == 3
    assert "3 programs x 5 inputs, 10 ok" in repr(results)


@pytest.mark.parametrize(("num_programs", "num_grids"), [(0, 0), (0, 3), (2, 0), (1, 1)])
def test_empty_batches(num_programs, num_grids):
    programs = parsed(*["O = hmirror(I)"] * num_programs)
    results = execute(programs, GRIDS[:num_grids])
    assert results.shape == results.outcome.shape == results.fuel.shape == (num_programs, num_grids)
    matches = results.match([None] * num_grids)
    assert matches.shape == (num_programs, num_grids)
    assert not matches.any()


def test_results_are_indexed_as_an_array():
    programs = parsed("O = hmirror(I)", "O = size(I)", "O = divide(ONE, ZERO)")
    results = execute(programs, GRIDS)
    assert len(results) == 3
    assert [len(row) for row in results] == [5, 5, 5]
    assert results[-1, -5] == results[2, 0] == results[np.int64(2)][0] == results[2][-5]
    assert results[-3] == results[0] == [results[0, i] for i in range(5)]
    assert list(results) == [results[p] for p in range(3)]
    assert list(reversed(results)) == [results[2], results[1], results[0]]
    assert np.array(list(results), dtype=object).shape == results.shape
    assert results[1, 1] in results
    assert run(programs[1], [[1, 2, 3]]) not in results


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (3, "program 3: there are 3"),
        (-4, "program -4: there are 3"),
        ((0, 5), "input 5: there are 5"),
        ((3, 0), "program 3: there are 3"),
        ((0,), r"results\[p, i\] takes two numbers, not 1"),
        ((0, 1, 2), r"results\[p, i\] takes two numbers, not 3"),
        ((), r"results\[p, i\] takes two numbers, not 0"),
    ],
)
def test_an_index_out_of_range_is_named(index, message):
    results = execute(parsed(*["O = hmirror(I)"] * 3), GRIDS)
    with pytest.raises(IndexError, match=message):
        results[index]


@pytest.mark.parametrize(
    "index",
    [slice(0, 1), True, 1.0, "0", None, [0], ..., np.array([True]), np.timedelta64(0)],
)
def test_an_index_that_is_no_int_is_named(index):
    results = execute(parsed("O = hmirror(I)"), GRIDS)
    for where in (index, (index, 0), (0, index)):
        with pytest.raises(TypeError, match="results are indexed by ints"):
            results[where]


# ---- Equality


def test_a_result_equals_another_that_ended_alike():
    program = Program.parse("O = hmirror(I)")
    first, second = run(program, [[1, 2], [3, 4]]), run(program, np.array([[1, 2], [3, 4]]))
    assert first == second
    assert hash(first) == hash(second)
    renamed = one("x1 = identity(I)\nO = hmirror(x1)")
    assert first != renamed  # another line, other fuel
    assert first != run(program, [[1, 2], [3, 5]])
    assert first != run(program, [[1, 2, 3, 4]])
    assert first != run(Program.parse("O = vmirror(I)"), [[1, 2], [3, 4]])
    assert first != first.grid.tolist()
    assert len({first, second, renamed}) == 2


def ended_on_line(line):
    """A run that is like any other of these but for its line."""

    class Call:
        def run(self):
            return Outcome.value_error, line, 5, []

        def key(self):
            return (self,)

    return Result(Outcome.value_error, 5, None, Call())


def test_results_without_a_grid_are_compared_by_value_and_line():
    assert one("O = add(ONE, TWO)") == one("O = add(TWO, ONE)")
    assert one("O = add(ONE, TWO)") != one("O = add(TWO, TWO)")
    assert one("O = divide(ONE, ZERO)") == one("O = divide(TWO, ZERO)")
    assert ended_on_line(1) == ended_on_line(1)
    assert ended_on_line(1) != ended_on_line(2)
    assert call("add", [1, 2]) == call("add", [2, 1]) != call("add", [2, 2])


def test_values_too_large_to_be_read_are_equal_only_if_the_runs_are():
    long = "\n".join(f"x{k} = astuple({f'x{k - 1}' if k > 1 else 'I'}, I)" for k in range(1, 25))
    texts = ["x1 = astuple(I, I)", *(f"x{k} = astuple(x{k - 1}, x{k - 1})" for k in range(2, 25))]
    text = "\n".join([*texts, "O = astuple(x24, x24)"])
    other = text.replace("x1 = astuple(I, I)", "x1 = astuple(I, ONE)")
    assert one(text) == one(text)
    assert one(text).fuel == one(other).fuel
    assert one(text) != one(other)
    assert one(long + "\nO = identity(x24)") == one(long + "\nO = identity(x24)")


def test_batches_are_equal_when_all_their_results_are():
    programs = parsed(*TEXTS)
    results = execute(programs, GRIDS, threads=1)
    assert results == execute(programs, GRIDS, threads=2)
    assert results != execute(programs[::-1], GRIDS)
    assert results != execute(programs[:-1], GRIDS)
    assert results != execute(programs, GRIDS[:-1])
    assert results != execute(programs, GRIDS[::-1])
    assert execute(parsed("O = add(ONE, TWO)"), GRIDS) != execute(
        parsed("O = add(TWO, TWO)"), GRIDS
    )
    assert results != "results"
    with pytest.raises(TypeError, match="unhashable"):
        hash(results)


def test_a_result_cannot_be_changed():
    results = execute(parsed("O = hmirror(I)"), GRIDS)
    for array in (results.outcome, results.fuel, results[0, 0].grid, one("O = hmirror(I)").grid):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        call("identity", [["t", ["t", 1]]]).grid[0, 0] = 2
    with pytest.raises(AttributeError):
        results[0, 0].fuel = 1


def test_results_survive_pickling():
    results = execute(parsed(*TEXTS), GRIDS)
    assert pickle.loads(pickle.dumps(results)) == results
    assert pickle.loads(pickle.dumps(results[0, 0])) == results[0, 0]


@pytest.mark.parametrize(
    ("text", "grid"),
    [
        ("x1 = astuple(ONE, TWO)\nO = repeat(x1, THREE)", [[1, 2]] * 3),
        ("x1 = repeat(T, TWO)\nx2 = repeat(F, TWO)\nO = astuple(x1, x2)", [[1, 1], [0, 0]]),
        ("x1 = astuple(NINE, ZERO)\nO = repeat(x1, ONE)", [[9, 0]]),
        ("x1 = astuple(TEN, ZERO)\nO = repeat(x1, ONE)", None),
        ("x1 = astuple(NEG_ONE, ZERO)\nO = repeat(x1, ONE)", None),
        ("x1 = astuple(ONE, UNITY)\nO = repeat(x1, ONE)", None),
        ("x1 = repeat(ONE, THREE)\nO = astuple(x1, UNITY)", None),
        ("O = repeat(ONE, THREE)", None),
        ("x1 = initset(UNITY)\nO = repeat(x1, TWO)", None),
        ("O = initset(UNITY)", None),
        ("O = size(I)", None),
        ("O = hsplit(I, ZERO)", None),
        ("O = canvas(ONE, ORIGIN)", None),
        ("O = canvas(ONE, TWO_BY_ZERO)", None),
        ("O = upscale(I, NINE)", [[1] * 9 + [2] * 9] * 9 + [[3] * 9 + [4] * 9] * 9),
        ("O = hupscale(I, TEN)", [[1] * 10 + [2] * 10, [3] * 10 + [4] * 10]),
        ("O = index(I, THREE_BY_THREE)", None),
        ("O = identity(size)", None),
    ],
)
def test_only_rectangles_of_colors_are_grids(text, grid):
    result = one(text)
    got = None if result.grid is None else result.grid.tolist()
    assert got == grid


@pytest.mark.parametrize(("height", "width"), [(30, 30), (31, 30), (30, 31), (1, 31), (31, 1)])
@pytest.mark.parametrize("name", ["identity", "rot90", "replace"])
def test_a_grid_has_at_most_30_rows_and_columns(name, height, width):
    # The cells that replace changes are True, which puts the result into another form.
    text = "O = replace(I, ONE, T)" if name == "replace" else f"O = {name}(I)"
    result = one(text, np.ones((height, width), dtype=np.uint8))
    assert result.outcome == Outcome.ok
    assert (result.grid is not None) == (max(height, width) <= 30)


# ---- Match


def test_match_compares_each_input_with_its_target():
    programs = parsed("O = identity(I)", "O = hmirror(I)", "O = size(I)", "O = divide(ONE, ZERO)")
    grids = [[[1, 2]], [[1], [2]], [[1, 2], [3, 4]]]
    results = execute(programs, grids)
    assert results.match(grids).tolist() == [
        [True, True, True],
        [True, False, False],
        [False] * 3,
        [False] * 3,
    ]
    assert results.match([[[1, 2]], [[2], [1]], [[3, 4], [1, 2]]]).tolist()[1] == [True] * 3


def test_match_of_no_target_and_of_other_shapes_is_false():
    results = execute(parsed("O = identity(I)"), [[[1, 2]], [[1, 2]], [[1, 2]], [[1, 2]], [[1, 2]]])
    targets = [None, [[1], [2]], [1, 2], [[1, 2, 3]], [[1, 2]]]
    assert results.match(targets).tolist() == [[False, False, False, False, True]]


def test_match_of_an_empty_target_is_false_even_where_there_is_no_grid():
    programs = parsed("O = identity(I)", "O = divide(ONE, ZERO)", "O = canvas(ONE, ORIGIN)")
    results = execute(programs, [[[1]]])
    for target in (np.zeros((0, 0)), [[]], []):
        assert not results.match([target]).any()


def test_match_takes_true_for_one():
    # The value holds True and False where the target holds 1 and 0.
    results = execute(parsed("x1 = astuple(T, F)\nO = repeat(x1, TWO)"), [[[7]]])
    assert results[0, 0].value_json() == ["t", ["t", True, False], ["t", True, False]]
    assert results.match([[[1, 0], [1, 0]]]).tolist() == [[True]]
    assert results.match([np.array([[True, False]] * 2)]).tolist() == [[True]]
    assert results.match([[[1, 1], [1, 0]]]).tolist() == [[False]]


def test_match_does_not_wrap_colors():
    results = execute(parsed("O = identity(I)"), [[[1, 2]]])
    assert not results.match([[[257, 2]]]).any()
    assert not results.match([[[-255, 2]]]).any()


def test_match_wants_a_target_for_every_input():
    results = execute(parsed("O = identity(I)"), [[[1]], [[2]]])
    with pytest.raises(ValueError, match="1 targets for 2 inputs"):
        results.match([[[1]]])


@pytest.mark.parametrize(
    "target",
    [
        *(np.ma.masked_equal([[1, 2]], 2), [[1, np.ma.masked]], np.zeros((1, 2), "m8[s]")),
        *([["1", "2"]], [[1], [1, 2]]),
    ],
)
@pytest.mark.filterwarnings("error")
def test_a_target_that_is_no_array_of_numbers_is_refused(target):
    results = execute(parsed("O = identity(I)"), [[[1, 2]], [[1, 2]]])
    with pytest.raises(ValueError, match=r"^target 1(:| is) "):
        results.match([None, target])


def test_a_target_larger_than_any_grid_costs_no_memory():
    results = execute([Program.parse("O = vmirror(I)")], [[[1, 2]]])
    target = np.broadcast_to(np.uint8(0), (10**6, 10**6))
    assert not results.match([target]).any()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_results_survive_every_protocol_of_pickle(protocol):
    results = execute([Program.parse("O = hmirror(I)")], [[[1, 2]], [[3]]])
    assert pickle.loads(pickle.dumps(results, protocol)) == results


@pytest.mark.parametrize("value", [None, 5, np.float64(1), np.array(1), object])
def test_what_is_no_list_is_refused_by_the_name_of_the_argument(value):
    program = Program.parse("O = hmirror(I)")
    for name, attempt in {
        "programs": lambda: execute(value, [[[1]]]),
        "grids": lambda: execute([program], value),
        "targets": lambda: execute([program], [[[1]]]).match(value),
        "arguments": lambda: call("identity", value),
        "ids": lambda: datasets.load("arc1-training", 5 if value is None else value),
    }.items():
        with pytest.raises(TypeError, match=rf"^{name} is .*; allowed: lists and other iterables$"):
            attempt()


def test_what_names_no_tasks_is_refused_by_name():
    for source in (None, 5, b"arc1-training", ["arc1-training"]):
        with pytest.raises(TypeError, match=r"^source is .*; allowed: a name or a path$"):
            datasets.load(source)
    with pytest.raises(TypeError, match=r"^ids has \[\]; allowed: texts$"):
        datasets.load("arc1-training", [[]])
