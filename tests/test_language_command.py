"""What `codeit dsl` says of the language."""

import pytest

from codeit import Outcome
from codeit.cli import main
from codeit.execution.explained import explain
from codeit.explaining.examples import EXAMPLE_GRID, example_of
from codeit.explaining.glossary import GROUPS, TYPES
from codeit.explaining.values import type_of
from codeit.language import CONSTANTS, PRIMITIVES


def said(capsys, *words):
    capsys.readouterr()
    assert main(["dsl", *words]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("name", PRIMITIVES)
def test_every_primitive_has_an_example_that_runs_and_calls_it(name):
    program = example_of(PRIMITIVES[name])
    found = explain(program, EXAMPLE_GRID)
    assert found.result.outcome == Outcome.ok
    lines = program.text.split("\n")
    assert f"= {name}(" in lines[-1] or (
        PRIMITIVES[name].returns == "Callable" and f"= {name}(" in lines[-2]
    )
    assert len(lines) <= 5
    assert type_of(found.lines[-1].value) != "None"


def test_an_example_changes_what_it_is_of():
    """Painting and turning the grid into itself would show nothing."""
    for name, primitive in PRIMITIVES.items():
        if primitive.group in ("grid_geometry", "painting"):
            grid = explain(example_of(primitive), EXAMPLE_GRID).lines[-1].value
            assert grid != ["t", *(["t", *row] for row in EXAMPLE_GRID.tolist())], name


def test_the_glossary_has_every_type_and_group_that_there_is():
    used = {p.type for primitive in PRIMITIVES.values() for p in primitive.parameters}
    used |= {primitive.returns for primitive in PRIMITIVES.values()}
    used |= {constant.type for constant in CONSTANTS.values()}
    assert used <= TYPES.keys()
    assert {primitive.group for primitive in PRIMITIVES.values()} == GROUPS.keys()


def test_a_primitive_is_shown_with_its_types_and_its_example(capsys):
    out = said(capsys, "argmax")
    assert "argmax(container: Container, compfunc: Callable) -> Any\n" in out
    assert "    Callable: a function" in out
    assert "example, where I is this grid:\n" in out
    assert "  O = argmax(x1, size)  ->  Object of 3 cells\n" in out
    assert "I is this grid" not in said(capsys, "double")


@pytest.mark.parametrize("width", [80, 120])
def test_pictures_of_an_example_keep_to_the_terminal(monkeypatch, capsys, width):
    monkeypatch.setenv("COLUMNS", str(width))
    for name in ("hconcat", "objects", "rapply"):
        lines = said(capsys, name).splitlines()
        assert all(len(line) <= width for line in lines if line.startswith("    0 "))


def test_types_groups_and_constants_are_explained(capsys):
    out = said(capsys, "Patch")
    assert out.startswith("Patch: an Object or Indices\n")
    assert "taken by recolor, uppermost" in out
    assert "returned by shift, normalize" in out
    assert said(capsys, "types").count("\n") == len(TYPES)
    assert said(capsys, "groups").count("\n") == len(GROUPS)
    assert "IntegerTuple: a pair" in said(capsys, "ORIGIN")
    assert "  fill(" in said(capsys, "painting")
