"""What a run and `codeit mutate` keep as a solution is minimised, the original beside it."""

import io
from dataclasses import replace
from types import SimpleNamespace

import pytest

pytest.importorskip("torch")

from rich.console import Console
from small_run import quiet, settings_for, without_seconds

from codeit import Limits, Program, execute
from codeit.files.json_file import read_lines
from codeit.parallel.processes import SINGLE_PROCESS, ProcessGroup
from codeit.reporting.picture import solutions_picture
from codeit.reporting.reading import read_history
from codeit.reporting.text import print_report, print_task_report
from codeit.runs import loop, stages
from codeit.runs.directory import read_solutions
from codeit.runs.led_search import programs_of
from codeit.runs.running import resume, train
from codeit.searching.records import FoundCandidate
from codeit.tasks.datasets import load
from codeit.tasks.drawing import picture_to_svg
from codeit.tasks.scoring import Candidate


def candidate(task, program, num_right=3, is_solution=False, **more):
    parsed = Program.parse(program)
    return Candidate(
        *(task.task_id, task.digest, parsed.text, parsed.key),
        *(num_right, len(task.demonstrations), ("grid",), (is_solution,)),
        **more,
    )


def as_found(candidates):
    return [replace(one, minimised=None, minimised_key=None) for one in candidates]


def workers(threads=1, processes=SINGLE_PROCESS):
    return stages.Workers(processes, threads, Limits(fuel=100_000), quiet())


@pytest.fixture(scope="module")
def tasks(data):
    return load(data / "evaluation.json")


def test_what_a_run_keeps_as_a_solution_is_minimised(finished, tasks):
    """Right on all demonstrations, or on all tests."""
    by_id = {task.task_id: task for task in tasks}
    rows = read_lines(finished[0] / "solutions.jsonl")
    for row in rows:
        fits = row["num_right"] == row["num_demonstrations"] or all(row["tests_right"])
        assert ("original" in row, "original_key" in row) == (fits, fits)
        if fits:
            shown, original = (Program.parse(row[name]) for name in ("program", "original"))
            assert (shown.key, original.key) == (row["key"], row["original_key"])
            pairs = [*by_id[row["task_id"]].demonstrations, *by_id[row["task_id"]].tests]
            results = execute([shown, original], [pair.input for pair in pairs])
            assert results.grid(0, 0) is not None
            for k in range(len(pairs)):
                assert results.grid(0, k).tolist() == results.grid(1, k).tolist()
    assert any(len(row["program"]) < len(row.get("original", "")) for row in rows)
    assert any("original" not in row for row in rows)


def test_the_score_is_that_of_the_programs_as_they_were_found(
    finished, data, tmp_path, monkeypatch
):
    monkeypatch.setattr(loop, "minimise", lambda new, *_: as_found(new))
    train(settings_for(data), tmp_path / "run", quiet())
    assert without_seconds(tmp_path / "run") == without_seconds(finished[0])
    found = [solution.candidate for solution in read_solutions(finished[0])]
    kept = [solution.candidate for solution in read_solutions(tmp_path / "run")]
    assert kept == as_found(found) != found


def test_a_run_goes_on_with_solutions_that_were_kept_without_a_minimised_program(
    finished, data, tmp_path, monkeypatch
):
    with monkeypatch.context() as patched:
        patched.setattr(loop, "minimise", lambda new, *_: as_found(new))
        train(settings_for(data, iterations=1), tmp_path / "run", quiet())
    old = (tmp_path / "run" / "solutions.jsonl").read_text()
    assert "original" not in old
    resume(tmp_path / "run", quiet(), iterations=2)
    assert (tmp_path / "run" / "solutions.jsonl").read_text().startswith(old)
    assert without_seconds(tmp_path / "run") == without_seconds(finished[0])
    print_report(tmp_path / "run", quiet())


def test_the_report_and_its_picture_show_the_minimised_programs(finished):
    console = Console(file=io.StringIO(), width=160)
    print_report(finished[0], console)
    picture = picture_to_svg(solutions_picture(read_history(finished[0])))
    shown = console.file.getvalue()
    kept = [solution.candidate for solution in read_solutions(finished[0])]
    longer = [one for one in kept if one.minimised not in (None, one.program)]
    assert longer
    for one in longer:
        line = next(line for line in one.program.split("\n") if line not in one.minimised)
        assert line not in shown
        assert line not in picture
    assert "O = rot90(I)" in shown
    assert "O = rot90(I)" in picture


def test_of_a_task_the_report_prints_the_program_as_it_was_found_after_the_minimised_one(finished):
    history = read_history(finished[0])
    longer = [
        f.candidate
        for s in history.stories.values()
        for f in s.found
        if f.candidate.minimised not in (None, f.candidate.program)
    ]
    assert longer
    for one in longer:
        console = Console(file=io.StringIO(), width=160)
        print_task_report(finished[0], one.task_id, console, show_all=True)
        shown, original = (
            "".join(f"    {line}\n" for line in text.split("\n"))
            for text in (one.minimised, one.program)
        )
        assert f"{shown}  as it was found:\n{original}" in console.file.getvalue()


@pytest.mark.parametrize("threads", [1, 2])
def test_the_stage_minimises_what_is_new_to_it_and_right_on_all_of_a_kind(tasks, threads):
    flip = next(task for task in tasks if task.task_id == "flip1")
    longer = "x1 = rot90(I)\nx2 = rot90(x1)\nO = hmirror(x2)"
    known = candidate(flip, longer, minimised="O = mine(I)", minimised_key="mine")
    given = [
        *(candidate(flip, longer), candidate(flip, longer, num_right=2, is_solution=True)),
        *(candidate(flip, longer, num_right=2), known),
    ]
    made = stages.minimise(given, tasks, "codeit", workers(threads))
    key = Program.parse("O = vmirror(I)").key
    assert made == [
        *(replace(one, minimised="O = vmirror(I)", minimised_key=key) for one in given[:2]),
        *given[2:],
    ]


def test_what_a_run_learns_from_a_search_is_minimised_only_where_it_fits(tasks):
    flip = next(task for task in tasks if task.task_id == "flip1")
    longer, shorter = "x1 = rot90(I)\nx2 = rot90(x1)\nO = hmirror(x2)", "O = vmirror(I)"
    for num_right, expected in ((3, shorter), (2, longer)):
        one = candidate(flip, longer, num_right, minimised=shorter, minimised_key="key")
        record = SimpleNamespace(found=[FoundCandidate(one, "beam", 1.0, 9)])
        assert [p.text for p in programs_of(record, [], "codeit")] == [expected]


def test_processes_share_what_is_to_be_minimised(tasks, monkeypatch):
    given = [candidate(tasks[0], "O = vmirror(I)")] * 5
    monkeypatch.setattr(ProcessGroup, "gather", lambda _, items: list(items))
    parts = [
        stages.minimise(given, tasks, "codeit", workers(processes=ProcessGroup(rank, 2)))
        for rank in range(2)
    ]
    assert [len(part) for part in parts] == [3, 2]


@pytest.mark.parametrize(("count", "each"), [(3, 100_000), (400, 5_000)])
def test_an_iteration_spends_so_much_at_most(count, each, tasks, monkeypatch):
    seen = []
    plain = stages.with_minimised
    monkeypatch.setattr(
        stages, "with_minimised", lambda *words: seen.append(words[3]) or plain(*words)
    )
    new = [candidate(tasks[0], "O = vmirror(I)")] * count
    others = [candidate(tasks[0], "O = vmirror(I)", num_right=2)] * 500
    stages.minimise([*others, *new], tasks, "codeit", workers())
    assert seen == [each] * count
