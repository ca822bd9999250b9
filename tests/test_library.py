"""The package as a library: its names, what is said of them, and calls on Python's values."""

import doctest
import inspect
import os
import pickle
import re
import subprocess
import sys

import numpy as np
import pytest

import codeit
from codeit.language import PRIMITIVES

GRID = ((1, 2), (3, 4))


# ---- Calls


@pytest.mark.parametrize(
    "grid", [GRID, [[1, 2], [3, 4]], np.array(GRID), np.array(GRID, np.uint8), [[1, 2], (3, 4)]]
)
def test_a_grid_is_taken_as_rows_or_as_an_array_and_comes_back_as_tuples(grid):
    assert codeit.call("hmirror", grid) == ((3, 4), (1, 2))


@pytest.mark.parametrize("kind", [set, frozenset])
def test_a_patch_is_taken_as_a_set_and_comes_back_as_a_frozenset(kind):
    cells = kind({(1, (0, 0)), (1, (0, 1))})
    assert codeit.call("recolor", 5, cells) == frozenset({(5, (0, 0)), (5, (0, 1))})
    assert codeit.call("fill", GRID, 7, kind({(0, 1)})) == ((1, 7), (3, 4))
    found = codeit.call("objects", [[0, 1], [0, 0]], True, False, True)
    assert found == frozenset({frozenset({(1, (0, 1))})})
    assert isinstance(found, frozenset)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("add", 1, (2, 3)), (3, 4)),
        (("add", np.int64(1), np.uint8(2)), 3),
        (("equality", 1, True), True),
        (("flip", np.True_), False),
        (("identity", None), None),
        (("identity", ()), ()),
        (("identity", frozenset()), frozenset()),
        (("canvas", "THREE", "UNITY"), ((3,),)),
        (("apply", "hmirror", (GRID,)), (((3, 4), (1, 2)),)),
    ],
)
def test_values_of_each_kind_go_in_and_come_out(arguments, expected):
    found = codeit.call(*arguments)
    assert found == expected
    assert type(found) is type(expected)


def test_a_function_that_a_call_returns_can_be_given_to_another():
    add = codeit.call("rbind", "add", 3)
    twice = codeit.call("compose", add, add)
    assert codeit.call("apply", twice, (1, 2)) == (7, 8)
    assert add == codeit.Function("rbind", ("add", 3))
    assert codeit.call("apply", codeit.Function("increment"), (1,)) == (2,)


def test_every_primitive_is_called_as_in_a_program():
    """On the grid, where it takes one argument: what a program returns, or the way it fails."""
    ones = [name for name, primitive in PRIMITIVES.items() if primitive.arity == 1]
    assert len(ones) > 40
    for name in ones:
        result = codeit.run(codeit.Program.parse(f"O = {name}(I)"), GRID)
        if result.outcome == codeit.Outcome.ok:
            assert codeit.call(name, GRID) == result.value, name
        else:
            with pytest.raises(codeit.CallError) as caught:
                codeit.call(name, GRID)
            assert caught.value.outcome == result.outcome, name


@pytest.mark.parametrize(
    ("arguments", "outcome", "message"),
    [
        (("divide", 1, 0), "zero_division", "divide(1, 0): ZeroDivisionError: division by zero"),
        (("hmirror", 5), "type_error", "hmirror(5): TypeError: an operation met a value of a kind"),
        (("add", (1 << 63) - 1, 1), "integer_overflow", "integer left the 64-bit range"),
        (("first", ()), "stop_iteration", "first(()): StopIteration: there is no first item"),
    ],
)
def test_a_call_that_fails_is_an_exception_with_its_outcome(arguments, outcome, message):
    with pytest.raises(codeit.CallError, match=re.escape(message)) as caught:
        codeit.call(*arguments)
    assert caught.value.outcome.name == outcome
    assert caught.value.name == arguments[0]
    assert PRIMITIVES[arguments[0]].signature in str(caught.value)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, ValueError)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (copy.name, copy.outcome, str(copy)) == (
        *(caught.value.name, caught.value.outcome),
        str(caught.value),
    )


def test_a_limit_that_a_call_reaches_is_said():
    with pytest.raises(codeit.CallError, match="out_of_fuel") as caught:
        codeit.call("hmirror", GRID, limits=codeit.Limits(fuel=0))
    assert caught.value.outcome == codeit.Outcome.out_of_fuel


def nested(depth):
    value = 1
    for _ in range(depth):
        value = (value,)
    return value


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("hmiror", GRID), "there is no primitive 'hmiror'; did you mean hmirror?"),
        ((5, GRID), "there is no primitive 5"),
        (("ZERO",), "there is no primitive 'ZERO'"),
        (("hmirror",), r"hmirror takes 1 argument, not 0: hmirror\(piece: Piece\) -> Piece"),
        (("add", 1, 2, 3), "add takes 2 arguments, not 3: add"),
        (("add", 1.5, 2), "argument 1 of add is 1.5; allowed: ints, bools, None, tuples"),
        (("add", 1, b"2"), "argument 2 of add is b'2'; allowed: ints"),
        (("hmirror", [[1, {}]]), "argument 1 of hmirror is {}; allowed: ints"),
        (("hmirror", "grid"), "argument 1 of hmirror: there is no primitive or constant 'grid'"),
        (("hmirror", np.ones((2, 2))), "argument 1 of hmirror is of float64; allowed: integers"),
        (("hmirror", np.ma.masked_array([[1]], [[True]])), "argument 1 of hmirror is a masked"),
        (("add", 1 << 63, 1), "the int 9223372036854775808 has more than 64 bits"),
        (("identity", nested(100_000)), "argument 1 of identity is nested too deeply"),
        (("identity", ("hmirror",)), "the value holds a function"),
    ],
)
def test_what_a_caller_gets_wrong_is_one_line(arguments, message):
    with pytest.raises(ValueError, match=message) as caught:
        codeit.call(*arguments)
    assert "\n" not in str(caught.value)
    assert not isinstance(caught.value, codeit.CallError)


def test_a_dialect_and_limits_are_checked():
    with pytest.raises(ValueError, match="dialect 'python'"):
        codeit.call("hmirror", GRID, dialect="python")
    with pytest.raises(TypeError, match="limits is 5"):
        codeit.call("hmirror", GRID, limits=5)


def test_the_dialects_differ_where_the_language_says_so():
    with pytest.raises(codeit.CallError, match="ValueError"):
        codeit.call("delta", frozenset())
    assert codeit.call("delta", frozenset(), dialect="arc-dsl") == frozenset()


def test_a_result_has_its_value_as_pythons_own():
    result = codeit.run(codeit.Program.parse("O = asindices(I)"), GRID)
    assert result.value == frozenset({(0, 0), (0, 1), (1, 0), (1, 1)})
    failed = codeit.run(codeit.Program.parse("O = first(ZERO)"), GRID)
    with pytest.raises(ValueError, match="there is no value: the run ended with type_error"):
        _ = failed.value


# ---- The package


def test_what_needs_torch_or_pydantic_is_loaded_when_it_is_asked_for():
    code = "import sys, codeit; print([m for m in ('torch', 'pydantic') if m in sys.modules])"
    code += "; print(codeit.Solver, codeit.search, codeit.Policy)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("[]\n<class")


def test_every_public_name_can_be_had_and_no_other():
    assert sorted(codeit.__all__) == codeit.__all__
    assert set(codeit.__all__) <= set(dir(codeit)) | {"Policy"}
    with pytest.raises(AttributeError, match="'codeit' has no attribute 'polisy'"):
        _ = codeit.polisy


PUBLIC = [name for name in codeit.__all__ if not name.startswith("_")]
CODE = [name for name in PUBLIC if not inspect.ismodule(getattr(codeit, name))]
SETTINGS = ("SamplingSettings", "SearchSettings")
"""Of them the documentation is that of their fields, which `codeit train --help` shows, too."""


def functions_of(value):
    """A function, or the public functions of a class, by name."""
    if not inspect.isclass(value):
        return {"": value}
    found = {}
    for name, part in vars(value).items():
        part = part.fget if isinstance(part, property) else getattr(part, "__func__", part)
        if not name.startswith("_") and inspect.isfunction(part):
            found[name] = part
    return found


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_is_documented_with_all_its_parameters(name):
    value = getattr(codeit, name)
    assert inspect.getdoc(value)
    if inspect.ismodule(value):
        return
    for part, function in functions_of(value).items():
        text = inspect.getdoc(function) or ""
        assert text.endswith((".", ")")) or "\n" in text, (part, text)
        parameters = set(inspect.signature(function).parameters) - {"self", "cls"}
        assert {p for p in parameters if not re.search(rf"\b{p}\b", text)} == set(), part
        section = text.partition("Args:")[2]
        if len(parameters) > 1:
            assert {p for p in parameters if not re.search(rf"\b{p}\b", section)} == set(), part


@pytest.mark.parametrize("name", SETTINGS)
def test_every_field_of_settings_is_documented(name):
    value = getattr(codeit, name)
    source = inspect.getsource(value)
    for field in value.__dataclass_fields__:
        assert re.search(rf'^    {field}: .*\n    """[\w`]', source, flags=re.MULTILINE), field


@pytest.mark.parametrize("name", [name for name in CODE if name not in SETTINGS])
def test_the_example_of_a_public_name_prints_what_it_says(name, request, tmp_path, monkeypatch):
    if name == "Policy":
        pytest.importorskip("torch")
        (tmp_path / "runs").mkdir()
        os.symlink(request.getfixturevalue("finished")[0], tmp_path / "runs" / "small")
        monkeypatch.chdir(tmp_path)
    text = inspect.getdoc(getattr(codeit, name))
    assert "\nExamples:\n" in text
    (test,) = [doctest.DocTestParser().get_doctest(text, {}, name, None, 0)]
    assert len(test.examples) > 1
    said = []
    doctest.DocTestRunner(verbose=False).run(test, out=said.append)
    assert said == []


@pytest.mark.parametrize(
    ("name", "arguments", "outcome", "value"),
    [
        ("increment", [5], "ok", 6),
        ("add", [1, ["t", 2, 3]], "ok", ["t", 3, 4]),
        ("apply", [{"fn": "double"}, ["t", 1, 2]], "ok", ["t", 2, 4]),
        ("hmirror", [["t", ["t", 1], ["t", 2]]], "ok", ["t", ["t", 2], ["t", 1]]),
        ("first", [5], "type_error", None),
    ],
)
def test_a_list_of_canonical_arguments_gives_a_result(name, arguments, outcome, value):
    result = codeit.call(name, arguments, dialect="arc-dsl")
    assert result.outcome.name == outcome
    assert outcome != "ok" or result.value_json() == value


def test_rows_of_a_grid_are_no_canonical_arguments():
    assert codeit.call("hmirror", [[1, 2], [3, 4]]) == ((3, 4), (1, 2))
    assert codeit.call("first", (5,)) == 5
    assert codeit.call("first", [7, 8]) == 7
