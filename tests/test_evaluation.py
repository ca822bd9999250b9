"""What the tasks to solve are, and that every figure of a run says of which of them it is."""

import csv
import dataclasses
import json

import pytest
from small_run import quiet, settings_for

from codeit.files.json_file import read_lines
from codeit.runs.directory import read_solutions
from codeit.runs.evaluation import choose_tasks
from codeit.tasks import datasets
from codeit.tasks.scoring import ORIGINS, RULES, Score
from codeit.tasks.task import Example, Task


def task_of(task_id, pairs, tests=(([[3]], [[4]]),)):
    return Task(
        task_id,
        tuple(Example(*pair) for pair in pairs),
        tuple(Example(*pair) for pair in tests),
    )


PAIRS = [([[1]], [[2]]), ([[5, 6]], [[7], [8]])]
TRAINING = [task_of("training", PAIRS)]


# ---- Which tasks have been seen ----


@pytest.mark.parametrize(
    "twin",
    [
        task_of("training", PAIRS),
        task_of("other id", PAIRS),
        task_of("other order", PAIRS[::-1]),
        task_of("other tests", PAIRS, [([[9]], [[9]])]),
        task_of("hidden test", PAIRS, [([[3]], None)]),
    ],
)
def test_a_task_with_the_demonstrations_of_a_training_task_has_been_seen(twin):
    assert choose_tasks([twin], 0, TRAINING).seen == [twin]


@pytest.mark.parametrize(
    "other",
    [
        task_of("training", PAIRS[:1]),
        task_of("training", [*PAIRS, ([[0]], [[0]])]),
        task_of("training", [PAIRS[0], ([[5, 6]], [[7, 8]])]),
    ],
)
def test_a_task_with_other_demonstrations_has_not_whatever_its_id(other):
    assert choose_tasks([other], 0, TRAINING).seen == []


def test_one_evaluation_task_of_arc_agi_1_is_a_training_task_too():
    tasks = choose_tasks(datasets.load("arc1-evaluation"), 0, datasets.load("arc1-training"))
    assert [task.task_id for task in tasks.seen] == ["070dd51e"]
    assert (tasks.num_scored, tasks.num_unseen, tasks.num_hidden) == (400, 399, 0)


def test_arc_agi_2_repeats_most_training_tasks_of_arc_agi_1():
    tasks = choose_tasks(datasets.load("arc2-training"), 0, datasets.load("arc1-training"))
    assert len(tasks.seen) == 392
    (sentence,) = tasks.sentences(lambda task: False)
    assert sentence.startswith("392 of 1,000 tasks to solve have the demonstrations of a training")
    assert sentence.endswith("and 382 more")


def test_a_hidden_task_is_neither_scored_nor_unseen():
    tasks = choose_tasks(
        [
            task_of("seen", PAIRS),
            task_of("seen and hidden", PAIRS, [([[3]], None)]),
            task_of("hidden", PAIRS[:1], [([[3]], [[4]]), ([[3]], None)]),
            task_of("known", PAIRS[1:]),
        ],
        0,
        TRAINING,
    )
    assert (len(tasks.tasks), tasks.num_hidden, tasks.num_scored, tasks.num_unseen) == (4, 2, 2, 1)
    assert tasks.metrics()["seen_tasks"] == ["seen", "seen and hidden"]


@pytest.mark.parametrize(("count", "chosen"), [(0, "abcde"), (2, "ac"), (5, "abcde"), (9, "abcde")])
def test_a_few_tasks_are_chosen_at_even_distances(count, chosen):
    tasks = [task_of(name, PAIRS) for name in "abcde"]
    assert "".join(task.task_id for task in choose_tasks(tasks, count, []).tasks) == chosen


def test_prompts_that_do_not_show_all_are_counted():
    tasks = choose_tasks([task_of(name, PAIRS) for name in "abc"], 0, [])
    assert tasks.sentences(lambda task: task.task_id != "b") == [
        "2 of 3 tasks to solve have more to show than fits data.max_prompt_tokens; the rest is cut "
        "off"
    ]


# ---- What a run says of them ----


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    """A run on eight tasks: one is a training task, two are hidden. With what it printed."""
    pytest.importorskip("torch")
    from codeit.runs.running import train

    folder = tmp_path_factory.mktemp("evaluation")
    tasks = json.loads((data / "evaluation.json").read_text())
    tasks["flip1"] = json.loads((data / "training.json").read_text())["flip"]
    for name in ("flip2", "turn2"):
        del tasks[name]["test"][0]["output"]
    (folder / "arc_challenges.json").write_text(json.dumps(tasks))
    settings = settings_for(data)
    changed = dataclasses.replace(settings.data, evaluation=str(folder / "arc_challenges.json"))
    console = quiet()
    train(dataclasses.replace(settings, data=changed), folder / "run", console)
    return folder / "run", " ".join(console.file.getvalue().split())


def test_the_start_says_which_tasks_have_been_seen_and_how_many_are_hidden(run):
    out, printed = run
    start = read_lines(out / "metrics.jsonl")[0]
    assert start["seen_tasks"] == ["flip1"]
    counts = ("num_tasks", "num_hidden_tasks", "num_scored_tasks", "num_unseen_tasks")
    assert [start[name] for name in counts] == [8, 2, 6, 5]
    assert "1 of 8 tasks to solve has the demonstrations of a training task" in printed
    assert "2 of 8 tasks to solve hide the output of a test" in printed
    assert all(note in printed for note in start["notes"])


def test_figures_follow_from_the_solutions_that_are_kept(run):
    out, _ = run
    rows = read_lines(out / "metrics.jsonl")
    digests = {one.candidate.task_digest for one in read_solutions(out)}
    seen = {one.candidate.task for one in read_solutions(out) if one.candidate.task_id == "flip1"}
    assert len(digests) > 1
    assert len(seen) == 1
    for row in rows:
        score = Score(seen)
        for one in read_solutions(out):
            if one.iteration <= row["iteration"]:
                score.add(one.origin, [one.candidate])
        for group, figures in score.metrics().items():
            assert figures.items() <= row[group].items()
    assert rows[-1]["solved"]["all"]["top3"] == rows[-1]["solved_unseen"]["all"]["top3"] + 1
    for row in rows:
        for group in ("solved", "solved_unseen", "solved_only"):
            for figures in row[group].values():
                assert list(figures) == list(RULES)
                assert figures["fits_all"] <= figures["top3"]


def test_hidden_tasks_are_never_solved_but_learned_from(run):
    out, _ = run
    hidden = [
        one.candidate for one in read_solutions(out) if one.candidate.task_id in ("flip2", "turn2")
    ]
    assert hidden
    assert {candidate.tests_right for candidate in hidden} == {(None,)}
    samples = read_lines(out / "samples" / "0001.jsonl")
    assert {"flip2", "turn2"} <= {row["task"] for row in samples}


def test_shares_are_of_the_tasks_that_can_be_scored(run):
    out, _ = run
    row = list(csv.DictReader((out / "performance.csv").open()))[-1]
    last = read_lines(out / "metrics.jsonl")[-1]
    assert float(row["cumulative_performance"]) == last["solved"]["policy"]["top3"] / 6


def test_the_console_and_the_report_show_three_figures_with_and_without_seen_tasks(run):
    from codeit.reporting.text import print_report

    out, printed = run
    last = read_lines(out / "metrics.jsonl")[-1]
    assert f"solved {last['solved']['all']['top3']} of 6 (three programs), " in printed
    console = quiet()
    print_report(out, console)
    text = " ".join(console.file.getvalue().split())
    for key, name, total in (
        ("solved", "all together", 6),
        ("solved_unseen", "all together, unseen", 5),
    ):
        only = last["solved_only"]["all"]
        endings = {rule: f" ({only[rule]})" if key == "solved" else "" for rule in RULES}
        counts = " ".join(f"{last[key]['all'][rule]}{endings[rule]}" for rule in RULES)
        assert f"{name} {counts} {total}" in text
    now, so_far = (
        "/".join(str(last["solved"][by][rule]) for rule in RULES) for by in ("now", "policy")
    )
    assert f"{now} {so_far}" in text
    assert "1 of 8 tasks to solve has the demonstrations of a training task" in text


def test_tensorboard_has_every_figure(run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run[0] / "tensorboard")).Reload()
    names = set(events.Tags()["scalars"])
    for group in ("solved", "solved_unseen"):
        for by in (*ORIGINS, "all", "now"):
            assert {f"{group}/{by}/{rule}" for rule in RULES} <= names
    for by in (*ORIGINS, "all"):
        assert {f"solved_only/{by}/{rule}" for rule in RULES} <= names
    assert "iteration" not in names


def test_a_run_whose_tests_are_all_hidden_ends_with_figures_of_no_task(data, tmp_path):
    pytest.importorskip("torch")
    from codeit.runs.running import train

    tasks = json.loads((data / "evaluation.json").read_text())
    for one in tasks.values():
        for test in one["test"]:
            del test["output"]
    (tmp_path / "hidden.json").write_text(json.dumps(tasks))
    settings = settings_for(data, iterations=1)
    changed = dataclasses.replace(settings.data, evaluation=str(tmp_path / "hidden.json"))
    console = quiet()
    train(dataclasses.replace(settings, data=changed), tmp_path / "run", console)
    assert "solved 0 of 0 (three programs)" in console.file.getvalue()
    row = list(csv.DictReader((tmp_path / "run" / "performance.csv").open()))[-1]
    assert float(row["cumulative_performance"]) == 0
