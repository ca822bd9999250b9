"""Programs in every form in which the field has them, each as a small file; never run."""

import json
import re
import warnings
from pathlib import Path

import pytest

from codeit.cli import main
from codeit.execution.executor import Limits
from codeit.files.left_out import LeftOutWarning
from codeit.language import NewPrimitive, Program, load_seed_programs, remove_own
from codeit.language.corpus import lasting_corpus, program_of_rows, program_text, read_programs
from codeit.language.python_source import NotInLanguageError, functions_of, language_text
from codeit.language.table import add_own
from codeit.runs.mutants import load_mutants
from codeit.runs.settings import PRESETS, override, with_absolute_paths
from codeit.tasks import datasets

PROGRAM = "x1 = vmirror(I)\nO = hconcat(I, x1)"


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text if isinstance(text, str) else json.dumps(text))
    return path


def text_of(source):
    (function,) = functions_of(source)
    return language_text(function)


def load_silently(path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return [(seed.task_id, seed.program.text) for seed in load_seed_programs(path)]


# ---- Files ------------------------------------------------------------------------------------

SOLVE = "    x1 = vmirror(I)\n    O = hconcat(I, x1)\n    return O\n"
PAPER = {
    "program": f"def solve_a(I):\n{SOLVE}",
    "training_examples": [{"input": [[1]], "output": [[1, 1]]}],
    "test_examples": [],
    "task_key": "a",
    "extra_info": "",
}
MUTANT = {**PAPER, "task_key": "a_it0_7", "program": f"\ndef solve_a_it0_7(I):\n{SOLVE}"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.py", f"from dsl import *\n\ndef solve_a(I):\n{SOLVE}"),
        ("p.py", f"from dsl import *\n\ndef verify_a(I: Grid) -> Grid:\n{SOLVE}"),
        ("a.py", f"def solve(I):\n{SOLVE}"),
        ("solve_a.py", f"import dsl\n\ndef any_name(grid):\n{SOLVE.replace('I', 'grid')}"),
        ("a.py", f"from dsl import *\n# how\n{PROGRAM}\n"),
        ("a.txt", PROGRAM),
        ("a.txt", "O = hconcat(I, vmirror(I))\n"),
        ("p.jsonl", json.dumps({"task": "a", "program": PROGRAM})),
        ("p.jsonl", json.dumps({"task": "a", "program": "r = vmirror(I)\nr = hconcat(I, r)"})),
        ("p.jsonl", json.dumps({"task_id": "a", "program": f"def solve_x(I):\n{SOLVE}"})),
        ("p.json", json.dumps({"task": "a", "program": PROGRAM})),
        ("p.json", [{"task": "a", "program": PROGRAM}]),
        ("a.json", PAPER),
        ("mutated_tasks_train_9600.json", {"a_it0_7": MUTANT}),
        ("mutated_tasks_train_9600.json", {"b_it0_7": {**MUTANT, "parent_key": "a"}}),
    ],
)
def test_each_form_of_the_field_gives_its_program(tmp_path, name, text):
    assert load_silently(write(tmp_path / name, text)) == [("a", PROGRAM)]


def test_a_folder_gives_the_programs_of_all_its_files(tmp_path):
    write(tmp_path / "b" / "deep.py", f"def solve_b(I):\n{SOLVE}def solve_c(I):\n{SOLVE}")
    write(tmp_path / "a.json", PAPER)
    write(tmp_path / ".hidden.py", f"def solve_x(I):\n{SOLVE}")
    write(tmp_path / "notes.md", "no program")
    assert load_silently(tmp_path) == [("a", PROGRAM), ("b", PROGRAM), ("c", PROGRAM)]


def test_the_folder_of_a_run_or_search_is_its_solutions(tmp_path):
    write(tmp_path / "solutions.jsonl", {"task_id": "a", "program": PROGRAM})
    write(tmp_path / "metrics.jsonl", {"loss": 1})
    assert load_silently(tmp_path) == [("a", PROGRAM)]


def test_corpora_with_commas_between_them_are_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.py", f"def solve_a(I):\n{SOLVE}def solve_z(I):\n    return mirror(I)\n")
    write(tmp_path / "b,c.txt", PROGRAM)
    packaged = len(load_seed_programs())
    found = read_programs(f"packaged, {tmp_path / 'a.py'}")
    assert [seed.task_id for seed in found.seeds[packaged:]] == ["a"]
    assert [one.name for one in found.left_out] == [f"{tmp_path / 'a.py'}, line 5, solve_z"]
    assert [seed.task_id for seed in load_seed_programs("b,c.txt")] == ["b,c"]
    assert lasting_corpus("packaged,a.py") == f"packaged,{tmp_path / 'a.py'}"
    settings = with_absolute_paths(override(PRESETS["demo"], {"programs": "a.py,packaged"}))
    assert settings.programs == f"{tmp_path / 'a.py'},packaged"
    with pytest.raises(ValueError, match="a source is missing beside a comma"):
        load_seed_programs("packaged,")


def test_mutated_tasks_of_the_paper_are_mutants_that_were_made_before(tmp_path):
    tasks = datasets.load("arc1-training", ["67a3c6ac", "68b16354"])
    for number, (task, name) in enumerate(zip(tasks, ("hmirror", "vmirror"), strict=True)):
        program = f"def solve_m(I):\n    O = {name}(I)\n    return O\n"
        row = {**MUTANT, "parent_key": task.task_id, "program": program}
        write(tmp_path / f"mutated_tasks_train_{9600 * (number + 1)}.json", {"k": row})
    found = load_mutants(tmp_path, tasks, "codeit", 10, lambda _: True, 1, Limits())
    assert [m.program.text for m in found] == ["O = hmirror(I)", "O = vmirror(I)"]
    assert [m.parent.task_id for m in found] == [task.task_id for task in tasks]


# ---- From Python to the language --------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("O = hmirror(vmirror(I))", "x1 = vmirror(I)\nO = hmirror(x1)"),
        ("x = vmirror(I)\nx = hmirror(x)", "x1 = vmirror(I)\nO = hmirror(x1)"),
        ("size = vmirror(I)\nO = hmirror(size)", "x1 = vmirror(I)\nO = hmirror(x1)"),
        (
            "a = shape(I)\nb = shape(I)\nO = canvas(THREE, b)",
            "x1 = shape(I)\nO = canvas(THREE, x1)",
        ),
        ("O = compose(hmirror, vmirror)(I)", "x1 = compose(hmirror, vmirror)\nO = x1(I)"),
        ("a = vmirror(I)\nb = a\nO = hmirror(b)", "x1 = vmirror(I)\nO = hmirror(x1)"),
        ("O: Grid = hmirror(I)", "O = hmirror(I)"),
        ("a = b = hmirror(I)\nO = hconcat(a, b)", "x1 = hmirror(I)\nO = hconcat(x1, x1)"),
        ("O = upscale(I, 2)", "O = upscale(I, TWO)"),
        ("O = objects(I, True, False, T)", "O = objects(I, T, F, T)"),
        ("O = shift(I, (0, -1))", "O = shift(I, LEFT)"),
        (
            "O = crop(I, (3, 4), (3, 3))",
            "x1 = astuple(THREE, FOUR)\nO = crop(I, x1, THREE_BY_THREE)",
        ),
        (
            "n = size(I)\nO = canvas(0, (n, 1))",
            "x1 = size(I)\nx2 = astuple(x1, ONE)\nO = canvas(ZERO, x2)",
        ),
        ("O = hmirror(I)\ndead = vmirror(I)", "O = hmirror(I)"),
        ("dead = vmirror(I)\nO = hmirror(I)", "x1 = vmirror(I)\nO = hmirror(I)"),
        ("x = hmirror(I)\nO = I", "x1 = hmirror(I)\nO = identity(I)"),
        ("O = crop(I, dims=TWO_BY_TWO, start=ORIGIN)", "O = crop(I, ORIGIN, TWO_BY_TWO)"),
        ("import dsl as d\nO = d.hmirror(I)", "O = hmirror(I)"),
        ('"""Doc."""\npass\nO = hmirror(I)  # why', "O = hmirror(I)"),
    ],
)
def test_python_is_rewritten_to_the_form_of_the_language(body, text):
    assert Program.parse(text_of(body)) == Program.parse(text)
    indented = body.replace("\n", "\n    ")
    assert text_of(f"def solve_a(I):\n    {indented}\n") == text_of(body)


@pytest.mark.parametrize(
    ("last", "text"),
    [
        ("return x", "O = hmirror(I)"),
        ("return vmirror(x)", "x1 = hmirror(I)\nO = vmirror(x1)"),
        ("y = vmirror(x)\n    return x", "O = hmirror(I)"),
        ("return I", "x1 = hmirror(I)\nO = identity(I)"),
        ("return x\n    x = nothing(I)", "O = hmirror(I)"),
    ],
)
def test_what_a_function_returns_is_the_output(last, text):
    assert text_of(f"def solve_a(I):\n    x = hmirror(I)\n    {last}\n") == text


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            "O = hmirror(I)\nfor k in I:\n    O = k",
            "line 2: Python's `for`; a program has assignments alone",
        ),
        ("x = hmirror(I)\nx += 1", "line 2: Python's `augassign`; a program has assignments alone"),
        (
            "print(hmirror(I))\nO = hmirror(I)",
            "line 1: Python's `expr`; a program has assignments alone",
        ),
        ("O = apply(lambda x: x, I)", "line 1: Python's `lambda`; a program has calls alone"),
        ("O = hmirror(I + 1)", "line 1: Python's `binop`; a program has calls alone"),
        ("O = hmirror(*I)", "line 1: Python's `starred`; a program has calls alone"),
        ("a, b = hmirror(I), 1", "line 1: an assignment to something else than a name"),
        (
            "O = mirror(I)",
            "line 1: mirror is no name of the language, nor bound before; did you mean vmirror?",
        ),
        (
            "x = hmirror(y)\ny = hmirror(I)",
            "line 1: y is no name of the language, nor bound before",
        ),
        ("O = canvas(42, UNITY)", "line 1: the value 42, for which the language has no constant"),
        (
            "O = canvas('red', UNITY)",
            "line 1: the value 'red', for which the language has no constant",
        ),
        ("O = canvas(1.0, UNITY)", "line 1: the value 1.0, for which the language has no constant"),
        (
            "O = canvas((1, 2, 3), UNITY)",
            "line 1: the value (1, 2, 3), for which the language has no constant",
        ),
        ("O = hmirror()", "line 1: a call of hmirror without arguments"),
        ("O = I(I)", "line 1: a call of I, which is no function"),
        (
            "O = crop(I, at=ORIGIN, dims=UNITY)",
            "line 1: arguments of crop by names that are not its own",
        ),
    ],
)
def test_what_the_language_has_not_is_refused_with_its_line(body, reason):
    with pytest.raises(NotInLanguageError, match="^" + re.escape(reason) + "$"):
        text_of(body)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def solve_a():\n    return I\n", "line 1: its parameters are none; there is one"),
        ("def solve_a(I, n):\n    return I\n", "line 1: its parameters are I, n; there is one"),
        ("def solve_a(*I):\n    return I\n", "line 1: its parameters are *I; there is one"),
        ("def solve_a(I):\n    pass\n", "line 1: there is nothing that it returns"),
        ("def solve_a(I):\n    return\n", "line 2: a return without a value"),
    ],
)
def test_a_function_that_is_no_program_is_refused(source, reason):
    with pytest.raises(NotInLanguageError, match="^" + re.escape(reason) + "$"):
        text_of(source)


@pytest.mark.parametrize(
    "text",
    [
        "O = " + "hmirror(" * 150 + "I" + ")" * 150,
        "O = " + "hmirror(" * 5_000 + "I" + ")" * 5_000,
        "O = hmirror(" + "-" * 100_000 + "1)",
        "O = hmirror(I" + ".a" * 50_000 + ")",
        "O = hmirror(I\0)",
        "O = hmirror(" + "9" * 6_000 + ")",
    ],
)
def test_hostile_python_is_read_or_refused_and_nothing_worse(text):
    fault = ""
    try:
        assert len(Program.parse(text_of(text))) == 150
    except NotInLanguageError as error:
        fault = str(error)
    assert "\n" not in fault


# ---- What is no program is counted, and the others are taken ----------------------------------


def test_functions_that_are_no_programs_are_left_out_and_named(tmp_path):
    path = write(
        tmp_path / "p.py",
        f"def solve_a(I):\n{SOLVE}\ndef solve_b(I):\n    return mirror(I)\n",
    )
    message = (
        f"{path}: 1 of 2 programs left out: line 6, solve_b (line 7: mirror is no name of the "
        "language, nor bound before; did you mean vmirror?)"
    )
    with pytest.warns(LeftOutWarning, match="^" + re.escape(message) + "$"):
        seeds = load_seed_programs(path)
    assert [seed.task_id for seed in seeds] == ["a"]


def test_lines_and_files_that_have_no_program_are_left_out_and_named(tmp_path):
    write(tmp_path / "a.py", f"def solve_a(I):\n{SOLVE}")
    write(tmp_path / "b.py", "import os\n\nclass Model:\n    pass\n")
    write(tmp_path / "c.json", {**PAPER, "program": None})
    bad = {"task": "d", "program": "O = crip(I)"}
    good = {"task": "d", "program": PROGRAM}
    write(tmp_path / "d.jsonl", "\n".join(map(json.dumps, (good, bad))))
    with pytest.raises(ValueError, match="line 1 has a function call") as refusal:
        Program.parse(bad["program"])
    found = read_programs(tmp_path)
    assert [seed.task_id for seed in found.seeds] == ["a", "d"]
    assert [tuple(one) for one in found.left_out] == [
        ("b.py", "there is no program in it"),
        ("c.json", "c: the task has no program"),
        ("d.jsonl, line 2", f"program, {refusal.value}"),
    ]


def test_a_folder_without_programs_is_refused(tmp_path):
    write(tmp_path / "b.py", "import os\n")
    with pytest.raises(ValueError, match=r"no file of programs in it; b\.py: there is no p"):
        load_seed_programs(tmp_path)


# ---- One program of a file --------------------------------------------------------------------

TWO = "def solve_a(I):\n    return hmirror(I)\n\ndef solve_b(I):\n    return vmirror(I)\n"


def test_a_program_in_the_form_of_the_language_stays_as_it_is_written():
    text = "mine = vmirror(I)\nO = hconcat(I, mine)\n"
    assert program_text(text, "p.txt", "a") == text


@pytest.mark.parametrize(
    ("text", "program"),
    [
        (TWO, "O = vmirror(I)"),
        ("def solve_other(I):\n    return vmirror(I)\n", "O = vmirror(I)"),
        ("O = hmirror(vmirror(I))", "x1 = vmirror(I)\nO = hmirror(x1)"),
    ],
)
def test_of_a_python_file_the_program_of_the_task_or_the_only_one_is_meant(text, program):
    assert program_text(text, "p.py", "b") == program


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (TWO, "p.py: it has 2 programs, none of them for task c"),
        (TWO.replace("I)", "I, n)"), "p.py: it has 2 programs, none of them for task c"),
        ("def solve(I):\n    return 3 + I\n", "p.py: line 2: Python's `binop`; a program has call"),
        ("from dsl import *\nx = (\n", "p.py: line 2: '(' was never closed"),
        ("O = crip(I)", "p.py: line 1: crip is no name of the language, nor bound before; did"),
        ("O = hmirror(I", "p.py: line 1 does not have a closing parenthesis"),
        ("", "p.py: line 1 is not a variable assignment"),
    ],
)
def test_a_file_without_the_program_is_refused_with_the_reason(text, reason):
    with pytest.raises(ValueError, match="^" + re.escape(reason)):
        program_text(text, "p.py", "c")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("x1 = hmiror(I)\nO = vconcat(I, x1)", "line 1: hmiror is .*; did you mean hmirror?"),
        ("large = hmirror(I)\nO = vconcat(I, larg)", "line 2: larg is .*; did you mean large?"),
        ("O = fill(I, THRE, I)", "line 1: THRE is .*; did you mean THREE?"),
    ],
)
def test_an_unknown_name_in_a_program_is_shown_with_the_nearest_that_is_known(text, hint):
    with pytest.raises(ValueError, match=r"^p\.txt: " + hint.replace("?", r"\?")):
        program_text(text, "p.txt", "a")


def rows_of(*rows):
    """Lines of a file: a task, a program, and on how many demonstrations it is right."""
    keys = ("task_id", "program", "num_right")
    return "\n".join(json.dumps(dict(zip(keys, row, strict=False))) for row in rows)


@pytest.mark.parametrize(
    ("text", "program", "which"),
    [
        (
            rows_of(("a", "O = rot90(I)", 1), ("b", "O = I", 9), ("a", "O = hmirror(I)", 3)),
            *("O = hmirror(I)", "line 3: of 2 programs for a, the first that is right on 3, the "),
        ),
        (
            rows_of(("a", "O = rot90(I)", 2), ("a", "O = hmirror(I)", 2)),
            *("O = rot90(I)", "line 1: of 2 programs for a, the first that is right on 2"),
        ),
        (
            rows_of(("a", "O = rot90(I)"), ("a", "O = hmirror(I)")),
            *("O = rot90(I)", "line 1: of 2 programs for a, the first"),
        ),
        (rows_of(("b", "O = I"), ("a", "O = I")), "O = I", "line 2: the only program for a"),
    ],
)
def test_of_a_file_of_solutions_the_best_program_of_the_task_is_meant(text, program, which):
    found = program_of_rows(text, Path("solutions.jsonl"), "a")
    assert found[0] == program
    assert found[1].startswith(f"solutions.jsonl, {which}")


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("s.jsonl", rows_of(("b", "O = I")), "s.jsonl: none of its 1 programs is for task a"),
        ("s.jsonl", "", "s.jsonl: none of its 0 programs is for task a"),
        ("s.jsonl", "[]", 's.jsonl, line 1: an object with texts "task" and "program" is needed'),
        ("s.jsonl", "{", "s.jsonl, line 1: column 2: Expecting property name"),
        ("s.json", "{}", "s.json: none of its 0 programs is for task a"),
        ("s.json", "3", 's.json: an object, or a list of objects, with texts "program" is needed'),
    ],
)
def test_a_file_of_solutions_without_the_task_is_refused_with_the_reason(name, text, reason):
    with pytest.raises(ValueError, match="^" + re.escape(reason)):
        program_of_rows(text, Path(name), "a")


def test_a_solution_of_a_run_runs_on_its_task(tmp_path, capsys):
    path = write(tmp_path / "solutions.jsonl", rows_of(("x", "O = I", 1), ("x", "O = rot90(I)", 2)))
    pair = {"input": [[1, 2]], "output": [[1], [2]]}
    task = write(tmp_path / "x.json", json.dumps({"train": [pair, pair], "test": [pair]}))
    assert main(["run", str(path), "--task", str(task)]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"{path}, line 2: of 2 programs for x, the first that is right on 2")
    assert "3 of 3 pairs are right" in shown


def test_a_program_of_a_python_file_runs_on_its_task(tmp_path, capsys):
    path = write(tmp_path / "solvers.py", "def solve_x(I):\n    return I\n\n" + SOLVERS)
    assert main(["run", str(path), "--task", "arc1-training/67a3c6ac"]) == 0
    assert "4 of 4 pairs are right" in capsys.readouterr().out


SOLVERS = "def solve_67a3c6ac(I):\n    return vmirror(I)\n"


def test_primitives_of_ones_own_are_names_of_python_too():
    add_own(NewPrimitive("mine", (("Grid", "grid"),), "Grid", like="hmirror"))
    try:
        assert text_of("O = mine(vmirror(I))") == "x1 = vmirror(I)\nO = mine(x1)"
    finally:
        remove_own("mine")
    with pytest.raises(NotInLanguageError, match="mine is no name of the language"):
        text_of("O = mine(vmirror(I))")
