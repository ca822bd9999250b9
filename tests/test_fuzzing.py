"""The native machine against the oracle on random programs, and the fuzzer itself."""

import json
import random
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from codeit import Program, fuzzing, run
from codeit.cli import main
from codeit.dsl import PRIMITIVES
from codeit.fuzzing import KINDS, End, fuzz, load_functions, load_oracle, native_end, references

SEED = 20240901
ORACLE = Path(__file__).parent / "oracle"  # also where the package is installed elsewhere
DIALECTS = ("codeit", "arc-dsl")


def reference_that_errs(name):
    """The machine itself, but for a wrong end wherever a program calls one primitive."""

    def reference(text, grid):
        if f" = {name}(" in text:
            return End(exception="KeyError")
        return native_end(run(Program.parse(text), grid, fuzzing.LIMITS))

    return reference


def fails_with(capsys, words, message):
    assert main(["fuzz", *map(str, words)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1, error
    assert message in error


# ---- The machine


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_machine_and_the_oracle_agree_on_random_programs(dialect):
    print(f"seed {SEED}")
    tally = fuzz(200, SEED, dialect, load_oracle(ORACLE, dialect))
    assert [difference.to_json() for difference in tally.differences] == []
    assert tally.count("equal") > 500


# ---- What is drawn


def draw(count):
    generator = fuzzing.Generator("codeit")
    return [generator.draw(random.Random(k)) for k in range(count)]


def test_programs_of_all_kinds_return_values_and_fail():
    exceptions = {kind: Counter() for kind in KINDS}
    for kind, program, grids in draw(400):
        exceptions[kind][native_end(run(program, grids[0], fuzzing.LIMITS)).exception] += 1
    for kind in KINDS:
        num_values = exceptions[kind].pop(None)
        assert num_values > 30, kind
        assert exceptions[kind].total() > 1, kind
    assert exceptions["untyped"]["TypeError"] > 10


def test_every_primitive_is_drawn():
    drawn = {
        line.split(" = ")[1].split("(")[0]
        for _, program, _ in draw(1500)
        for line in program.text.split("\n")
    }
    assert PRIMITIVES.keys() <= drawn


def test_the_seed_decides_what_is_drawn():
    texts = [[program.text for _, program, _ in draw(20)] for _ in range(2)]
    assert texts[0] == texts[1]

    def seen(seed):
        programs = []
        fuzz(5, seed, "codeit", lambda text, grid: programs.append((text, grid.tolist())) or End())
        return programs

    assert seen(1) == seen(1)
    assert seen(1) != seen(2)


# ---- Comparing


def test_a_difference_is_shrunk_to_the_lines_that_it_needs():
    told = []
    tally = fuzz(300, 3, "codeit", reference_that_errs("crop"), on_difference=told.append)
    assert told == tally.differences
    assert tally.count("different") > 0
    texts = [difference.program for difference in told]
    for text in texts:
        *before, last = text.split("\n")
        assert last.startswith("O = crop(")
        assert all(line.split(" = ")[0] in text.split(line)[1] for line in before)
    assert min(text.count("\n") for text in texts) == 0
    assert told[0].reference.to_json() == {"err": "KeyError"}


def verdicts(end):
    tally = fuzz(20, 0, "codeit", lambda text, grid: end)
    return {verdict for _, verdict in tally.runs}


def test_a_run_at_a_limit_of_the_reference_is_counted_apart():
    assert verdicts(End(is_limit=True)) == {"limit"}


def test_a_run_that_hangs_on_addresses_is_counted_apart():
    assert verdicts(End(is_determined=False)) <= {"not determined", "limit"}


@pytest.mark.parametrize(
    "text",
    [
        "x1 = power(identity, ZERO)\nO = x1(I)",
        "x1 = power(double, TEN)\nx2 = power(x1, SEVEN)\nO = x2(ONE)",
        "x1 = power(double, TEN)\nx2 = power(x1, FIVE)\nx3 = x2(ONE)\nO = repeat(I, x3)",
    ],
)
def test_a_run_at_a_limit_of_the_machine_is_a_limit(text):
    end = native_end(run(Program.parse(text), [[1]], fuzzing.LIMITS))
    assert end.to_json() == {"limit": True}


def test_true_is_not_one_in_a_comparison():
    grid = np.array([[1]], dtype=np.uint8)
    program = Program.parse("O = identity(T)")
    assert fuzzing._compare(program, grid, lambda *_: End(True))[0] == "equal"
    assert fuzzing._compare(program, grid, lambda *_: End(1))[0] == "different"


# ---- References and the command


@pytest.fixture
def functions(tmp_path):
    """A folder with something like the original functions: all of them return 1."""
    lines = ["from arc_types import *"]
    for primitive in PRIMITIVES.values():
        names = ", ".join(parameter.name for parameter in primitive.parameters)
        lines.append(f"def {primitive.name}({names}) -> Anything: return (1, frozenset([False]))")
    (tmp_path / "dsl.py").write_text("\n".join(lines))
    (tmp_path / "arc_types.py").write_text("Anything = int")
    return tmp_path


def test_plain_functions_are_run_as_python(functions):
    reference = load_functions(functions, "codeit")
    grid = np.array([[1]], dtype=np.uint8)
    assert reference("O = size(I)", grid).to_json() == {"ok": ["t", 1, ["s", False]]}
    assert reference("x1 = size(I)\nO = x1(I)", grid).to_json() == {"err": "TypeError"}
    assert reference("O = identity(O)", grid).to_json() == {"err": "NameError"}
    assert reference("x1 = size(I)\nO = fill(x1)", grid).to_json() == {"err": "TypeError"}


def test_a_function_that_does_not_end_is_stopped(functions, monkeypatch):
    with (functions / "dsl.py").open("a") as file:
        file.write("\ndef identity(x):\n    while True:\n        pass\n")
    monkeypatch.setattr(references, "_MAX_SECONDS", 0.1)
    reference = load_functions(functions, "codeit")
    grid = np.array([[1]], dtype=np.uint8)
    assert reference("O = identity(I)", grid).is_limit
    assert reference("O = size(I)", grid).exception is None
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_functions_are_refused_where_nothing_could_stop_them(functions):
    reference = load_functions(functions, "codeit")
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(reference, "O = identity(I)", np.array([[1]], dtype=np.uint8))
    with pytest.raises(RuntimeError, match="on the main thread only"):
        run.result()


def test_the_command_exits_with_0_when_all_agrees(capsys):
    assert main(["fuzz", "--programs", "5", "--seed", "7", "--oracle", str(ORACLE)]) == 0
    text = capsys.readouterr().out
    assert "seed 7, dialect codeit" in text
    assert "not determined" in text


def test_the_command_reports_differences_and_exits_with_1(capsys, functions, tmp_path):
    out = tmp_path / "differences.jsonl"
    words = ["fuzz", "--programs", "8", "--arc-dsl", str(functions), "--out", str(out)]
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 1
    text = capsys.readouterr().out
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert text.count("DIFFERENT") == len(rows) > 0
    assert rows[0]["program"] in text
    assert {"grid", "native", "reference", "dialect", "kind", "number"} == rows[0].keys() - {
        "program"
    }


def test_a_missing_oracle_is_one_line_that_says_what_to_pass(capsys, tmp_path, monkeypatch):
    fails_with(capsys, ["--oracle", tmp_path], "pass --oracle DIR with tests/oracle of a checkout")
    monkeypatch.setattr(fuzzing, "ORACLE", tmp_path / "nowhere")
    fails_with(capsys, [], "or --arc-dsl DIR with the original functions")


def test_other_errors_of_the_command_are_one_line(capsys, tmp_path, functions):
    fails_with(
        capsys, ["--programs", "0", "--oracle", ORACLE], "programs is 0; at least 1 is needed"
    )
    fails_with(capsys, ["--dialect", "arcdsl", "--oracle", ORACLE], "dialect 'arcdsl': allowed are")
    out = tmp_path / "no" / "file"
    fails_with(capsys, ["--out", out, "--oracle", ORACLE], "No such file or directory")
    fails_with(capsys, ["--arc-dsl", tmp_path / "no"], "there is no dsl.py in")
    (functions / "dsl.py").write_text("def size(container): return 0")
    fails_with(capsys, ["--arc-dsl", functions], "does not define add, subtract")


def test_the_command_has_help(capsys):
    with pytest.raises(SystemExit) as end:
        main(["fuzz", "--help"])
    assert end.value.code == 0
    assert "codeit fuzz" in capsys.readouterr().out
