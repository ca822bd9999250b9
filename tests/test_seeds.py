"""Which seed programs a run uses, and what it says about the others."""

import dataclasses
import json

import pytest
from small_run import PROGRAMS, quiet, settings_for

from codeit import Limits, Program
from codeit.files.json_file import read_lines
from codeit.language import SeedProgram, load_seed_programs
from codeit.runs.seeds import choose_seeds
from codeit.tasks import datasets
from codeit.tasks.task import Example, Task


def seed(task_id, program):
    return SeedProgram(task_id, Program.parse(program))


@pytest.fixture
def tasks(data):
    return datasets.load(data / "training.json")


def choose(seeds, tasks, fits=lambda text: True, limits=Limits()):  # noqa: B008
    return choose_seeds(seeds, tasks, "training.json", fits, 1, limits)


def test_seeds_that_are_right_on_their_tasks_are_kept(tasks):
    seeds = choose([seed(*item) for item in PROGRAMS.items()], tasks)
    assert [task.task_id for task, _ in seeds.parents] == list(PROGRAMS)
    assert (seeds.left_out, seeds.sentences(), seeds.num_left_out) == ({}, [], 0)


def test_seeds_that_fail_their_task_and_seeds_without_one_are_named_and_left_out(tasks):
    seeds = choose(
        [
            seed("flop", PROGRAMS["flip"]),
            seed("turn", PROGRAMS["flip"]),
            seed("flip", PROGRAMS["flip"]),
        ],
        tasks,
    )
    assert [task.task_id for task, _ in seeds.parents] == ["flip"]
    assert seeds.left_out == {"without_task": ["flop"], "wrong": ["turn"]}
    assert seeds.num_left_out == 2
    assert seeds.sentences() == [
        "1 of 3 seed programs left out because no training task has their id: flop",
        "1 of 3 seed programs left out because they fail a demonstration of their task: turn",
    ]


def test_a_program_with_a_right_and_a_wrong_task_is_kept_for_one(tasks):
    seeds = choose([seed("flip", PROGRAMS["flip"]), seed("flip", PROGRAMS["turn"])], tasks)
    assert [program.text for _, program in seeds.parents] == [PROGRAMS["flip"]]
    assert seeds.left_out == {"wrong": ["flip"]}


def test_seeds_that_do_not_fit_are_named_and_left_out(tasks):
    seeds = choose(
        [seed("flip", PROGRAMS["flip"]), seed("double", PROGRAMS["double"])],
        tasks,
        lambda program: len(program) == 1,
    )
    assert [program.text for _, program in seeds.parents] == [PROGRAMS["flip"]]
    assert seeds.sentences() == [
        "1 of 2 seed programs left out because they do not fit sampling.max_tokens: double"
    ]


WIDE = "x1 = hupscale(I, TEN)\nx2 = hupscale(x1, TEN)\nx3 = hupscale(x2, TEN)\nO = vmirror(I)"
DEEP = "x1 = compose(hmirror, hmirror)\nx2 = compose(x1, hmirror)\nO = x2(I)"


@pytest.mark.parametrize(
    ("limits", "program", "setting"),
    [
        ({"fuel": 3}, PROGRAMS["flip"], "limits.fuel"),
        ({"max_bytes": 1 << 12}, WIDE, "limits.max_bytes"),
        ({"max_depth": 1}, DEEP, "limits.max_depth"),
        ({"max_len": 2}, PROGRAMS["double"], "limits.max_len"),
    ],
)
def test_seeds_that_end_at_a_limit_are_not_called_wrong(limits, program, setting, tasks):
    name = "double" if "vconcat" in program else "flip"
    seeds = [seed(name, program)]
    with pytest.raises(
        ValueError, match=f"left out because {setting} is too little for them: {name}$"
    ):
        choose(seeds, tasks, limits=Limits(**limits))


def test_a_seed_that_is_wrong_where_it_ends_is_wrong_under_any_limit(tasks):
    grids = [[[3]], [[3] * 30] * 30]
    pairs = [Example(grid, [[1]]) for grid in grids]
    task = Task("mixed", pairs, [])
    with pytest.raises(ValueError, match="they fail a demonstration of their task: mixed"):
        choose([seed("mixed", PROGRAMS["flip"])], [task], limits=Limits(fuel=300))


@pytest.mark.parametrize(("count", "end"), [(10, "t8, t9"), (11, "t8, t9 and 1 more")])
def test_the_names_of_a_long_list_are_cut_short(tasks, count, end):
    absent = [seed(f"t{k}", PROGRAMS["flip"]) for k in range(count)]
    (sentence,) = choose([seed("flip", PROGRAMS["flip"]), *absent], tasks).sentences()
    assert sentence.endswith(end)


def test_if_no_seed_is_left_the_reasons_are_given(tasks):
    message = (
        "no seed program is left for training.json: 1 of 2 seed programs left out because no "
        "training task has their id: flop; 1 of 2 seed programs left out because they fail a "
        "demonstration of their task: turn$"
    )
    with pytest.raises(ValueError, match=message):
        choose([seed("flop", PROGRAMS["flip"]), seed("turn", PROGRAMS["flip"])], tasks)


def test_the_seeds_of_the_package_serve_every_training_set():
    """ARC-AGI-2 lacks nine of the ids."""
    seeds = choose(load_seed_programs(), datasets.load("arc2-training"))
    assert len(seeds.parents) == 464
    assert {reason: len(names) for reason, names in seeds.left_out.items()} == {"without_task": 9}


def test_a_run_says_which_seeds_it_leaves_out(data, tmp_path):
    pytest.importorskip("torch")
    from codeit.runs.running import train

    rows = [
        {"task": "flip", "program": PROGRAMS["flip"]},
        {"task": "flop", "program": PROGRAMS["turn"]},
    ]
    path = tmp_path / "programs.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    console = quiet()
    train(settings_for(data, programs=str(path), iterations=1), tmp_path / "run", console)
    assert "1 of 2 seed programs left out" in console.file.getvalue()
    start = read_lines(tmp_path / "run" / "metrics.jsonl")[0]
    assert (start["num_seeds"], start["num_seeds_left_out"]) == (1, 1)
    assert start["seeds_left_out"] == {"without_task": ["flop"]}


def test_a_run_keeps_what_is_left_out_of_its_tasks_and_programs(data, tmp_path):
    pytest.importorskip("torch")
    from codeit.runs.running import train

    tasks = json.loads((data / "evaluation.json").read_text())
    wide = {"train": [{"input": [[0] * 31], "output": [[0]]}], "test": [{"input": [[0]]}]}
    (tmp_path / "more.json").write_text(json.dumps({"wide": wide, **tasks}))
    lines = (data / "programs.jsonl").read_text()
    bad = json.dumps({"task": "bad", "program": "O = nothing(I)"})
    (tmp_path / "programs.jsonl").write_text(f"{lines.rstrip()}\n{bad}\n")
    settings = settings_for(data, iterations=1)
    sources = f"{settings.data.evaluation},{tmp_path / 'more.json'}"
    settings = dataclasses.replace(
        settings,
        programs=str(tmp_path / "programs.jsonl"),
        data=dataclasses.replace(settings.data, evaluation=sources),
    )
    console = quiet()
    train(settings, tmp_path / "run", console)
    start = read_lines(tmp_path / "run" / "metrics.jsonl")[0]
    reason = "demonstration 1 input: row 1 has 31 columns; a grid has 1 to 30"
    num_all = len(tasks)
    tasks_note, twice, programs_note = start["notes"][:3]
    assert tasks_note == f"{sources}: 1 of {num_all + 1} tasks left out: wide ({reason})"
    assert twice == f"{sources}: {num_all} tasks are there twice, and count once"
    assert "programs left out: line " in programs_note
    assert "nothing" in programs_note
    assert programs_note in "".join(console.file.getvalue().split("\n"))


def test_what_a_run_announces_is_what_it_stores(data, tmp_path):
    """With 8 tokens for a program, the seed of two lines is left out, and so are its mutants."""
    pytest.importorskip("torch")
    from codeit.runs.running import train

    settings = settings_for(data, iterations=1)
    sampling = dataclasses.replace(settings.sampling, max_tokens=8)
    console = quiet()
    train(dataclasses.replace(settings, sampling=sampling), tmp_path / "run", console)
    start, first = read_lines(tmp_path / "run" / "metrics.jsonl")
    assert start["seeds_left_out"] == {"too_long": ["double"]}
    assert (start["num_seeds"], start["num_mutated"], start["num_too_long"]) == (3, 40, 0)
    assert (first["buffer_num_seed"], first["buffer_num_mutated"]) == (3, 40)
    printed = " ".join(console.file.getvalue().split())
    note = (
        "40 of 40 mutated tasks made, 43 experiences with those of the seed programs stored, "
        f"{start['num_mutants_scored']} mutated programs scored on all tasks"
    )
    assert note in printed
    assert note in start["notes"]


def test_a_run_says_how_many_mutants_it_lacks(data, tmp_path):
    pytest.importorskip("torch")
    from codeit.runs.running import train

    settings = settings_for(data, iterations=1)
    mutation = dataclasses.replace(settings.mutation, num_tasks=5000, max_tries=1)
    training = dataclasses.replace(settings.training, num_mutated=20)
    console = quiet()
    settings = dataclasses.replace(settings, mutation=mutation, training=training)
    train(settings, tmp_path / "run", console)
    start = read_lines(tmp_path / "run" / "metrics.jsonl")[0]
    assert start["num_mutated"] < 5000
    assert f"{start['num_mutated']:,} of 5,000 mutated tasks made" in console.file.getvalue()


def test_a_run_without_any_seed_writes_nothing(data, tmp_path):
    pytest.importorskip("torch")
    from codeit.runs.running import train

    path = tmp_path / "programs.jsonl"
    path.write_text(json.dumps({"task": "flop", "program": PROGRAMS["flip"]}))
    with pytest.raises(ValueError, match=r"no seed program is left for .*training.json: 1 of 1"):
        train(settings_for(data, programs=str(path)), tmp_path / "run", quiet())
    assert not (tmp_path / "run").exists()
