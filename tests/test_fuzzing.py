"""The native machine against the oracle on random programs, and the fuzzer itself."""

import json
import random
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from commands import fails_with

from codeit import Program, fuzzing, run
from codeit.cli import main
from codeit.execution.executor import call_canonical as call
from codeit.fuzzing import (
    KINDS,
    MAX_STEPS,
    End,
    fuzz,
    load_functions,
    load_oracle,
    native_end,
    references,
    values,
)
from codeit.language import PRIMITIVES

SEED = 20240901
ORACLE = Path(__file__).parent / "oracle"  # also where the package is installed elsewhere
DIALECTS = ("codeit", "arc-dsl")


def reference_that_errs(name):
    """The machine itself, but for a wrong end wherever a program calls one primitive."""

    def reference(text, grid, max_steps):
        if f" = {name}(" in text:
            return End(exception="KeyError")
        return native_end(run(Program.parse(text), grid, fuzzing.LIMITS))

    return reference


# ---- The machine


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_machine_and_the_oracle_agree_on_random_programs(dialect):
    print(f"seed {SEED}")
    tally = fuzz(240, SEED, dialect, load_oracle(ORACLE, dialect))
    assert [difference.to_json() for difference in tally.differences] == []
    assert tally.count("equal") > 600


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_machine_and_the_oracle_agree_on_calls_with_hostile_values(dialect):
    """As `call_canonical` gets them, where sets are built item by item."""
    oracle = fuzzing.references._load_package(ORACLE)
    for k in range(1500):
        source = random.Random(f"{SEED} {k}")
        primitive = source.choice(tuple(PRIMITIVES.values()))
        arguments = [values.draw(source, p.type) for p in primitive.parameters]
        native = native_end(call(primitive.name, arguments, dialect, fuzzing.LIMITS))
        if native.is_limit:
            continue
        end = oracle.evaluate_call(primitive.name, arguments, dialect, MAX_STEPS)
        if not end.is_limit and not end.has_ordered_functions:
            ends = [(native.value, native.exception), (end.value, end.exception)]
            assert repr(ends[0]) == repr(ends[1]), (k, primitive.name, arguments)


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


def test_the_ints_near_the_ends_are_all_drawn():
    source = random.Random(SEED)
    drawn = {values.draw_int(source) for _ in range(40_000)}
    for center in (0, 30, -30, *(sign << k for k in range(64) for sign in (1, -1))):
        near = {n for n in range(center - 3, center + 4) if -(1 << 63) <= n < 1 << 63}
        assert near <= drawn, center


def test_lines_make_every_value_near_the_ends():
    for n in (*values.ENDS, 12_345_678_901, -(10**18)):
        writer = values.ValueWriter()
        name = writer.name_of(n)
        program = Program.parse("\n".join([*writer.lines, f"O = identity({name})"]))
        assert run(program, [[1]]).value_json() == n


def test_programs_of_all_kinds_get_values_near_the_ends():
    counts = Counter(kind for kind, program, _ in draw(1500) if "= power(double, " in program.text)
    assert all(counts[kind] > 20 for kind in KINDS), counts


def test_the_seed_decides_what_is_drawn():
    texts = [[program.text for _, program, _ in draw(20)] for _ in range(2)]
    assert texts[0] == texts[1]

    def seen(seed):
        programs = []

        def reference(text, grid, max_steps):
            programs.append((text, grid.tolist()))
            return End()

        fuzz(5, seed, "codeit", reference)
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
    tally = fuzz(20, 0, "codeit", lambda *_: end)
    return {verdict for _, verdict in tally.runs}


def test_a_run_at_a_limit_of_the_reference_is_counted_apart():
    assert verdicts(End(is_limit=True)) == {"limit"}


def test_a_run_that_hangs_on_addresses_is_counted_apart():
    assert verdicts(End(is_determined=False)) <= {"not determined", "limit"}


TO_THE_LAST = "x1 = power(double, TEN)\nx2 = power(x1, SIX)\nx3 = x2(ONE)\nx4 = double(x3)\n"


@pytest.mark.parametrize(
    "text",
    [
        TO_THE_LAST + "O = repeat(ONE, x4)",
        TO_THE_LAST + "x5 = multiply(x4, FOUR)\nO = multiply(x5, NINE)",
    ],
)
def test_a_limit_of_the_machine_that_the_reference_does_not_need_is_a_difference(text):
    grid = np.array([[1]], dtype=np.uint8)
    program = Program.parse(text)
    steps = []

    def reference(text, grid, max_steps):
        steps.append(max_steps)
        return End(1)

    assert fuzzing._compare(program, grid, reference)[0] == "different"
    assert fuzzing._compare(program, grid, lambda *_: End(is_limit=True))[0] == "limit"
    assert len(steps) == 1


def test_an_int_that_leaves_64_bits_on_an_earlier_line_is_a_limit():
    program = Program.parse(TO_THE_LAST + "x5 = multiply(x4, NINE)\nO = greater(x5, ONE)")
    reference = load_oracle(ORACLE, "codeit")
    grid = np.array([[1]], dtype=np.uint8)
    assert reference(program.text, grid, MAX_STEPS).value is True
    assert fuzzing._compare(program, grid, reference)[0] == "limit"


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
    assert reference("O = size(I)", grid, MAX_STEPS).to_json() == {"ok": ["t", 1, ["s", False]]}
    assert reference("x1 = size(I)\nO = x1(I)", grid, MAX_STEPS).to_json() == {"err": "TypeError"}
    assert reference("O = identity(O)", grid, MAX_STEPS).to_json() == {"err": "NameError"}
    assert reference("x1 = size(I)\nO = fill(x1)", grid, MAX_STEPS).to_json() == {
        "err": "TypeError"
    }


def test_a_function_that_does_not_end_is_stopped(functions, monkeypatch):
    with (functions / "dsl.py").open("a") as file:
        file.write("\ndef identity(x):\n    while True:\n        pass\n")
    monkeypatch.setattr(references, "_MAX_SECONDS", 0.1)
    reference = load_functions(functions, "codeit")
    grid = np.array([[1]], dtype=np.uint8)
    assert reference("O = identity(I)", grid, MAX_STEPS).is_limit
    assert reference("O = size(I)", grid, MAX_STEPS).exception is None
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_functions_are_refused_where_nothing_could_stop_them(functions):
    reference = load_functions(functions, "codeit")
    grid = np.array([[1]], dtype=np.uint8)
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(reference, "O = identity(I)", grid, MAX_STEPS)
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
    fails_with(
        capsys, ["fuzz", "--oracle", tmp_path], "pass --oracle DIR with tests/oracle of a checkout"
    )
    monkeypatch.setattr(fuzzing, "ORACLE", tmp_path / "nowhere")
    fails_with(capsys, ["fuzz"], "or --arc-dsl DIR with the original functions")


def test_other_errors_of_the_command_are_one_line(capsys, tmp_path, functions):
    fails_with(
        capsys,
        ["fuzz", "--programs", "0", "--oracle", ORACLE],
        "--programs: '0'; allowed: a whole number",
    )
    fails_with(
        capsys, ["fuzz", "--dialect", "arcdsl", "--oracle", ORACLE], "dialect 'arcdsl': allowed are"
    )
    out = tmp_path / "no" / "file"
    fails_with(capsys, ["fuzz", "--out", out, "--oracle", ORACLE], "No such file or directory")
    fails_with(capsys, ["fuzz", "--arc-dsl", tmp_path / "no"], "there is no dsl.py in")
    (functions / "dsl.py").write_text("def size(container): return 0")
    fails_with(capsys, ["fuzz", "--arc-dsl", functions], "does not define add, subtract")


def test_the_command_has_help(capsys):
    with pytest.raises(SystemExit) as end:
        main(["fuzz", "--help"])
    assert end.value.code == 0
    assert "codeit fuzz" in capsys.readouterr().out
