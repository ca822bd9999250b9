"""Primitives of one's own in commands, runs and checkpoints: `--primitives FILE.py`."""

import io
import json
import shutil

import numpy as np
import pytest

pytest.importorskip("torch")

from small_mutate import words_for
from small_run import quiet, settings_for

import codeit
from codeit import Program
from codeit.cli import main
from codeit.language import STANDARD, current, own_primitives, remove_own
from codeit.policy.model.checkpoint import load_model
from codeit.policy.policy import Policy
from codeit.policy.sampling.constraint import ProgramConstraint
from codeit.policy.tokenizer import CompactTokenizer, load_tokenizer
from codeit.primitives import file
from codeit.runs.running import resume, train
from codeit.runs.settings import RunSettings, load_settings, settings_to_toml

OWN = """\
import codeit


@codeit.primitive("Grid -> Grid", compiled=False)
def colder(grid, out):
    \"\"\"every color one less, 0 staying\"\"\"
    height, width = grid.shape
    for i in range(height):
        for j in range(width):
            out[i, j] = max(grid[i, j] - 1, 0)
    return height, width
"""


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    """No primitive and no file outlives its test."""
    monkeypatch.setattr(file, "_loaded", {})
    yield
    for name in list(own_primitives()):
        remove_own(name)


def forget():
    file._loaded.clear()
    for name in list(own_primitives()):
        remove_own(name)


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(OWN)
    return path


@pytest.fixture
def task(tmp_path):
    path = tmp_path / "cold.json"
    grids = [[[1, 5, 3], [0, 9, 2]], [[4, 4], [7, 8], [2, 0]], [[6, 2, 1]], [[9, 0, 3, 3]]]
    pairs = [{"input": g, "output": np.maximum(np.array(g) - 1, 0).tolist()} for g in grids]
    path.write_text(json.dumps({"train": pairs[:3], "test": pairs[3:]}))
    return path


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "program.txt"
    path.write_text("O = colder(I)\n")
    return path


# ---- The option


@pytest.mark.parametrize("form", [["--primitives", "{}"], ["--primitives={}"]])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_command_knows_the_primitives_of_a_file(form, is_first, own, task, program, capsys):
    option = [word.format(own) for word in form]
    words = [str(program), "--task", str(task)]
    assert main(["run", *(option if is_first else []), *words, *option * (not is_first)]) == 0
    assert "4 of 4 pairs are right" in capsys.readouterr().out


def test_without_the_option_a_command_does_not_know_them(task, program, capsys):
    assert main(["run", str(program), "--task", str(task)]) == 2
    assert "line 1: colder is no name of the language" in capsys.readouterr().err


def test_what_is_wrong_with_a_primitive_is_said_in_a_line_each(task, tmp_path, capsys):
    path = tmp_path / "own.py"
    path.write_text(
        "import codeit\n\n\n@codeit.primitive('Grid -> Grid')\ndef slow(grid):\n"
        "    return grid[0]\n"
    )
    main(["show", str(task), "--primitives", str(path)])
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("codeit: slow: Python runs it, slowly: it has no parameter for the")
    assert lines[1].startswith("codeit: slow: every call of it in a trial ended by TypeError")
    assert len(lines) == 2
    remove_own("slow")


def test_the_list_of_the_language_has_them(own, capsys):
    assert main(["dsl", "colder", "--primitives", str(own)]) == 0
    said = capsys.readouterr().out
    assert "colder(grid: Grid) -> Grid" in said
    assert "every color one less" in said
    assert main(["dsl", "--primitives", str(own)]) == 0
    assert "colder" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no function in it is a codeit.primitive"),
        ("def f(:\n", "line 1: "),
        ("x = 1\ny = x +\n", "line 2: "),
        ("import nowhere_at_all", "ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("1 / 0", "ZeroDivisionError"),
        (OWN.replace("Grid -> Grid", "Gird -> Grid"), "colder: it takes 'Gird'; allowed are "),
        (OWN.replace("colder", "fill"), "'fill' is a name of the language already"),
        (OWN + OWN, "'colder' is a primitive of one's own already"),
    ],
)
def test_a_file_that_is_none_is_refused_in_a_line(text, message, own, capsys):
    own.write_text(text)
    assert main(["dsl", "--primitives", str(own)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"codeit dsl: {own}")
    assert message in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--primitives"], "--primitives needs a value: a file of Python"),
        (["--primitives", "--help"], "--primitives needs a value"),
        (["--primitives", "a.py", "--primitives", "b.py"], "--primitives stands there twice"),
        (["--primitives", "nowhere.py"], "nowhere.py: No such file or directory"),
    ],
)
def test_an_option_that_says_nothing_is_refused_in_a_line(words, message, capsys):
    assert main(["dsl", *words]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_a_file_of_another_kind_is_refused(own, tmp_path, capsys):
    other = tmp_path / "own.txt"
    own.rename(other)
    assert main(["dsl", "--primitives", str(other)]) == 2
    assert "primitives of one's own are in a file of Python, NAME.py" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", ["run", "search", "mutate", "solve", "submit", "minimise", "train"]
)
def test_every_command_says_that_it_takes_them(command, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert "--primitives" in capsys.readouterr().out


# ---- Search and mutation


def test_a_search_finds_a_program_with_it_and_goes_on_with_the_same_file_alone(
    own, task, tmp_path, capsys
):
    out = tmp_path / "search"
    words = ["--tasks", str(task), "--out", str(out), "--evaluations", "20000"]
    assert main(["search", *words, "--primitives", str(own)]) == 0
    solutions = (out / "solutions.jsonl").read_text()
    assert "colder" in solutions
    for path in ("tasks.jsonl", "summary.json", "solutions.jsonl", "submission.json"):
        (out / path).unlink()
    (out / "tasks.jsonl").write_text("")
    capsys.readouterr()
    forget()
    before = sorted(path.name for path in out.iterdir())
    for content, message in [(None, "FILE.py is missing"), (OWN + "\n", "FILE.py is another")]:
        option = []
        if content:
            own.write_text(content)
            option = ["--primitives", str(own)]
        assert main(["search", "resume", str(out), *option]) == 2
        said = capsys.readouterr().err
        assert "the search was made with primitives of one's own" in said
        assert message in said
        assert said.count("\n") == 1
        assert sorted(path.name for path in out.iterdir()) == before
        forget()
    own.write_text(OWN)
    assert main(["search", "resume", str(out), "--primitives", str(own)]) == 0
    assert (out / "solutions.jsonl").read_text() == solutions


def test_a_search_without_them_does_not_go_on_with_some(own, task, tmp_path, capsys):
    out = tmp_path / "search"
    assert main(["search", "--tasks", str(task), "--out", str(out), "--evaluations", "500"]) == 0
    assert "primitives_digest" not in (out / "search.json").read_text()
    capsys.readouterr()
    assert main(["search", "resume", str(out), "--primitives", str(own)]) == 2
    assert "was made without primitives of one's own" in capsys.readouterr().err


def test_mutants_have_it_and_go_on_with_the_same_file_alone(own, tmp_path, capsys):
    out = tmp_path / "mutants"
    words = words_for(tmp_path)
    assert main(["mutate", *words, "--out", str(out), "--primitives", str(own)]) == 0
    shards = [path.read_text() for path in sorted(out.rglob("*.jsonl"))]
    assert any("colder" in text for text in shards)
    capsys.readouterr()
    forget()
    assert main(["mutate", "resume", str(out)]) == 2
    said = capsys.readouterr().err
    assert "the work was made with primitives of one's own" in said
    assert said.count("\n") == 1
    own.write_text(OWN + "\n")
    assert main(["mutate", "resume", str(out), "--primitives", str(own)]) == 2
    assert [path.read_text() for path in sorted(out.rglob("*.jsonl"))] == shards


# ---- Checkpoints


@pytest.fixture
def checkpoint(finished, tmp_path):
    """One from before there were primitives of one's own."""
    shutil.copytree(finished[0], tmp_path / "run")
    return tmp_path / "run"


def test_a_checkpoint_from_before_gets_rows_for_new_names_and_goes_on(checkpoint, own, data):
    before = load_model(str(checkpoint / "checkpoint"))
    file.load_primitives(own)
    codeit.primitive("Grid -> Integer", name="one", compiled=False)(lambda grid: 1)
    policy = Policy.load(checkpoint, device="cpu")
    tokenizer = policy.tokenizer
    assert tokenizer.language is current()
    old = CompactTokenizer(STANDARD)
    assert tokenizer.vocab_size == old.vocab_size + 2 == policy.model.config.vocab_size
    rows = policy.model.state_dict()["embedding"]
    assert (rows[:-2] == before.state_dict()["embedding"]).all()
    grids = [p.name for p in STANDARD.primitives.values() if p.returns == "Grid"]
    ids = [int(old.encode_program(f"O = {name}(I)", is_plain=True)[1]) for name in grids]
    np.testing.assert_allclose(rows[-2], before.state_dict()["embedding"][ids].mean(0))
    again = Policy.load(checkpoint, device="cpu").model.state_dict()["embedding"]
    assert (rows == again).all()
    tasks = codeit.arc.load(str(data / "evaluation.json"))
    found = [p for _, some in policy.sample_programs(tasks, seed=1) for p in some]
    assert any(isinstance(p, Program) for p in found)
    own_program = policy.log_probabilities(tasks[0], ["O = colder(I)", "O = vmirror(I)"])
    assert np.isfinite(own_program).all()
    assert own_program[0] > -30


def test_a_policy_that_has_grown_is_saved_and_loaded_as_it_is(checkpoint, own, tmp_path):
    file.load_primitives(own)
    policy = Policy.load(checkpoint, device="cpu")
    policy.save(tmp_path / "grown")
    again = Policy.load(tmp_path / "grown", device="cpu")
    assert again.tokenizer.language.names == policy.tokenizer.language.names
    for name, tensor in policy.model.state_dict().items():
        assert (again.model.state_dict()[name] == tensor).all()
    forget()
    with pytest.raises(ValueError, match=r"has no 'colder'; `--primitives FILE.py` adds") as e:
        Policy.load(tmp_path / "grown", device="cpu")
    assert "\n" not in str(e.value)


def test_a_damaged_list_of_tokens_is_not_taken_for_one_from_before(checkpoint, own):
    path = checkpoint / "checkpoint" / "compact_tokenizer.json"
    tokens = json.loads(path.read_text())
    path.write_text(json.dumps({**tokens, "tokens": tokens["tokens"][:-1]}))
    file.load_primitives(own)
    with pytest.raises(ValueError, match="made for another version of the language"):
        load_tokenizer(str(checkpoint / "checkpoint"))


def test_samples_of_the_compact_tokenizer_have_the_new_names(own):
    file.load_primitives(own)
    tokenizer = CompactTokenizer()
    ids = tokenizer.encode_program("x1 = colder(I)\nO = colder(x1)")
    assert tokenizer.decode_program(ids) == "x1 = colder(I)\nO = colder(x1)"
    program = Program.parse("x1 = colder(I)\nO = colder(x1)")
    assert tokenizer.read_programs(np.array([ids], np.int64))[0] == program


@pytest.mark.parametrize("mode", ["grammar", "typed"])
def test_the_constraint_lets_a_new_name_stand_where_its_types_fit(mode, own):
    file.load_primitives(own)
    tokenizer = CompactTokenizer()
    constraint = ProgramConstraint(tokenizer, mode, 1)
    constraint.begin(30)
    place = int(tokenizer.encode_program("O = colder(I)")[1])
    num_seen = 0
    for k in tokenizer.encode_program("x1 = colder(I)\nx2 = width(x1)\nO = colder(x1)").tolist():
        bits = np.unpackbits(constraint.masks().view(np.uint8), axis=1, bitorder="little")[0]
        allowed = set(constraint.alphabet[bits[: len(constraint.alphabet)].astype(bool)].tolist())
        assert k in allowed
        num_seen += place in allowed
        constraint.advance([k])
    assert constraint.is_finished.all()
    assert num_seen >= 3


# ---- Runs


def edit(out, **values):
    import dataclasses

    path = out / "config.toml"
    settings = dataclasses.replace(load_settings(path, RunSettings()), **values)
    path.write_text(settings_to_toml(settings))


@pytest.fixture
def made(data, own, tmp_path):
    """A run of one iteration with them."""
    out = tmp_path / "with"
    train(settings_for(data, iterations=1, primitives=str(own)), out, quiet())
    forget()
    return out


def test_a_run_is_made_with_them_and_goes_on_with_the_same_file_alone(made, own, tmp_path):
    def refused(message):
        before = {p.name: p.read_bytes() for p in made.iterdir() if p.is_file()}
        with pytest.raises(ValueError, match=message) as error:
            resume(made, quiet(), iterations=2)
        assert "\n" not in str(error.value)
        assert {p.name: p.read_bytes() for p in made.iterdir() if p.is_file()} == before
        forget()

    record = json.loads((made / "checkpoint" / "language.json").read_text())
    assert "colder" in record["names"]
    own.write_text(OWN.replace("- 1", "- 2"))
    refused("the run was made with a file of digest .* as its primitives, and is to go on with ")
    moved = tmp_path / "moved.py"
    moved.write_text(OWN)
    edit(made, primitives=None)
    refused("is to go on with none; only a new run can have another")
    edit(made, primitives=str(moved))
    resume(made, quiet(), iterations=2)
    assert json.loads((made / "metrics.jsonl").read_text().splitlines()[-1])["iteration"] == 2


def test_a_run_without_them_goes_on_without_them_alone(checkpoint, own):
    file.load_primitives(own)
    with pytest.raises(ValueError, match="the run was made with none as its primitives"):
        resume(checkpoint, quiet(), iterations=3)
    forget()
    text = (checkpoint / "config.toml").read_text()
    assert "# primitives is not set" in text
    (checkpoint / "config.toml").write_text(text.replace("# primitives is not set\n", ""))
    resume(checkpoint, quiet(), iterations=3)  # as a run from before the setting was there


def test_the_command_records_the_file(data, own, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = tmp_path / "small.toml"
    settings.write_text(settings_to_toml(settings_for(data, iterations=1)))
    out = tmp_path / "run"
    words = ["--config", str(settings), "--out", str(out), "--primitives", own.name]
    monkeypatch.setattr("sys.stdout", io.StringIO())
    assert main(["train", *words]) == 0
    assert load_settings(out / "config.toml", RunSettings()).primitives == str(own)
    forget()
    assert main(["resume", str(out), "--iterations", "2"]) == 0
