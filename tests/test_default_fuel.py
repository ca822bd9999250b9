"""How much work is allowed when nobody says: much for a person's one program, little in a batch."""

import json

import numpy as np
import pytest

from codeit import Limits, Outcome, Program, execute, run, trace
from codeit.cli import main
from codeit.execution.executor import BATCH_FUEL, SINGLE_FUEL
from codeit.execution.executor import call_canonical as call
from codeit.runs.settings import PRESETS

# 40 million units, of which a unit takes much less than it may.
LONG = """
n = multiply(TEN, TEN)
f1 = power(increment, n)
f2 = power(f1, n)
f3 = power(f2, n)
f4 = power(f3, FIVE)
x = f4(ONE)
O = hmirror(I)
""".strip()
GRID = np.array([[1], [2]], np.uint8)


def test_one_program_may_work_longer_than_a_run_of_a_batch():
    program = Program.parse(LONG)
    single = run(program, GRID)
    assert (single.outcome, single.grid.tolist()) == (Outcome.ok, [[2], [1]])
    assert BATCH_FUEL < single.fuel < SINGLE_FUEL / 10
    assert trace(program, GRID)[1][5] == 5_000_001
    result = execute([program], [GRID])[0, 0]
    assert (result.outcome, result.fuel) == (Outcome.out_of_fuel, BATCH_FUEL)


def test_one_call_may_work_as_long():
    function = {"fn": "increment"}
    for n in (100, 100, 100, 5):
        function = {"fn": ["power", function, n]}
    result = call("apply", [function, ["t", 1]])
    assert result.value_json() == ["t", 5_000_001]
    assert result.fuel > BATCH_FUEL


def test_limits_that_are_given_hold_for_one_program_too():
    result = run(Program.parse(LONG), GRID, Limits())
    assert (result.outcome, result.fuel) == (Outcome.out_of_fuel, BATCH_FUEL)


def test_runs_of_the_loop_are_those_of_a_batch():
    assert Limits().fuel == BATCH_FUEL
    assert PRESETS["paper"].limits.fuel == BATCH_FUEL


@pytest.fixture
def files(tmp_path):
    program, task = tmp_path / "program.txt", tmp_path / "task.json"
    program.write_text(LONG)
    pair = {"input": [[1], [2]], "output": [[2], [1]]}
    task.write_text(json.dumps({"train": [pair], "test": [pair]}))
    return [str(program), "--task", str(task)]


def test_the_command_runs_a_program_that_works_for_long(files, capsys):
    assert main(["run", *files]) == 0
    assert "2 of 2 pairs are right" in capsys.readouterr().out


def test_the_command_says_how_to_allow_more_fuel(files, capsys):
    with pytest.raises(SystemExit) as end:
        main(["run", *files, "--trace", "--fuel", "35000000"])
    assert end.value.code == 1
    lines = capsys.readouterr().out.splitlines()
    said = [line for line in lines if "out_of_fuel" in line]
    assert [line.split(":")[0] for line in said] == ["demonstration 1", "test 1"]
    assert all("line 6" in line and "--fuel allows more than 35,000,000" in line for line in said)
    assert "  x = f4(ONE)  ->  no value" in lines  # nor does the trace have more


@pytest.mark.parametrize("fuel", ["-1", str((1 << 62) + 1), "1.5", "1e30", "x", ""])
def test_fuel_that_is_no_count_is_refused_in_one_line(files, capsys, fuel):
    assert main(["run", *files, "--fuel", fuel]) == 2
    error = capsys.readouterr().err
    assert f"--fuel: {fuel!r}; allowed: a whole number from 0 to {1 << 62:,}" in error
    assert error.count("\n") == 1
