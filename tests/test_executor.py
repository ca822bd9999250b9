"""run, execute, trace and call: what goes in, what comes out, and that neither threads nor the
company of other programs change it."""

import builtins
import itertools
import random
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from codeit import Limits, Outcome, Program, execute, execute_groups, run, trace
from codeit._native import mutation as native_mutation
from codeit._native import vm
from codeit.execution.executor import call_canonical as call

GRIDS = [
    [[0, 0, 1], [0, 2, 0], [3, 0, 0]],
    [[5]],
    [[1, 2], [3, 4], [5, 6]],
    [[0, 0, 0, 0], [0, 8, 8, 0], [0, 0, 0, 0]],
    np.arange(900).reshape(30, 30) % 10,
]

TEXTS = [
    "O = identity(I)",
    "O = hmirror(I)",
    "x1 = objects(I, T, T, T)\nx2 = argmax(x1, size)\nO = subgrid(x2, I)",
    "O = size(I)",
    "x1 = merge(I)\nO = merge(x1)",
    "x1 = asindices(I)\nO = fill(I, FIVE, x1)",
    "x1 = palette(I)\nx2 = totuple(x1)\nO = repeat(x2, THREE)",
    "x1 = shape(I)\nO = canvas(NEG_ONE, x1)",
    "O = upscale(I, THREE)",
    "x1 = power(double, TEN)\nO = x1(I)",
    "x1 = ofcolor(I, EIGHT)\nx2 = box(x1)\nO = fill(I, ONE, x2)",
    "x1 = lbind(equality, ZERO)\nx2 = lbind(apply, x1)\nO = apply(x2, I)",
]


def parsed(*texts, dialect="codeit"):
    return [Program.parse(text, dialect=dialect) for text in texts]


def one(text, grid=((1, 2), (3, 4)), limits=None, dialect="codeit"):
    return run(Program.parse(text, dialect=dialect), grid, limits=limits)


# ---- Outcomes


def test_outcomes_are_the_native_ones():
    table = vm.outcome_table()
    assert [outcome.name for outcome in Outcome] == [name for name, _, _ in table]
    assert list(Outcome) == list(range(len(table)))
    for outcome, (_, exception, message) in zip(Outcome, table, strict=True):
        assert outcome.exception == (exception or None)
        assert outcome.message == message
        assert message


def test_outcomes_name_the_exceptions_of_python():
    named = [outcome.exception for outcome in Outcome if outcome.exception]
    assert len(set(named)) == len(named)
    for name in named:
        assert issubclass(getattr(builtins, name), Exception)
    assert Outcome.ok == 0
    for outcome in (Outcome.ok, Outcome.out_of_fuel, Outcome.out_of_memory):
        assert outcome.exception is None


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("O = hmirror(I)", Outcome.ok),
        ("O = add(I, I, I)", Outcome.type_error),
        ("x1 = interval(ONE, ONE, ONE)\nO = last(x1)", Outcome.value_error),
        ("x1 = interval(ONE, ONE, ONE)\nO = invert(x1)", Outcome.index_error),
        ("O = insert(ONE, I)", Outcome.attribute_error),
        ("x1 = interval(ONE, ONE, ONE)\nO = first(x1)", Outcome.stop_iteration),
        (
            "x1 = hsplit(I, TWO)\nx2 = matcher(size, TEN)\nO = extract(x1, x2)",
            Outcome.stop_iteration,
        ),
        ("O = divide(ONE, ZERO)", Outcome.zero_division),
        ("O = identity(O)", Outcome.name_error),
        ("O = power(identity, ZERO)", Outcome.recursion),
    ],
)
def test_how_programs_end(text, outcome):
    result = one(text)
    assert result.outcome == outcome
    assert result.exception == outcome.exception
    assert (result.grid is None) or outcome == Outcome.ok


def test_a_key_error_of_places_with_three_parts():
    grid = [[1, 2, 3], [4, 5, 6]]
    assert one("O = urcorner(I)", grid).exception == "KeyError"
    assert one("O = ulcorner(I)", grid).value_json() == ["t", 1, 2, 3]


# ---- Threads and company


def everything(results):
    """All that a batch says, as plain lists."""
    num_programs, num_grids = results.shape
    grids = [
        [
            None if results.grid(p, i) is None else results.grid(p, i).tolist()
            for i in range(num_grids)
        ]
        for p in range(num_programs)
    ]
    return results.outcome.tolist(), results.fuel.tolist(), grids


def test_results_do_not_depend_on_the_number_of_threads():
    programs = parsed(*TEXTS) * 20
    expected = everything(execute(programs, GRIDS, threads=1))
    for threads in (2, 3, 8, 64, 2**32 - 1, None):
        assert everything(execute(programs, GRIDS, threads=threads)) == expected


def test_results_do_not_depend_on_the_company():
    seed = 11
    print(f"seed {seed}")
    rng = random.Random(seed)
    programs = parsed(*TEXTS)
    outcomes, fuel, grids = everything(execute(programs, GRIDS))
    for _ in range(20):
        chosen = [rng.randrange(len(programs)) for _ in range(rng.randrange(1, 40))]
        inputs = [rng.randrange(len(GRIDS)) for _ in range(rng.randrange(1, 8))]
        batch = execute([programs[p] for p in chosen], [GRIDS[i] for i in inputs], threads=2)
        expected = [
            [[table[p][i] for i in inputs] for p in chosen] for table in (outcomes, fuel, grids)
        ]
        assert list(everything(batch)) == expected


def test_batches_may_run_side_by_side():
    programs = parsed(*TEXTS) * 5
    expected = everything(execute(programs, GRIDS))
    with ThreadPoolExecutor(4) as pool:
        batches = [pool.submit(execute, programs, GRIDS, 2) for _ in range(8)]
        assert all(everything(batch.result()) == expected for batch in batches)


def test_the_same_program_twice_in_a_batch():
    program = Program.parse(TEXTS[2])
    results = execute([program] * 3, [GRIDS[0]] * 2)
    assert len(set(results.fuel.ravel().tolist())) == 1


def test_groups_are_batches_of_their_own():
    programs = parsed(*TEXTS)
    groups = [
        (programs[:3], GRIDS[:2]),
        ([], GRIDS[:2]),
        (programs[3:], []),
        (programs, GRIDS[2:]),
        (programs[5:6], [GRIDS[4]] * 3),
    ]
    for threads in (1, 2, 8):
        for group, results in zip(groups, execute_groups(groups, threads), strict=True):
            assert everything(results) == everything(execute(*group))
            for p, i in itertools.product(range(results.shape[0]), range(results.shape[1])):
                assert results[p, i].fuel == run(group[0][p], group[1][i]).fuel
    assert execute_groups([]) == []


def test_a_group_counts_its_own_programs_and_grids():
    good = (parsed("O = identity(I)"), [[[1]]])
    with pytest.raises(ValueError, match="grid 1: color 10 at row 1, column 1"):
        execute_groups([good, (parsed("O = identity(I)"), [[[1]], [[10]]])])
    with pytest.raises(TypeError, match="program 0 is a str"):
        execute_groups([good, (["O = identity(I)"], [[[1]]])])


# ---- What goes in


def test_grids_may_be_lists_tuples_and_arrays_of_any_layout():
    wanted = [[3, 4], [1, 2]]
    program = Program.parse("O = hmirror(I)")
    array = np.array([[1, 2], [3, 4]])
    for grid in (
        [[1, 2], [3, 4]],
        ((1, 2), (3, 4)),
        array.astype(np.uint8),
        array.astype(np.int64),
        array.astype(np.uint8).T.copy().T,
        np.asfortranarray(array),
        np.repeat(np.repeat(array, 2, axis=0), 2, axis=1)[::2, ::2].astype(np.uint8),
    ):
        assert run(program, grid).grid.tolist() == wanted
    readonly = array.astype(np.uint8)
    readonly.flags.writeable = False
    assert run(program, readonly).grid.tolist() == wanted


def test_an_input_is_not_changed_and_a_result_does_not_share_it():
    grid = np.array([[1, 2], [3, 4]], dtype=np.uint8)
    result = run(Program.parse("O = fill(I, ZERO, I)"), grid)
    same = run(Program.parse("O = identity(I)"), grid)
    assert not np.shares_memory(same.grid, grid)
    assert grid.tolist() == [[1, 2], [3, 4]]
    assert result.outcome == Outcome.ok


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ([[1, 2], [3]], "grid 0: row 2 has 1 columns, row 1 has 2; all are equal"),
        ([1, 2], "grid 0: row 1 is 1; a row is a list of colors"),
        ([[[1]]], r"grid 0: color \[1\] at row 1, column 1; colors are integers 0 to 9"),
        (5, "grid 0: 5; a grid is a list of rows"),
        ([], "grid 0: 0 rows; a grid has 1 to 32767"),
        ([[]], "grid 0: row 1 has 0 columns; a grid has 1 to 32767"),
        (
            np.zeros((1, 32_768), dtype=np.uint8),
            "grid 0: 1x32768 array; a grid has 1 to 32767 rows",
        ),
        ([[1.0, 2.0]], "grid 0: color 1.0 at row 1, column 1; colors are integers 0 to 9"),
        ([["1"]], "grid 0: color '1' at row 1, column 1; colors are integers 0 to 9"),
        ([[True]], "grid 0: color True at row 1, column 1; colors are integers 0 to 9"),
        (None, "grid 0: None; a grid is a list of rows"),
        ([[1, 2], [3, -1]], "grid 0: color -1 at row 2, column 2; colors are integers 0 to 9"),
        ([[1, 10]], "grid 0: color 10 at row 1, column 2; colors are integers 0 to 9"),
        ([[1, 266]], "grid 0: color 266 at row 1, column 2; colors are integers 0 to 9"),
        (
            np.array([[10]], dtype=np.uint8),
            "grid 0: color 10 at row 1, column 1; colors are integers 0 to 9",
        ),
    ],
    ids=str,
)
def test_a_bad_grid_is_a_value_error(grid, message):
    with pytest.raises(ValueError, match=message):
        run(Program.parse("O = identity(I)"), grid)


def test_the_largest_side_is_accepted():
    grid = np.ones((1, 32_767), dtype=np.uint8)
    assert run(Program.parse("O = width(I)"), grid).value_json() == 32_767


def test_a_bad_grid_is_counted_from_zero():
    with pytest.raises(ValueError, match="grid 2: color 11 at row 1, column 1"):
        execute(parsed("O = identity(I)"), [[[1]], [[2]], [[11]]])


def test_a_text_is_no_program():
    with pytest.raises(TypeError, match=r"program 1 is a str; use Program\.parse"):
        execute([Program.parse("O = identity(I)"), "O = identity(I)"], [[[1]]])


def test_an_array_is_no_program():
    with pytest.raises(TypeError, match=r"program 1 is a ndarray; use Program\.parse"):
        execute([*parsed("O = identity(I)"), np.zeros((2, 2), np.uint8)], [[[1]]])


def test_a_program_without_lines_is_refused():
    with pytest.raises(TypeError, match=r"program 1 has no lines; use Program\.parse"):
        execute([*parsed("O = identity(I)"), Program.__new__(Program)], [[[1]]])
    with pytest.raises(TypeError, match=r"the program has no lines; use Program\.parse"):
        native_mutation.MutationParent(
            vm.CompiledProgram(), np.ones((1, 1), np.uint8), Limits()._native()
        )


@pytest.mark.parametrize("threads", [1.0, 1.5, True, "2", np.timedelta64(2)])
def test_the_number_of_threads_is_an_int(threads):
    with pytest.raises(TypeError, match=re.escape(f"threads is {threads!r}; an int is needed")):
        execute(parsed("O = identity(I)"), [[[1]]], threads=threads)
    execute(parsed("O = identity(I)"), [[[1]]], threads=np.int64(1))


@pytest.mark.parametrize("threads", [0, -1])
def test_there_is_at_least_one_thread(threads):
    with pytest.raises(ValueError, match=f"threads is {threads}; at least 1 is needed"):
        execute(parsed("O = identity(I)"), [[[1]]], threads=threads)
    execute(parsed("O = identity(I)"), [[[1]]], threads=1)


# ---- Values, lines, calls


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("O = size(I)", 2),
        ("O = invert(TEN)", -10),
        ("O = even(TWO)", True),
        ("O = index(I, THREE_BY_THREE)", None),
        ("O = astuple(T, UNITY)", ["t", True, ["t", 1, 1]]),
        ("O = initset(I)", ["s", ["t", ["t", 1, 2], ["t", 3, 4]]]),
        ("x1 = interval(ZERO, ZERO, ONE)\nO = initset(x1)", ["s", ["t"]]),
        ("O = palette(I)", ["s", 1, 2, 3, 4]),
        ("O = identity(size)", "fn"),
        ("O = rbind(add, ONE)", "fn"),
        ("O = astuple(size, first)", ["t", "fn", "fn"]),
        ("O = dneighbors(ORIGIN)", ["s", ["t", -1, 0], ["t", 1, 0], ["t", 0, -1], ["t", 0, 1]]),
    ],
)
def test_canonical_form(text, value):
    got = one(text).value_json()
    assert got == value
    assert repr(got) == repr(value)  # True is not 1


def test_there_is_no_value_without_success():
    result = one("O = divide(ONE, ZERO)")
    with pytest.raises(ValueError, match="there is no value: the run ended with zero_division"):
        result.value_json()


@pytest.mark.parametrize(("times", "is_printed"), [(18, True), (19, False), (40, False)])
def test_a_value_of_more_than_a_million_parts_is_not_printed(times, is_printed):
    # A tree of 2^(times + 1) - 1 parts, held as `times` pairs.
    pairs = {"fn": ["fork", {"fn": "astuple"}, {"fn": "identity"}, {"fn": "identity"}]}
    result = call("apply", [{"fn": ["power", pairs, times]}, ["t", 1]])
    assert result.outcome == Outcome.ok
    if is_printed:
        assert str(result.value_json()).count("1") == 2**times
    else:
        with pytest.raises(ValueError, match="the value has more than 1000000 parts"):
            result.value_json()


def test_the_line_where_a_run_ended():
    assert one("x1 = size(I)\nO = add(x1, ONE)").line == 2
    assert one("x1 = size(I)\nx2 = divide(x1, ZERO)\nO = add(x2, ONE)").line == 2


def test_trace_gives_what_every_line_returned():
    program = Program.parse("x1 = size(I)\nx2 = astuple(x1, T)\nx3 = rbind(add, x1)\nO = x3(TEN)")
    result, lines = trace(program, [[1], [2], [3]])
    assert result.outcome == Outcome.ok
    assert lines == [3, ["t", 3, True], "fn", 13]


def test_trace_ends_with_the_line_that_failed():
    program = Program.parse("x1 = size(I)\nx2 = divide(x1, ZERO)\nO = add(x2, ONE)")
    result, lines = trace(program, [[1]])
    assert result.exception == "ZeroDivisionError"
    assert lines == [1, None]


def test_trace_shows_none_for_a_line_that_bound_nothing():
    program = Program.parse("x1 = size(I)\nx2 = asindices(I)\nO = add(x1, ONE)")
    result, lines = trace(program, [[1, 2]], Limits(max_len=2))
    assert result.outcome == Outcome.ok
    assert lines == [1, None, 2]


def test_call_runs_one_primitive():
    assert call("add", [1, 2]).value_json() == 3
    assert call("hmirror", [["t", ["t", 1], ["t", 2]]]).grid.tolist() == [[2], [1]]
    assert call("apply", [{"fn": ["rbind", {"fn": "add"}, 1]}, ["t", 1, 2]]).value_json() == [
        "t",
        2,
        3,
    ]
    assert call("add", [1]).exception == "TypeError"
    assert call("add", [1, 2, 3, 4, 5, 6]).exception == "TypeError"
    assert call("identity", [{"fn": ["divide", 1, 0]}]).exception == "ZeroDivisionError"


def test_call_builds_sets_by_inserting_in_order():
    assert call("totuple", [["s", 8, 0, 1]]).value_json() == ["t", 8, 0, 1]
    assert call("totuple", [["s", 0, 8, 1]]).value_json() == ["t", 0, 8, 1]
    assert call("totuple", [["s", True, 1]]).value_json() == ["t", True]


@pytest.mark.parametrize("number", [-(2**63), 2**63 - 1])
def test_call_takes_64_bits(number):
    assert call("identity", [number]).value_json() == number
    beyond = number + (1 if number > 0 else -1)
    with pytest.raises(ValueError, match="has more than 64 bits"):
        call("identity", [beyond])


@pytest.mark.parametrize(
    "argument",
    [
        1.5,
        "text",
        [],
        [1, 2],
        ["x", 1],
        (1, 2),
        {"f": "size"},
        {"fn": "nosuch"},
        {"fn": ["nosuch"]},
        {"fn": 3},
        {"fn": []},
        {"fn": [["size"]]},
    ],
)
def test_call_refuses_what_is_no_value(argument):
    with pytest.raises(ValueError, match=r"no value in canonical form|there is no primitive"):
        call("identity", [argument])
    with pytest.raises(ValueError, match=r"no value in canonical form|there is no primitive"):
        call("identity", [["t", 1, argument]])


def test_call_refuses_an_unknown_primitive_and_dialect():
    with pytest.raises(ValueError, match="there is no primitive 'sort'"):
        call("sort", [])
    with pytest.raises(ValueError, match="dialect 'python': allowed are 'codeit' or 'arc-dsl'"):
        call("size", [["t"]], dialect="python")


# ---- Dialects

EMPTY_PATCH = {
    "normalize": ["s"],
    "backdrop": ["s"],
    "delta": ["s"],
    "box": ["s"],
    "hperiod": 0,
    "vperiod": 0,
}


@pytest.mark.parametrize(("name", "value"), EMPTY_PATCH.items())
def test_only_arc_dsl_takes_an_empty_patch(name, value):
    text = f"x1 = ofcolor(I, NINE)\nO = {name}(x1)"
    assert one(text, dialect="arc-dsl").value_json() == value
    assert one(text, dialect="codeit").exception == "ValueError"


def test_only_codeit_bounds_a_canvas():
    text = "x1 = power(double, TEN)\nx2 = x1(ONE)\nx3 = astuple(x2, ONE)\nO = canvas(ONE, x3)"
    assert one(text, dialect="codeit").value_json() is None
    assert len(one(text, dialect="arc-dsl").value_json()) == 1 + 1024


def test_dialects_may_be_mixed_in_a_batch():
    text = "x1 = ofcolor(I, NINE)\nO = normalize(x1)"
    programs = [*parsed(text), *parsed(text, dialect="arc-dsl")] * 3
    results = execute(programs, GRIDS[:2], threads=2)
    assert results.outcome[::2].ravel().tolist() == [Outcome.value_error] * 6
    assert results.outcome[1::2].ravel().tolist() == [Outcome.ok] * 6


NO_GRIDS = {
    "timedelta64": (np.zeros((2, 2), "m8[s]"), r"2-D array of timedelta64\[s\]"),
    "times in a list": (
        [[np.timedelta64(1, "s")]],
        "color .* at row 1, column 1",
    ),
    "datetime64": (np.zeros((2, 2), "M8[s]"), r"2-D array of datetime64\[s\]"),
    "truth values": (np.zeros((2, 2), bool), "2-D array of bool"),
    "floats": ([[1.0]], "color 1.0 at row 1, column 1"),
    "objects": ([[2**70]], f"color {2**70} at row 1, column 1"),
    "texts": ([["1"]], "color '1' at row 1, column 1"),
    "masked": (np.ma.masked_equal([[1, 2]], 2), "a masked array"),
    "masked rows": ([np.ma.masked_equal([1, 2], 2)], "a masked array"),
    "masked uint8": (np.ma.zeros((2, 2), np.uint8), "a masked array"),
    "a masked cell": ([[1, np.ma.masked]], "color masked at row 1, column 2"),
    "masked cells": (([np.ma.masked_array(1, mask=True), 2],), "color .* at row 1, column 1"),
    "ragged": ([[1], [1, 2]], "row 2 has 2 columns, row 1 has 1; all are equal"),
    "a number": (5, "5; a grid is a list of rows"),
    "nothing": (None, "None; a grid is a list of rows"),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", NO_GRIDS)
def test_what_is_no_grid_is_refused_by_its_number(name):
    grid, message = NO_GRIDS[name]
    with pytest.raises(ValueError, match=f"^grid 1(:| is) {message}"):
        execute(parsed("O = identity(I)"), [[[1]], grid])
    with pytest.raises(ValueError, match=f"^grid 0(:| is) {message}"):
        trace(Program.parse("O = identity(I)"), grid)


class Foreign:
    """Says that it is an array, and raises something of its own."""

    def __array__(self, dtype=None, copy=None):
        raise KeyError("boo")


def test_whatever_an_array_raises_names_the_grid():
    with pytest.raises(ValueError, match=r"^grid 0 is no array of numbers: 'boo'"):
        run(Program.parse("O = vmirror(I)"), Foreign())


def test_a_tensor_is_a_grid_unless_it_has_a_gradient():
    torch = pytest.importorskip("torch")
    assert one("O = hmirror(I)", torch.tensor([[1, 2]])).grid.tolist() == [[1, 2]]
    with pytest.raises(ValueError, match=r"^grid 0 is no array of numbers: Can't call numpy"):
        one("O = hmirror(I)", torch.ones((2, 2), requires_grad=True))
    results = execute(parsed("O = identity(I)"), [[[1, 1], [1, 1]]])
    with pytest.raises(ValueError, match=r"^target 0 is no array of numbers: Can't call numpy"):
        results.match([torch.ones((2, 2), requires_grad=True)])


@pytest.mark.parametrize("limits", [0, 1, False, (), (1, 2, 3, 4), "", {}, {"fuel": 5}, Limits])
def test_limits_that_are_no_limits_are_refused(limits):
    program = Program.parse("O = identity(I)")
    for work in (
        lambda: run(program, [[1]], limits),
        lambda: trace(program, [[1]], limits),
        lambda: execute([program], [[[1]]], limits=limits),
        lambda: execute([], [], limits=limits),
        lambda: execute_groups([], limits=limits),
        lambda: call("identity", [1], limits=limits),
    ):
        with pytest.raises(TypeError, match=r"^limits is .*; a codeit\.Limits is needed"):
            work()


@pytest.mark.parametrize(
    "give",
    [
        lambda value: run(Program.parse("O = vmirror(I)"), [[1]], value),
        lambda value: execute([], [], threads=value),
        lambda value: Limits(fuel=value),
        lambda value: call(value, [1]),
        lambda value: call("identity", [value]),
        lambda value: call("identity", [["t", {"fn": value}]]),
        lambda value: execute([], [])[value],
    ],
)
@pytest.mark.parametrize("value", [np.zeros((3, 3)), "a\n" * 50, [b"x" * 5000]])
def test_a_value_of_a_wrong_type_is_shown_on_one_short_line(give, value):
    with pytest.raises((TypeError, ValueError)) as raised:
        give(value)
    message = str(raised.value)
    assert "\n" not in message
    assert len(message) < 150


def test_an_object_that_begins_far_to_the_right_is_painted_without_a_look_before_its_colors():
    """The colors are the input's, which lies where a machine's memory begins: nothing is mapped
    before it, and the process would end."""
    lines = [
        *("x1 = asobject(I)", "x2 = multiply(SIX, SIX)", "x3 = tojvec(x2)", "x4 = shift(x1, x3)"),
        *("x5 = shape(I)", "x6 = astuple(ONE, TWO)", "x7 = multiply(x5, x6)"),
        *("x8 = canvas(ZERO, x7)", "x9 = paint(x8, x4)", "O = righthalf(x9)"),
    ]
    grid = np.arange(400).reshape(20, 20) % 9 + 1
    expected = np.zeros((20, 20), dtype=int)
    expected[:, 16:] = grid[:, :4]
    assert run(Program.parse("\n".join(lines)), grid).grid.tolist() == expected.tolist()
