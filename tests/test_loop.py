"""The whole loop on a few tiny tasks, and what it leaves behind."""

import csv
import dataclasses
import json
import shutil
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from small_run import PROGRAMS, quiet, settings_for, without_seconds, write_data

from codeit import Example, Outcome, Program, Task, execute, run
from codeit.files.json_file import read_lines
from codeit.grids import grid_digest
from codeit.learning.experience import ExperienceWriter, Lessons
from codeit.learning.replay import PRIORITY_RANGES, Origin, ReplayBuffer, ReplaySettings
from codeit.learning.samples import ExecutedSamples, SampleCounts, Samples
from codeit.policy.prompts import PromptWriter
from codeit.policy.tokenizer import CompactTokenizer
from codeit.reporting.picture import solutions_picture
from codeit.reporting.reading import read_history
from codeit.reporting.text import print_report
from codeit.runs.directory import RunDirectory, check_free
from codeit.runs.loop import Loop
from codeit.runs.metrics import ENDS
from codeit.runs.running import resume, train
from codeit.runs.settings import LoopSearchSettings, RunSettings, load_settings, settings_to_toml
from codeit.tasks.datasets import load
from codeit.tasks.drawing import picture_to_svg
from codeit.tasks.scoring import ORIGINS, in_words

TENTHS = {"q10": 1, "median": 5, "q90": 9}
"""Of the programs, that have at most as many lines."""


def test_a_run_leaves_all_its_files(finished, data):
    out, _ = finished
    assert {path.name for path in out.iterdir()} == {
        *("config.toml", "metrics.jsonl", "performance.csv", "solutions.jsonl", "submitted.jsonl"),
        *("samples", "tensorboard", "checkpoint"),
    }
    assert load_settings(out / "config.toml", RunSettings()) == settings_for(data)
    assert [path.name for path in sorted((out / "samples").iterdir())] == [
        "0001.jsonl",
        "0002.jsonl",
    ]
    assert list((out / "tensorboard").iterdir())
    assert (out / "checkpoint" / "config.json").is_file()


def test_the_first_line_of_the_metrics_describes_the_start(finished):
    start = read_lines(finished[0] / "metrics.jsonl")[0]
    assert (start["iteration"], start["num_tasks"], start["num_seeds"]) == (0, 8, 4)
    assert 0 < start["num_mutated"] <= 40


def test_shares_and_counts_agree_with_the_samples(finished):
    out, _ = finished
    for row in read_lines(out / "metrics.jsonl")[1:]:
        tasks = read_lines(out / "samples" / f"{row['iteration']:04d}.jsonl")
        samples = [sample for one in tasks for sample in one["samples"]]
        assert len(samples) == row["num_samples"] == 24
        parsed = [sample for sample in samples if "outcomes" in sample]
        assert row["share_parsed"] == len(parsed) / 24
        texts = {(one["task"], sample["text"]) for one in tasks for sample in one["samples"]}
        assert row["share_repeated"] == (24 - len(texts)) / 24
        for sample in parsed:
            assert Program.parse(sample["text"]).text == sample["text"]
        shares = [row[f"share_{name}"] for name in ("right", "valid", "run", "parsed")]
        assert shares == sorted(shares)
        assert row["share_run"] == sum("ok" in sample["outcomes"] for sample in parsed) / 24
        lines = [len(sample["text"].splitlines()) for sample in parsed]
        assert row["num_lines_per_program"] == round(sum(lines) / max(len(lines), 1), 2)

        rank = {name: -(-tenths * len(lines) // 10) for name, tenths in TENTHS.items()}
        expected = {name: sorted(lines)[k - 1] for name, k in rank.items()} if lines else {}
        assert row["program_lines"] == expected


def test_a_program_is_new_where_nothing_in_the_run_had_it_before(data, tmp_path, monkeypatch):
    """Neither what went into the buffer before, nor an earlier sample, of any task."""
    learned = {0: set(), 1: set(), 2: set()}
    store = Lessons.store

    def noted(self, buffer, origin, iteration):
        learned[iteration] |= {row.key for row in self.rows}
        store(self, buffer, origin, iteration)

    monkeypatch.setattr(Lessons, "store", noted)
    search = LoopSearchSettings(evaluations=300, iteration_evaluations=1000)
    train(settings_for(data, search=search), tmp_path / "run", quiet())
    had = learned[0]
    assert had
    numbers = []
    for row in read_lines(tmp_path / "run" / "metrics.jsonl")[1:]:
        tasks = read_lines(tmp_path / "run" / "samples" / f"{row['iteration']:04d}.jsonl")
        texts = [s["text"] for one in tasks for s in one["samples"] if "outcomes" in s]
        written = {Program.parse(text).key for text in texts}
        numbers.append(row["num_new"])
        assert row["num_new"] == len(written - had)
        assert row["num_new"] <= row["num_distinct"]
        had |= written | learned[row["iteration"]]
    assert any(numbers)


def test_a_run_says_how_many_experiences_have_which_priority(finished):
    for row in read_lines(finished[0] / "metrics.jsonl")[1:]:
        priorities = row["buffer_priorities"]
        assert {by: sum(table.values()) for by, table in priorities.items()} == {
            by: row[f"buffer_num_{by}"] for by in priorities
        }
        assert [*priorities] == [origin.name for origin in Origin]
        assert priorities["seed"] == dict.fromkeys(PRIORITY_RANGES, 0) | {"1": 4}


def test_every_sample_ends_in_one_way(finished):
    for row in read_lines(finished[0] / "metrics.jsonl")[1:]:
        ends = row["sample_ends"]
        assert sum(ends.values()) == row["num_samples"]
        assert ends.get("no_program", 0) == round((1 - row["share_parsed"]) * 24)
        right = ends.get("right", 0)
        assert right == round(row["share_right"] * 24)
        assert ends.get("grid", 0) + right == round(row["share_valid"] * 24)
        assert ends.keys() <= {*ENDS, *(outcome.name for outcome in Outcome)}


def test_a_sample_without_a_grid_ends_with_its_first_error():
    task = Task("t", (Example([[1, 2]], [[1, 2]]), Example([[1], [1]], [[2]])), ())
    texts = ["O = ?", "O = first(FIVE)", "O = height(I)", "O = hmirror(I)", "O = canvas(ONE, TWO)"]
    written = [p if isinstance(p, Program) else str(p) for p in Program.parse_all(texts)]
    # Of a colour that is only in one of the inputs.
    written.append(Program.parse("x1 = ofcolor(I, TWO)\nO = uppermost(x1)"))
    programs = Samples(0, task, written).distinct()
    results = execute(programs, [d.input for d in task.demonstrations])
    counts = SampleCounts.of(ExecutedSamples(Samples(0, task, written), programs, results))
    assert counts.ends == {
        **{"no_program": 1, "type_error": 2, "no_grid": 1, "right": 1, "value_error": 1},
    }
    assert (counts.num_parsed, counts.num_run, counts.num_valid, counts.num_right) == (5, 3, 1, 1)
    assert (counts.num_lines, counts.lengths) == (6, {1: 4, 2: 1})
    twice = SampleCounts.sum([counts, counts])
    assert twice.ends == {name: 2 * number for name, number in counts.ends.items()}
    assert twice.lengths == {1: 8, 2: 2}
    assert SampleCounts.sum([]) == SampleCounts()


@pytest.mark.parametrize(
    ("lengths", "quantiles"),
    [
        ({}, []),
        ({3: 1}, [3, 3, 3]),
        ({1: 1, 2: 8, 3: 1}, [1, 2, 2]),
        ({1: 1, 2: 9, 30: 1}, [2, 2, 2]),
        ({1: 2, 2: 8, 30: 2}, [1, 2, 30]),
        ({1: 5, 7: 5}, [1, 1, 7]),
        ({1: 5, 7: 6}, [1, 7, 7]),
    ],
)
def test_so_many_tenths_of_the_programs_have_at_most_so_many_lines(lengths, quantiles):
    counts = SampleCounts(num_parsed=sum(lengths.values()), lengths=lengths)
    assert [*counts.line_quantiles().values()] == quantiles


def test_performance_has_the_columns_of_the_original(finished):
    out, _ = finished
    rows = list(csv.DictReader((out / "performance.csv").open()))
    assert list(rows[0]) == [
        *("meta_iteration", "cumulative_performance", "performance", "step"),
        *("num_mutated_tasks", "num_policy_tasks"),
        *("cumulative_two_attempts", "two_attempts", "cumulative_fits_all", "fits_all"),
    ]
    assert [row["meta_iteration"] for row in rows] == ["0", "1"]
    metrics = read_lines(out / "metrics.jsonl")[1:]
    for row, one in zip(rows, metrics, strict=True):
        for name, by in (("cumulative_", "policy"), ("", "now")):
            shares = {rule: count / 8 for rule, count in one["solved"][by].items()}
            assert float(row[f"{name}performance"]) == shares["top3"]
            assert float(row[f"{name}two_attempts"]) == shares["two_attempts"]
            assert float(row[f"{name}fits_all"]) == shares["fits_all"]
        num_policy = sum(one[f"buffer_num_{name}"] for name in ("policy", "elsewhere", "searched"))
        assert int(row["num_policy_tasks"]) == num_policy


def test_solutions_reproduce_what_they_claim(finished, data):
    tasks = json.loads((data / "evaluation.json").read_text())
    digests = {task.task_id: task.digest for task in load(data / "evaluation.json")}
    solutions = read_lines(finished[0] / "solutions.jsonl")
    assert solutions
    for solution in solutions:
        program = Program.parse(solution["program"])
        pairs = tasks[solution["task_id"]]
        right, tests_right = (
            [np.array_equal(run(program, p["input"]).grid, p["output"]) for p in pairs[part]]
            for part in ("train", "test")
        )
        assert (sum(right), len(right)) == (solution["num_right"], solution["num_demonstrations"])
        assert tests_right == solution["tests_right"]
        grids = [run(program, p["input"]).grid for p in pairs["test"]]
        assert solution["predictions"] == [None if g is None else grid_digest(g) for g in grids]
        assert solution["task_digest"] == digests[solution["task_id"]]
        assert solution["origin"] in ORIGINS


def test_the_same_seed_gives_the_same_metrics_for_any_number_of_threads(finished, data, tmp_path):
    train(settings_for(data, threads=2), tmp_path / "run", quiet())
    assert without_seconds(tmp_path / "run") == without_seconds(finished[0])


def test_another_seed_gives_other_metrics(finished, data, tmp_path):
    train(settings_for(data, seed=4, iterations=1), tmp_path / "run", quiet())
    assert without_seconds(tmp_path / "run")[1] != without_seconds(finished[0])[1]


def test_the_report_shows_iterations_and_tasks(finished):
    console = quiet()
    print_report(finished[0], console)
    text = console.file.getvalue()
    for words in ("8 tasks to solve", "What the policy writes", "Tasks solved", "Time"):
        assert words in text


def test_the_picture_shows_each_program_beside_a_demonstration_that_it_reproduces(finished):
    picture = solutions_picture(read_history(finished[0]))
    figures = read_lines(finished[0] / "metrics.jsonl")[-1]["solved"]["all"]
    assert picture.title == f"Tasks solved: {in_words(figures, 8)}"
    assert picture.rows
    for text, demonstration, test in picture.rows:
        assert demonstration.label.startswith("demonstration")
        assert demonstration.pieces[-1].is_right
        assert test.label == "test 1"
        Program.parse(text.pieces[0].text)
    assert "Tasks solved" in picture_to_svg(picture)


def test_the_picture_needs_the_tasks_of_the_run(finished, data, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished[0], run)
    config = (run / "config.toml").read_text()
    (run / "config.toml").write_text(config.replace("evaluation.json", "training.json"))
    with pytest.raises(ValueError, match=r"solutions.jsonl: task \w+ is not in .*training.json"):
        solutions_picture(read_history(run))
    other = json.loads((data / "evaluation.json").read_text())
    for task in other.values():
        task["train"].reverse()
    (tmp_path / "other.json").write_text(json.dumps(other))
    (run / "config.toml").write_text(
        config.replace(str(data / "evaluation.json"), str(tmp_path / "other.json"))
    )
    with pytest.raises(
        ValueError, match=r"solutions.jsonl: task \w+ has other data in .*other.json"
    ):
        solutions_picture(read_history(run))


def test_tests_never_influence_anything_but_the_score(finished, data, tmp_path):
    """The same run with other test outputs writes, learns and finds the same."""
    tasks = json.loads((data / "evaluation.json").read_text())
    for one in tasks.values():
        for test in one["test"]:
            test["output"] = [[9]]
    changed = tmp_path / "evaluation.json"
    changed.write_text(json.dumps(tasks))
    settings = settings_for(data)
    settings = dataclasses.replace(
        settings, data=dataclasses.replace(settings.data, evaluation=str(changed))
    )
    train(settings, tmp_path / "run", quiet())

    def unscored(out):
        rows = without_seconds(out)
        return [{k: v for k, v in row.items() if "solved" not in k} for row in rows]

    assert unscored(tmp_path / "run") == unscored(finished[0])
    for name in ("0001.jsonl", "0002.jsonl"):
        ours = (tmp_path / "run" / "samples" / name).read_text()
        assert ours == (finished[0] / "samples" / name).read_text()
    figures = {"top3": 0, "two_attempts": 0, "fits_all": 0}
    assert without_seconds(tmp_path / "run")[-1]["solved"]["all"] == figures


@pytest.mark.parametrize("name", ["file", "samples/0001.jsonl", "performance.csv", "config.toml"])
def test_a_directory_with_anything_in_it_is_not_touched(data, tmp_path, name):
    path = tmp_path / "run" / name
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    with pytest.raises(ValueError, match="exists already"):
        train(settings_for(data), tmp_path / "run", quiet())
    assert [p for p in (tmp_path / "run").rglob("*") if p.is_file()] == [path]
    assert path.read_text() == "mine"
    path.rename(tmp_path / "file")
    with pytest.raises(ValueError, match="exists already"):
        train(settings_for(data), tmp_path / "file", quiet())
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(ValueError, match="exists already"):
        train(settings_for(data), tmp_path / "link", quiet())


def test_what_a_kill_leaves_before_there_are_settings_is_a_folder_for_a_new_run(tmp_path):
    """As is an empty folder, for one thing at the end of a link to another disk."""
    out = tmp_path / "run"
    (tmp_path / "disk").mkdir()
    out.symlink_to("disk")
    for _ in range(2):
        check_free(out)
        with RunDirectory.create(out, "iterations = 1"):
            pass
        with pytest.raises(ValueError, match="exists already"):
            RunDirectory.create(out, "iterations = 1")
        (out / "config.toml").rename(out / ".config.toml.new")
    shutil.rmtree(out / "samples")
    check_free(out)
    (out / "performance.csv").unlink()
    check_free(out)


# Where an iteration can end early: before it has done anything, with files of its own written, and
# with all of them written but no checkpoint.
PHASES = ["_start", "_learn", "_write", "_record", "_save"]


def interrupt_after(monkeypatch, phase, iteration):
    """Interrupts the loop when it has gone through a phase in an iteration, 0 for the start."""
    plain = getattr(Loop, phase)
    first = 0 if phase in ("_start", "_record", "_save") else 1
    calls = []

    def interrupted(self, *arguments):
        result = plain(self, *arguments)
        calls.append(1)
        if first + len(calls) - 1 == iteration:
            raise KeyboardInterrupt
        return result

    monkeypatch.setattr(Loop, phase, interrupted)


def check_same_run(ours, theirs):
    """Everything but times is the same in two run directories."""
    assert without_seconds(ours) == without_seconds(theirs)
    for name in ("performance.csv", "solutions.jsonl", "samples/0001.jsonl", "samples/0002.jsonl"):
        assert (ours / name).read_bytes() == (theirs / name).read_bytes()
    for name in ("model.safetensors", "position.json"):
        path = Path("checkpoint", name)
        assert (ours / path).read_bytes() == (theirs / path).read_bytes()
    assert {path.name for path in ours.iterdir()} == {path.name for path in theirs.iterdir()}


@pytest.mark.parametrize("phase", PHASES)
def test_a_run_goes_on_after_an_interrupt_as_if_there_had_been_none(
    phase, finished, data, tmp_path, monkeypatch
):
    out = tmp_path / "run"
    iteration = 0 if phase == "_start" else 2 if phase == "_record" else 1
    console = quiet()
    with monkeypatch.context() as patch:
        interrupt_after(patch, phase, iteration)
        with pytest.raises(KeyboardInterrupt):
            train(settings_for(data), out, console)
    assert f"interrupted in iteration {iteration}\n`codeit resume" in console.file.getvalue()
    resume(out, quiet())
    check_same_run(out, finished[0])


def test_a_run_that_was_killed_three_times_ends_as_if_it_had_not(finished, data, tmp_path):
    """By SIGKILL, which no handler sees: in the middle of an iteration, and at random moments."""
    config = tmp_path / "config.toml"
    config.write_text(settings_to_toml(settings_for(data)))
    out = tmp_path / "run"
    start = [sys.executable, "-m", "codeit"]
    process = _quietly([*start, "train", "--config", str(config), "--out", str(out)])
    while process.poll() is None and not (out / "samples" / "0001.jsonl").exists():
        time.sleep(0.01)
    assert process.poll() is None
    process.kill()
    process.wait()
    random = np.random.default_rng()
    for _ in range(2):
        process = _quietly([*start, "resume", str(out)])
        with suppress(subprocess.TimeoutExpired):  # it is done then
            process.wait(random.uniform(1, 8))
        process.kill()
        process.wait()
    done = subprocess.run([*start, "resume", str(out)], capture_output=True, text=True)
    assert done.returncode == 0 or "2 of 2 iterations are done" in done.stderr, done.stderr
    check_same_run(out, finished[0])


def _quietly(words):
    return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_a_run_can_be_made_longer(finished, data, tmp_path):
    out = tmp_path / "run"
    train(settings_for(data, iterations=1), out, quiet())
    with pytest.raises(ValueError, match=r"1 of 1 iterations are done; --iterations N"):
        resume(out, quiet())
    resume(out, quiet(), iterations=2, threads=2)
    check_same_run(out, finished[0])
    assert load_settings(out / "config.toml", RunSettings()) == settings_for(data, threads=2)


def test_a_run_goes_on_from_another_folder_and_in_another_place(
    finished, data, tmp_path, monkeypatch
):
    """Though its paths were relative, and other data has the same names where it goes on."""
    (tmp_path / "other").mkdir()
    write_data(tmp_path / "other")
    settings = settings_for(data, iterations=1, programs="programs.jsonl")
    settings = dataclasses.replace(
        settings,
        data=dataclasses.replace(
            settings.data, training="training.json", evaluation="./evaluation.json"
        ),
    )
    (tmp_path / "other" / "evaluation.json").write_text("no tasks")
    monkeypatch.chdir(data)
    train(settings, tmp_path / "run", quiet())
    monkeypatch.chdir(tmp_path / "other")
    (tmp_path / "run").rename(tmp_path / "moved")
    resume(Path("../moved"), quiet(), iterations=2)
    check_same_run(tmp_path / "moved", finished[0])


def test_what_is_no_run_cannot_go_on(finished, tmp_path):
    with pytest.raises(ValueError, match=r"config.toml: there is no such file; is .* a run"):
        resume(tmp_path, quiet())
    out = tmp_path / "run"
    shutil.copytree(finished[0], out)
    (out / "checkpoint" / "position.json").unlink()
    with pytest.raises(ValueError, match=r"position.json: it is missing; 182 bytes were written"):
        resume(out, quiet(), iterations=3)


@pytest.mark.parametrize("name", ["optimizer.pt", "replay.npz", "model.safetensors"])
def test_a_damaged_checkpoint_is_named_and_nothing_is_lost(name, finished, tmp_path):
    out = tmp_path / "run"
    shutil.copytree(finished[0], out)
    path = out / "checkpoint" / name
    path.write_bytes(path.read_bytes()[:-100])
    before = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
    with pytest.raises(ValueError, match=name):
        resume(out, quiet(), iterations=3)
    assert {p: p.read_bytes() for p in out.rglob("*") if p.is_file()} == before


def test_two_processes_cannot_write_one_run(finished, data, tmp_path):
    out = tmp_path / "run"
    shutil.copytree(finished[0], out)
    with (
        RunDirectory.open(out),
        pytest.raises(ValueError, match="another process is writing this run"),
    ):
        resume(out, quiet(), iterations=3)


def test_the_signal_handler_is_put_back(data, tmp_path):
    import signal

    before = signal.getsignal(signal.SIGTERM)
    train(settings_for(data, iterations=1), tmp_path / "run", quiet())
    assert signal.getsignal(signal.SIGTERM) is before
    assert threading.current_thread() is threading.main_thread()


def test_relabelled_experiences_explain_what_the_program_did(data):
    """An experience's prompt shows the outputs that its program produced, not the task's own."""
    from codeit.learning.experience import Experience
    from codeit.tasks import datasets

    (one, *_) = datasets.load(data / "evaluation.json")
    tokenizer = CompactTokenizer()
    writer = ExperienceWriter(PromptWriter(tokenizer, 2, 100), 50)
    program = Program.parse("O = hmirror(I)")
    outputs = tuple(run(program, d.input).grid for d in one.demonstrations)
    buffer = ReplayBuffer(ReplaySettings(capacity=10))
    experience = Experience(one, program, (outputs[0], None, outputs[2]), 0.0)
    assert writer.store(buffer, [experience], Origin.policy, 1) == 0
    batch = buffer.draw(0, 1, seed=0)
    shown = [one.demonstrations[k].input for k in (0, 2)]
    source = np.concatenate(
        [
            tokenizer.encode_inputs(shown, 100),
            tokenizer.encode_outputs([outputs[0], outputs[2]], 100),
        ]
    )
    np.testing.assert_array_equal(batch.source_ids, source)
    assert tokenizer.decode_program(batch.target_ids) == program.text


def test_the_distance_is_the_share_of_cells_that_differ(data):
    from codeit.learning.experience import Experience
    from codeit.tasks import datasets

    (one, *_) = datasets.load(data / "evaluation.json")
    outputs = [pair.output.copy() for pair in one.demonstrations]
    assert Experience(one, Program.parse("O = hmirror(I)"), tuple(outputs), 1.0).distance() == 0
    outputs[0][0, :3] += 1
    changed = Experience(
        one, Program.parse("O = hmirror(I)"), (outputs[0], None, outputs[2][:-1]), 0.0
    )
    assert changed.distance() == pytest.approx((3 / outputs[0].size + 1 + 1) / 3)


def test_distance_counts_only_where_it_has_a_weight(data):
    from codeit.learning.experience import Experience
    from codeit.tasks import datasets

    (one, *_) = datasets.load(data / "evaluation.json")
    writer = ExperienceWriter(PromptWriter(CompactTokenizer(), 2, 100), 50)
    outputs = tuple(pair.output for pair in one.demonstrations)
    for settings, expected in (
        (ReplaySettings(), 1e-19),
        (ReplaySettings(distance_weight=3.0), 0.75),
    ):
        buffer = ReplayBuffer(settings)
        experience = Experience(one, Program.parse("O = hmirror(I)"), outputs, 0.0)
        writer.store(buffer, [experience], Origin.policy, 1)
        assert buffer.statistics().mean_policy_priority == pytest.approx(expected)


def test_programs_that_do_not_fit_are_left_out_and_counted(data):
    from codeit.learning.experience import Experience
    from codeit.tasks import datasets

    (one, *_) = datasets.load(data / "evaluation.json")
    writer = ExperienceWriter(PromptWriter(CompactTokenizer(), 2, 100), max_program_tokens=5)
    outputs = tuple(d.output for d in one.demonstrations)
    buffer = ReplayBuffer(ReplaySettings(capacity=10))
    short = Experience(one, Program.parse("O = vmirror(I)"), outputs, 0.0)
    long = Experience(one, Program.parse(PROGRAMS["double"]), outputs, 0.0)
    assert writer.store(buffer, [short, long], Origin.policy, 1) == 1
    assert len(buffer) == 1
