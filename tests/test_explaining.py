"""A run for the eye: what each line comes to and costs, and which call failed."""

import numpy as np
import pytest

from codeit import Limits, Outcome, Program, run, trace
from codeit.cli import main
from codeit.execution.explained import UNBOUND, explain
from codeit.explaining.failures import called_by, why_failed
from codeit.explaining.values import MAX_PANELS, in_words, left_out, panels_of, text_of, type_of
from codeit.language import load_seed_programs
from codeit.tasks import datasets
from codeit.tasks.blocks import EMPTY, MARKED

GRID = np.array([[1, 1, 0], [0, 0, 2], [0, 0, 2]])


def explained(text, grid=GRID, limits=None):
    return explain(Program.parse(text), grid, limits)


def why(text, grid=GRID):
    found = explained(text, grid)
    return why_failed(found, called_by(text.split("\n")[found.result.line - 1]))


# ---- The run ----


def fuel_of_lines(found):
    return sum(line.fuel for line in found.lines)


def test_a_run_that_is_explained_is_that_of_run_and_its_lines_use_its_fuel():
    """All but what reading the input takes, which is the same for every program."""
    tasks = {task.task_id: task for task in datasets.load("arc1-training")}
    for seed in load_seed_programs()[::20]:
        grid = tasks[seed.task_id].demonstrations[0].input
        found, plain = explain(seed.program, grid), run(seed.program, grid)
        assert found.result.outcome == plain.outcome == Outcome.ok
        assert found.failed_call is None
        assert len(found.lines) == len(seed.program)
        shortest = explained("O = hmirror(I)", grid)
        reading = shortest.result.fuel - fuel_of_lines(shortest)
        assert fuel_of_lines(found) + reading == plain.fuel
        assert all(line.fuel > 0 for line in found.lines)


def test_functions_are_named_with_what_was_bound():
    lines = explained("x1 = rbind(shift, DOWN)\nx2 = compose(x1, asobject)\nO = x2(I)").lines
    assert text_of(lines[0].value) == "rbind(shift, (1, 0))"
    assert in_words(lines[1].value) == "the function compose(rbind(shift, (1, 0)), asobject)"


def test_other_values_are_those_of_a_trace():
    program = Program.parse("x1 = objects(I, T, F, T)\nx2 = first(x1)\nO = subgrid(x2, I)")
    values = [line.value for line in explain(program, GRID).lines]
    assert values == trace(program, GRID)[1]


def test_a_run_without_fuel_has_the_lines_that_it_reached():
    found = explained("x1 = hmirror(I)\nO = objects(x1, T, T, T)", limits=Limits(fuel=50))
    assert found.result.outcome == Outcome.out_of_fuel
    assert len(found.lines) == 2
    assert found.lines[1].value is UNBOUND


# ---- Failures ----


CROP = "{}, and takes Grid, IntegerTuple, IntegerTuple"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x1 = height(I)\nO = crop(I, x1, x1)", CROP.format("crop met Grid, Integer, Integer")),
        ("O = first(THREE)", "first met Integer, and takes Container"),
        ("x1 = width(I)\nO = apply(x1, I)", "what was called is no function, but Integer"),
        (
            "x1 = asindices(I)\nO = apply(crop, x1)",
            CROP.format("crop, within apply, met IntegerTuple"),
        ),
        (
            "x1 = rbind(crop, ORIGIN)\nO = apply(x1, I)",
            "rbind(crop, (0, 0)), within apply, met Tuple",
        ),
        ("O = hmirror(I, TWO)", "hmirror met Grid, Integer, and takes Piece"),
        ("x1 = initset(ONE)\nx2 = difference(x1, x1)\nO = first(x2)", "first met empty FrozenSet"),
    ],
)
def test_a_failure_says_which_primitive_met_which_types_and_which_it_takes(text, expected):
    reason = why(text)
    assert reason.startswith(f"line {text.count(chr(10)) + 1}: ")
    assert reason.endswith(expected), reason
    assert "\n" not in reason


def test_a_failure_that_was_no_call_names_none():
    found = explained("O = hmirror(I)", limits=Limits(fuel=1))
    assert found.result.outcome == Outcome.out_of_fuel
    assert "met" not in why_failed(found, "hmirror")


# ---- Values ----


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (3, "Integer"),
        (True, "Boolean"),
        ({"fn": "crop"}, "Callable"),
        (["t", 1, 2], "IntegerTuple"),
        (["t", ["t", 1, 2], ["t", 3, 4]], "Grid"),
        (["s", 4, 5], "IntegerSet"),
        (["s", ["t", 0, 1]], "Indices"),
        (["s", ["t", 3, ["t", 0, 1]]], "Object"),
        (["s", ["s", ["t", 0, 1]]], "IndicesSet"),
        (["s", ["s", ["t", 3, ["t", 0, 1]]]], "Objects"),
        (["s"], "FrozenSet"),
        (["t", 1, 2, 3], "Tuple"),
    ],
)
def test_a_value_has_the_narrowest_type_of_the_language(value, kind):
    assert type_of(value) == kind


def test_a_patch_is_drawn_on_its_place_in_the_input():
    (panel,) = panels_of(["s", ["t", 3, ["t", 1, 2]]], (3, 3))
    assert panel.grid.tolist() == [[EMPTY] * 3, [EMPTY, EMPTY, 3], [EMPTY] * 3]
    (panel,) = panels_of(["s", ["t", 0, 0]], (2, 2))
    assert panel.grid.tolist() == [[MARKED, EMPTY], [EMPTY, EMPTY]]


@pytest.mark.parametrize("place", [(-1, 0), (0, 5), (7, 7)])
def test_a_patch_outside_the_input_is_drawn_alone_and_says_where_it_begins(place):
    (panel,) = panels_of(["s", ["t", 3, ["t", *place]]], (3, 3))
    assert panel.grid.tolist() == [[3]]
    assert panel.caption == f"1 cell, from ({place[0]}, {place[1]})"


@pytest.mark.parametrize(
    "value",
    [
        ["s", ["t", 11, ["t", 0, 0]]],
        ["s", ["t", 1, ["t", 0, 0]], ["t", 2, ["t", 0, 0]]],
        ["s", ["t", 0, 0], ["t", 0, 500]],
        ["t", ["t", 0, -1]],
        ["t", ["t", *[1] * 31]],
    ],
)
def test_what_is_no_picture_is_left_to_the_text(value):
    assert panels_of(value, (3, 3)) == []
    assert in_words(value)


def test_large_values_are_cut_and_say_how_much_is_missing():
    many = ["t", *range(400)]
    assert text_of(many).endswith(" more)")
    shown = int(text_of(many).rsplit("and ", 1)[1].split()[0])
    assert text_of(many).count(",") == 400 - shown
    objects = ["s", *(["s", ["t", k % 10, ["t", k // 20, k % 20]]] for k in range(45))]
    assert left_out(objects, (30, 30)) == f"and {45 - MAX_PANELS} more"


# ---- What a person sees ----


@pytest.fixture
def failing(tmp_path):
    path = tmp_path / "failing.txt"
    path.write_text("x1 = objects(I, T, F, T)\nx2 = argmax(x1, size)\nO = crop(x2, T, I)\n")
    return str(path)


@pytest.mark.parametrize("width", [80, 120])
def test_a_trace_stays_within_the_terminal_where_it_draws(monkeypatch, capsys, width):
    monkeypatch.setenv("COLUMNS", str(width))
    main(["run", "docs/task.txt", "--task", "be94b721", "--explain"])
    out = capsys.readouterr().out
    assert max(map(len, out.split("\n"))) <= width
    assert "\x1b" not in out
    for k in range(1, 5):
        assert out.count(f"\ndemonstration {k}\n") == 1
    assert "  x1 = objects(I, T, F, T)  ->  Objects of 3 items  [668 fuel]\n" in out
    assert "8 cells, from (1, 1)" in out


def test_fuel_is_shown_when_it_is_asked_for(capsys):
    main(["run", "docs/task.txt", "--task", "be94b721", "--trace"])
    assert " fuel]" not in capsys.readouterr().out


def test_a_program_that_fails_on_every_pair_alike_says_why_once(capsys, failing):
    with pytest.raises(SystemExit):
        main(["run", failing, "--task", "be94b721"])
    out = capsys.readouterr().out
    assert out.count("every pair: line 3: TypeError: ") == 1
    reason = CROP.format("crop met Object, Boolean, Grid")
    assert out.count(f"; {reason}\n") == 1


def test_a_program_that_fails_on_some_pairs_says_on_which(capsys, tmp_path):
    program = tmp_path / "program.txt"
    program.write_text("x1 = ofcolor(I, FIVE)\nx2 = first(x1)\nO = fill(I, TWO, x1)\n")
    task = tmp_path / "task.json"
    task.write_text(
        '{"train": [{"input": [[5]], "output": [[5]]}, {"input": [[0]], "output": [[0]]}],'
        ' "test": [{"input": [[5]]}]}'
    )
    with pytest.raises(SystemExit):
        main(["run", str(program), "--task", str(task)])
    notes = [line for line in capsys.readouterr().out.splitlines() if "line 2" in line]
    assert len(notes) == 1
    assert notes[0].startswith("demonstration 2: line 2: StopIteration")


def test_the_picture_has_the_lines_too(tmp_path, capsys):
    plain, traced = tmp_path / "plain.svg", tmp_path / "traced.svg"
    main(["run", "docs/task.txt", "--task", "be94b721", "--save", str(plain)])
    main(["run", "docs/task.txt", "--task", "be94b721", "--trace", "--save", str(traced)])
    assert "Objects of 3 items" not in plain.read_text()
    assert traced.read_text().count("Objects of 3 items") == 4
    assert traced.read_text().count("Objects of 4 items") == 1
