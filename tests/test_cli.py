"""The command line: exit codes, one-line errors, and the small commands."""

import json
import subprocess
import sys

import pytest
from commands import fails_with

from codeit.cli import main
from codeit.language import PRIMITIVES

PROGRAM = "O = vmirror(I)\n"
TASK = {
    "train": [{"input": [[1, 2]], "output": [[2, 1]]}],
    "test": [{"input": [[3, 4]], "output": [[4, 3]]}],
}


@pytest.fixture
def task_file(tmp_path):
    path = tmp_path / "task.json"
    path.write_text(json.dumps(TASK))
    return path


@pytest.fixture
def program_file(tmp_path):
    path = tmp_path / "program.txt"
    path.write_text(PROGRAM)
    return path


def test_without_a_command_the_help_is_shown(capsys):
    assert main([]) == 2
    assert "codeit COMMAND --help" in capsys.readouterr().out


def test_the_version_is_printed(capsys):
    import codeit

    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == codeit.__version__


@pytest.mark.parametrize("command", ["train", "report", "run", "show", "dsl", "info"])
def test_every_command_has_help(capsys, command):
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    assert f"codeit {command}" in capsys.readouterr().out


def test_the_help_of_train_names_every_setting(capsys):
    from codeit.runs.settings import setting_names

    with pytest.raises(SystemExit):
        main(["train", "--help"])
    text = capsys.readouterr().out.replace("-", "_")
    for name in setting_names():
        assert f"__{name}" in text, name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--preset", "papr"], "unknown preset 'papr'; did you mean paper?"),
        (
            ["--sampling.temprature", "1"],
            "--sampling.temprature; did you mean --sampling.temperatu",
        ),
        (["--sampling.top-k", "many"], "--sampling.top-k"),
        (["--sampling.top-k", "-5"], "top_k is -5; allowed: 0 to 2147483647"),
        (["--sampling.top-k"], "--sampling.top-k"),
        (["stray"], "stray"),
        (["--config", "nowhere.toml"], "nowhere.toml: No such file or directory"),
        (["--programs", "nowhere.jsonl"], "nowhere.jsonl: No such file or directory"),
        (["--data.evaluation", "arc1-evaluations"], "did you mean"),
        (["--model.device", "abacus"], "device 'abacus' cannot be used"),
        (
            ["--sampling.mode", "grammar", "--sampling.max-tokens", "3"],
            "max_tokens is 3; allowed: 4",
        ),
        (["--training.num-policy", "0", "--training.num-mutated", "0"], "are both 0"),
    ],
)
def test_a_bad_setting_is_one_line_and_writes_nothing(capsys, tmp_path, arguments, message):
    out = tmp_path / "run"
    fails_with(capsys, ["train", "--out", out, *arguments], message)
    assert not out.exists()


def test_too_little_memory_is_one_line(capsys, monkeypatch):
    from codeit.tasks import datasets

    def load(_):
        raise MemoryError("8 EB\nwanted")

    monkeypatch.setattr(datasets, "load", load)
    fails_with(capsys, ["show", "00d62c1b"], "codeit show: there is not enough memory 8 EB wanted")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fuzz", "--programs", "x"], "argument --programs: 'x'; allowed: a whole number"),
        (["fuzz", "--programs", "1.5"], "argument --programs: '1.5'; allowed: a whole number"),
        (["fuzz", "--seed", ""], "argument --seed: ''; allowed: a whole number"),
        (
            ["fuzz", "--programs", "-1000"],
            "'-1000'; allowed: a whole number from 1 to 2,147,483,647",
        ),
        (["fuzz", "--programs", "0"], "'0'; allowed: a whole number from 1"),
        (
            ["fuzz", "--seed", "-1"],
            "'-1'; allowed: a whole number from 0 to 9,223,372,036,854,775,807",
        ),
        (["fuzz", "--seed", "1e19"], "'1e19'; allowed: a whole number from 0"),
        (
            ["run", "x", "--task", "y", "--fuel", "x"],
            "argument --fuel: 'x'; allowed: a whole number",
        ),
        (["run", "x", "--task", "y", "--fuel", "-1"], "'-1'; allowed: a whole number from 0"),
        (["run", "x", "--task", "y", "--fuel", "1e19"], "'1e19'; allowed: a whole number from 0"),
        (["resume", "x", "--iterations", "0"], "'0'; allowed: a whole number from 1"),
        (["resume", "x", "--threads", "-1"], "'-1'; allowed: a whole number from 0 to 4,096"),
        (["resume", "x", "--iterations", "many"], "argument --iterations: 'many'; allowed: a"),
        (["resume", "x", "--threads", "inf"], "argument --threads: 'inf'; allowed: a whole"),
        (["resume", "x", "y"], "unrecognized arguments: y"),
        (["resume"], "the following arguments are required: directory"),
        (["train", "--preset"], "argument --preset: expected one argument"),
    ],
)
def test_a_bad_argument_of_a_command_is_one_line(capsys, words, message):
    fails_with(capsys, words, message)


def test_the_ints_of_every_command_may_be_written_as_in_train(capsys, task_file, program_file):
    words = ["run", str(program_file), "--task", str(task_file), "--fuel", "1e5"]
    assert main(words) == 0
    assert main(["fuzz", "--programs", "1e0", "--seed", "1_0e17"]) == 0
    assert f"seed {10**18}" in capsys.readouterr().out


def test_an_unknown_command_is_one_line(capsys):
    fails_with(capsys, ["trian"], "codeit: unknown command 'trian'; did you mean train?")


def test_train_needs_a_directory(capsys):
    fails_with(capsys, ["train"], "--out DIR is missing")


def test_train_refuses_an_existing_directory(capsys, tmp_path):
    (tmp_path / "file").touch()
    fails_with(capsys, ["train", "--out", tmp_path], "exists already")


def test_train_refuses_a_directory_whose_name_is_no_unicode_at_once(capsys, tmp_path):
    fails_with(
        capsys,
        ["train", "--out", tmp_path / "bad\udcff"],
        r"bad\udcff: cannot be written: the name",
    )


def test_train_names_the_command_that_goes_on_with_the_run_that_is_there(capsys, tmp_path):
    for name in ("config.toml", "metrics.jsonl"):
        (tmp_path / name).write_text("")
    message = f"exists already; `codeit resume {tmp_path}` goes on with it"
    fails_with(capsys, ["train", "--out", tmp_path], message)


def test_train_refuses_a_directory_that_cannot_be_made(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    fails_with(capsys, ["train", "--out", tmp_path / "file" / "run"], "cannot be written")


def test_train_refuses_a_malformed_task_file(capsys, tmp_path):
    path = tmp_path / "tasks.json"
    path.write_text('{"a": {"train": [], "test": []}}')
    fails_with(
        capsys, ["train", "--out", tmp_path / "run", "--data.evaluation", path], "tasks.json"
    )
    assert not (tmp_path / "run").exists()


def test_train_refuses_a_program_with_an_unknown_name(capsys, tmp_path):
    path = tmp_path / "programs.jsonl"
    path.write_text(json.dumps({"task": "007bbfb7", "program": "O = vmiror(I)"}))
    fails_with(
        capsys,
        ["train", "--out", tmp_path / "run", "--programs", path],
        "line 1 has a function call that is not a primitive function or a variable: 'vmiror'",
    )
    assert not (tmp_path / "run").exists()


def test_report_refuses_what_is_no_run_directory(capsys, tmp_path):
    reason = "there is no such file; is this a directory of `codeit train`, `codeit search` or"
    fails_with(capsys, ["report", tmp_path], reason)


def test_run_shows_outputs_and_counts_right_pairs(capsys, task_file, program_file):
    assert main(["run", str(program_file), "--task", str(task_file)]) == 0
    assert "2 of 2 pairs are right" in capsys.readouterr().out


def test_run_traces_a_program_by_the_names_that_it_was_written_with(capsys, task_file, tmp_path):
    program = tmp_path / "program.txt"
    program.write_text("  turned = vmirror(I)  \nO = hmirror(turned)\n")
    main(["run", str(program), "--task", str(task_file), "--trace"])
    shown = capsys.readouterr().out
    assert "  turned = vmirror(I)  ->" in shown
    assert "  O = hmirror(turned)  ->" in shown


def test_run_traces_every_line(capsys, task_file, program_file):
    main(["run", str(program_file), "--task", str(task_file), "--trace"])
    assert "demonstration 1\n  O = vmirror(I)  ->  Grid 1x2\n" in capsys.readouterr().out


def test_run_exits_with_one_when_a_pair_is_wrong(capsys, task_file, tmp_path):
    wrong = tmp_path / "wrong.txt"
    wrong.write_text("x1 = crop(I, ONE, ONE)\nO = identity(x1)")
    with pytest.raises(SystemExit) as end:
        main(["run", str(wrong), "--task", str(task_file)])
    assert end.value.code == 1
    text = capsys.readouterr().out
    assert "every pair: line 1: TypeError" in text
    assert "0 of 2 pairs are right" in text


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_run_saves_a_picture(task_file, program_file, tmp_path, suffix):
    path = tmp_path / f"picture.{suffix}"
    main(["run", str(program_file), "--task", str(task_file), "--save", str(path)])
    assert path.stat().st_size > 200


def test_run_refuses_a_bad_program(capsys, task_file, tmp_path):
    path = tmp_path / "bad.txt"
    path.write_text("O = f(I)")
    fails_with(capsys, ["run", path, "--task", task_file], f"{path}: line 1: f is no name of the")


def test_an_unknown_option_is_named_before_what_is_missing(capsys):
    words = ["run", "p.txt", "--tsak", "00d62c1b"]
    fails_with(capsys, words, "unknown option --tsak; did you mean --task?")
    fails_with(capsys, ["show", "00d62c1b", "--save=x.svg", "--nonsense=1"], "option --nonsense")


def test_a_shortened_option_and_what_follows_two_dashes_are_no_unknown_options(capsys):
    assert main(["show", "--sav", "no.gif", "00d62c1b"]) == 2
    assert "no.gif: suffix '.gif'" in capsys.readouterr().err
    fails_with(capsys, ["show", "--", "--task"], "no task or file is named '--task'")


def test_the_summaries_of_the_commands_stand_below_one_another(capsys):
    main([])
    rows = capsys.readouterr().out.partition("commands:\n")[2].partition("\n\n")[0].split("\n")
    assert len(rows) > 10
    assert {len(row) - len(row[2:].partition("  ")[2].lstrip()) for row in rows} == {12}


def test_run_names_a_file_that_is_no_text(capsys, task_file, program_file, tmp_path):
    path = tmp_path / "binary"
    path.write_bytes(b"O = \xff")
    fails_with(capsys, ["run", path, "--task", task_file], f"{path}: byte 4 is not UTF-8 text")
    fails_with(capsys, ["run", program_file, "--task", path], str(path))


@pytest.mark.parametrize(
    "command", [["run", "nowhere.txt", "--task", "t", "--save"], ["report", "nowhere", "--picture"]]
)
@pytest.mark.parametrize(
    ("picture", "message"), [("a.gif", "saved as .svg or .png"), ("no/a.svg", "there is no folder")]
)
def test_a_picture_that_cannot_be_saved_is_refused_first(capsys, command, picture, message):
    fails_with(capsys, [*command, picture], message)


def test_an_unknown_task_is_named_with_the_nearest(capsys, program_file):
    fails_with(capsys, ["run", program_file, "--task", "67a3c6ad"], "did you mean '67a3c6ac'?")
    fails_with(capsys, ["show", "67a3c6ad"], "did you mean '67a3c6ac'?")


def test_show_prints_a_task(capsys):
    assert main(["show", "67a3c6ac"]) == 0
    assert "demonstration 1" in capsys.readouterr().out


def test_an_id_of_several_data_sets_is_said_to_be_one_and_can_be_chosen(capsys, program_file):
    assert main(["show", "ac0c5833"]) == 0
    first = capsys.readouterr()
    assert "task ac0c5833 of arc1-evaluation" in first.err
    assert "arc2-training/ac0c5833" in first.err
    assert main(["show", "arc2-training/ac0c5833"]) == 0
    second = capsys.readouterr()
    assert second.err == ""
    assert second.out != first.out
    with pytest.raises(SystemExit):
        main(["run", str(program_file), "--task", "ac0c5833"])
    assert "arc2-training/ac0c5833" in capsys.readouterr().err


# ---- Hidden tests ----


@pytest.fixture
def challenges(tmp_path):
    """As Kaggle's files: many tasks, tests without outputs."""
    hidden = {"train": TASK["train"], "test": [{"input": [[3, 4]]}, {"input": [[5, 6]]}]}
    path = tmp_path / "arc-agi_test_challenges.json"
    path.write_text(json.dumps({"a": hidden, "b": hidden}))
    return path


def test_show_says_that_a_test_is_hidden(capsys, challenges):
    assert main(["show", f"{challenges}/b"]) == 0
    assert "hidden" in capsys.readouterr().out


def test_run_counts_hidden_tests_apart(capsys, challenges, program_file):
    assert main(["run", str(program_file), "--task", f"{challenges}/a"]) == 0
    assert "1 of 1 pairs are right, 2 hidden" in capsys.readouterr().out


def test_run_exits_with_one_when_a_known_pair_beside_hidden_ones_is_wrong(
    capsys, challenges, tmp_path
):
    wrong = tmp_path / "wrong.txt"
    wrong.write_text("O = hmirror(I)")
    with pytest.raises(SystemExit) as end:
        main(["run", str(wrong), "--task", f"{challenges}/a"])
    assert end.value.code == 1
    assert "0 of 1 pairs are right, 2 hidden" in capsys.readouterr().out


def test_no_grid_for_a_hidden_test_is_wrong(capsys, challenges, tmp_path):
    """Whatever it hides is a grid."""
    program = tmp_path / "program.txt"
    program.write_text(
        "x1 = index(I, ORIGIN)\nx2 = equality(x1, ONE)\nx3 = vmirror(I)\nO = branch(x2, x3, x1)"
    )
    with pytest.raises(SystemExit) as end:
        main(["run", str(program), "--task", f"{challenges}/a"])
    assert end.value.code == 1
    assert "1 of 3 pairs are right\n" in capsys.readouterr().out


def test_dsl_lists_the_language(capsys):
    assert main(["dsl"]) == 0
    text = capsys.readouterr().out
    assert text.count(") -> ") == len(PRIMITIVES)
    assert "UP_RIGHT: IntegerTuple = (-1, 1)" in text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("crop", "crop(grid: Grid, start: IntegerTuple, dims: IntegerTuple) -> Grid"),
        ("TEN", "TEN: Integer = 10"),
        ("objects", "objects(grid: Grid, univalued: Boolean"),
        ("painting", "underpaint(grid: Grid, obj: Object) -> Grid"),
    ],
)
def test_dsl_explains_a_name(capsys, name, text):
    assert main(["dsl", name]) == 0
    assert text in capsys.readouterr().out


def test_dsl_suggests_the_nearest_name(capsys):
    fails_with(capsys, ["dsl", "cropp"], "did you mean crop?")


def test_info_names_versions(capsys):
    assert main(["info"]) == 0
    assert "transformers" in capsys.readouterr().out


def test_the_module_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "codeit", "dsl", "TEN"], capture_output=True, text=True
    )
    assert done.returncode == 0
    assert done.stdout.startswith("TEN: Integer = 10\n")
