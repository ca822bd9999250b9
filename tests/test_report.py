"""The history of a directory, and the report in the terminal."""

import io
import json
import shutil

import pytest
import small_mutate
import small_run
import small_search
from commands import fails_with
from rich.console import Console

from codeit.files.json_file import read_lines
from codeit.reporting.reading import read_history
from codeit.reporting.text import print_report, print_task_report
from codeit.runs.directory import read_solutions
from codeit.tasks.scoring import RULES


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    return small_search.searched(tmp_path_factory.mktemp("searched"))


@pytest.fixture(scope="module")
def mutated(tmp_path_factory):
    return small_mutate.mutated(tmp_path_factory.mktemp("mutated"))


def text_of(path, **settings):
    console = Console(file=io.StringIO(), width=30)
    print_report(path, console, **settings)
    return console.file.getvalue()


def test_the_history_of_a_run_is_what_its_files_say(finished):
    history = read_history(finished[0])
    rows = read_lines(finished[0] / "metrics.jsonl")
    assert [row.loss for row in history.iterations] == [row["loss"] for row in rows[1:]]
    assert [point.solved for point in history.points] == [row["solved"] for row in rows]
    scored = rows[0]["num_mutants_scored"]
    samples = [row["num_samples"] for row in rows[1:]]
    assert [point.amount for point in history.points] == [
        scored + sum(samples[:k]) for k in range(len(rows))
    ]
    known = read_solutions(finished[0])
    assert [one.candidate for one in history.found] == [one.candidate for one in known]
    solved = sum("top3" in story.rules for story in history.stories.values())
    assert solved == rows[-1]["solved"]["all"]["top3"] == len(history.solving()) > 0
    assert history.is_done


def test_a_run_of_an_earlier_version_has_a_history(finished, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished[0], run, ignore=shutil.ignore_patterns("checkpoint"))
    later = [
        *("share_run", "num_lines_per_program", "sample_ends", "use", "stages", "speed"),
        *("num_new", "program_lines", "buffer_priorities"),
    ]
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    lines = [json.dumps({k: v for k, v in row.items() if k not in later}) for row in rows]
    (run / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    for row in read_history(run).iterations:
        assert (row.share_run, row.sample_ends) == (None, {})
        assert (row.num_new, row.program_lines, row.buffer_priorities) == (None, {}, {})
    text = text_of(run)
    assert "Tasks solved" in text
    assert not {"new", "Priorities", "lines"} & {*text.partition("Tasks solved")[0].split()}


def test_the_text_has_what_is_new_how_long_programs_are_and_the_priorities(finished):
    rows = read_lines(finished[0] / "metrics.jsonl")[1:]
    lines = text_of(finished[0]).splitlines()
    (header,) = [n for n, line in enumerate(lines) if "distinct" in line.split()]
    names = lines[header].split()
    for row in rows:
        (cells,) = [c for c in map(str.split, lines[header:]) if c[:1] == [str(row["iteration"])]]
        # Before it, one title has no name, that of the iteration.
        assert cells[names.index("new") + 1] == str(row["num_new"])
    first, last = (row["program_lines"] for row in (rows[0], rows[-1]))
    changes = [f"{first[name]} -> {last[name]}" for name in ("q10", "median", "q90")]
    assert (
        f"lines of the programs sampled: 10% have at most {changes[0]}, half {changes[1]}, "
        f"90% {changes[2]}"
    ) in lines
    table = lines.index(next(line for line in lines if "Priorities in the buffer" in line))
    shown = {c[0]: c[1:] for c in map(str.split, lines[table:]) if c}
    for name, origin in (("seeds", "seed"), ("mutants", "mutated"), ("policy", "policy")):
        counts = [*rows[-1]["buffer_priorities"][origin].values()]
        assert shown[name] == [str(n) for n in [*counts, sum(counts)]]


def test_the_history_of_a_search_is_what_its_files_say(searched):
    history = read_history(searched)
    summary = json.loads((searched / "summary.json").read_text())
    assert history.solved == {"search": summary["solved"]}
    assert history.points[-1].solved == history.solved
    assert (history.num_tasks, history.num_scored) == (summary["tasks"], 11)
    lines = (searched / "solutions.jsonl").read_text().splitlines()
    fitting = [f for f in history.found if f.candidate.share_right == 1]
    assert len(fitting) == len(lines)
    assert set(history.seconds) == {record.task_id for record in history.records}


def test_the_history_of_mutants_is_what_their_files_say(mutated):
    history = read_history(mutated)
    summary = json.loads((mutated / "summary.json").read_text())
    assert history.solved == {"mutation": summary["solved"]}
    assert [point.amount for point in history.points] == [*range(50, 401, 50)]
    assert len(history.found) == len((mutated / "solutions.jsonl").read_text().splitlines())


def test_what_is_not_finished_has_a_history_too(searched, mutated, finished, tmp_path):
    for path, names in (
        (searched, ["summary.json", "solutions.jsonl", "submission.json"]),
        (mutated, ["summary.json"]),
    ):
        part = tmp_path / path.parent.name
        shutil.copytree(path, part)
        for name in names:
            (part / name).unlink()
        history = read_history(part)
        assert not history.is_done
        assert history.solved == read_history(path).solved
    tasks = tmp_path / searched.parent.name / "tasks.jsonl"
    tasks.write_bytes(tasks.read_bytes().split(b"\n")[0] + b"\n")
    assert len(read_history(tasks.parent).records) == 1
    tasks.unlink()
    assert "0 of them were searched" in text_of(tasks.parent)


def test_the_text_has_the_figures_of_the_history(searched, mutated, finished):
    for path in (searched, mutated, finished[0]):
        text, history = text_of(path), read_history(path)
        figures = list(history.solved.values())[-1 if path != finished[0] else -2]
        assert str(figures["top3"]) in text
        assert all(name in text for name in RULES.values())


def test_in_a_pipe_no_line_is_wrapped_or_cut_whatever_the_width(finished):
    narrow = text_of(finished[0], show_all=True)
    console = Console(file=io.StringIO(), width=300)
    print_report(finished[0], console, show_all=True)
    assert narrow == console.file.getvalue()
    assert "…" not in narrow


def test_a_program_is_never_wrapped_on_a_terminal(finished):
    console = Console(file=io.StringIO(), width=20, force_terminal=True, no_color=True)
    print_report(finished[0], console, show_all=True)
    for story, found in read_history(finished[0]).solving():
        for line in found.candidate.shown.split("\n"):
            assert f"    {line}\n" in console.file.getvalue(), story.task_id


def test_all_programs_and_iterations_are_printed_where_that_is_asked_for(finished, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished[0], run, ignore=shutil.ignore_patterns("checkpoint"))
    rows = (run / "metrics.jsonl").read_text().splitlines()
    many = [rows[0], *(json.dumps(json.loads(rows[1]) | {"iteration": k}) for k in range(1, 31))]
    (run / "metrics.jsonl").write_text("\n".join(many) + "\n")
    short, long = text_of(run), text_of(run, show_all=True)
    numbers = [[line.split()[0] for line in t.splitlines() if line.strip()] for t in (short, long)]
    assert not {"5", "18"} & set(numbers[0])
    assert {"1", "4", "19", "30"} <= set(numbers[0])
    assert "--all prints the 14 iterations" in short
    assert {str(k) for k in range(1, 31)} <= set(numbers[1])
    solving = len(read_history(run).solving())
    assert f"solve a task ({solving} of {solving})" in long


def test_a_task_is_printed_with_what_was_found_for_it(finished, searched, mutated):
    for path in (finished[0], searched, mutated):
        history = read_history(path)
        story, found = history.solving()[0]
        console = small_run.quiet()
        print_task_report(path, story.task_id, console, show_all=True)
        text = console.file.getvalue()
        assert f"task {story.task_id}" in text
        assert "solved by three programs" in text
        assert f"by {found.by}" in text
        assert f"({len(story.found)} of {len(story.found)})" in text
        for line in found.candidate.shown.split("\n"):
            assert f"    {line}\n" in text


def test_a_task_that_is_not_there_and_a_path_that_is_nothing_are_one_line(
    capsys, finished, searched, tmp_path
):
    fails_with(capsys, ["report", finished[0], "--task", "x"], "task 'x' is none of the 8 of")
    fails_with(capsys, ["report", tmp_path], "is this a directory of")
    (searched.parent / "evaluation.json").rename(tmp_path / "away")
    try:
        fails_with(capsys, ["report", searched], "evaluation.json")
    finally:
        (tmp_path / "away").rename(searched.parent / "evaluation.json")


@pytest.mark.parametrize("name", ["search.json", "tasks.jsonl", "times.jsonl", "summary.json"])
def test_a_damaged_file_of_a_search_is_one_line(capsys, searched, tmp_path, name):
    out = tmp_path / "out"
    shutil.copytree(searched, out)
    data = (out / name).read_bytes()
    (out / name).write_bytes(
        b"[]\n" + data[3:] if name != "search.json" else data[: len(data) // 2]
    )
    fails_with(capsys, ["report", out], name)


@pytest.mark.parametrize("seconds", ["NaN", "-1", "Infinity", "true", '"1"', "null"])
def test_a_time_that_is_none_is_one_line_that_names_the_file(capsys, searched, tmp_path, seconds):
    out = tmp_path / "out"
    shutil.copytree(searched, out)
    name = read_lines(out / "times.jsonl")[0]["task_id"]
    (out / "times.jsonl").write_text(f'{{"task_id": "{name}", "seconds": {seconds}}}\n')
    fails_with(capsys, ["report", out], "times.jsonl, line 1")


@pytest.mark.parametrize("name", ["mutate.json", "curve.csv", "solutions.jsonl"])
def test_a_damaged_file_of_mutants_is_one_line(capsys, mutated, tmp_path, name):
    out = tmp_path / "out"
    shutil.copytree(mutated, out)
    (out / name).write_bytes(b"\n1,2\n" + (out / name).read_bytes()[5:])
    fails_with(capsys, ["report", out], name)


def test_no_title_or_number_is_cut_off_on_a_terminal_of_eighty_columns(finished, tmp_path):
    """Of a run of the paper's size, after many iterations."""
    run = tmp_path / "run"
    shutil.copytree(finished[0], run, ignore=shutil.ignore_patterns("checkpoint"))
    start, one = read_lines(run / "metrics.jsonl")[:2]
    figures = dict.fromkeys(RULES, 86)
    more = {
        **{"num_trained": 98_400, "num_samples": 9_600, "num_distinct": 9_599, "num_new": 9_598},
        **{"solved": one["solved"] | {"now": figures, "policy": figures}},
    }
    rows = [start, *(one | more | {"iteration": k} for k in range(1, 100))]
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    print_report(run, console)
    text = console.file.getvalue()
    assert "…" not in text
    (header,) = [line for line in text.splitlines() if "distinct" in line.split()]
    assert len(header.rstrip()) <= 80
    assert "98,400" in text


def test_of_one_iteration_nothing_is_said_to_have_changed(finished, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished[0], run, ignore=shutil.ignore_patterns("checkpoint"))
    rows = (finished[0] / "metrics.jsonl").read_text().splitlines(keepends=True)
    (run / "metrics.jsonl").write_text("".join(rows[:2]))
    assert "->" in text_of(finished[0])
    text = text_of(run)
    assert "->" not in text
    assert "in iteration 1: parsed " in text
    assert "lines of the programs sampled: " in text


def test_a_folder_of_runs_names_those_in_it(capsys, searched, mutated, finished, tmp_path):
    """As the folder of all runs is easily named instead of one."""
    for name, path in (("b", finished[0]), ("a", searched), ("c", mutated)):
        (tmp_path / name).symlink_to(path)
    (tmp_path / "other").mkdir()
    names = ", ".join(str(tmp_path / name) for name in "abc")
    fails_with(capsys, ["report", tmp_path], f"of folders in it: {names}\n")
    for k in range(7):
        (tmp_path / f"d{k}").symlink_to(searched)
    fails_with(capsys, ["report", tmp_path], f"{names}, {tmp_path / 'd0'}, {tmp_path / 'd1'} ...\n")
