"""Every file of a run, damaged in every way, before each command that reads it.

One line that names the file, code 2, and all other files as they were; or it does no harm, and the
run ends as if nothing had been.
"""

import shutil

import pytest

pytest.importorskip("torch")

import small_loop
from small_run import quiet, settings_for

from codeit.cli import main
from codeit.files.json_file import read_lines
from codeit.runs.running import train

FILES = [
    *(
        "config.toml",
        "metrics.jsonl",
        "performance.csv",
        "solutions.jsonl",
        "submitted.jsonl",
        "samples/0001.jsonl",
    ),
    *("checkpoint/config.json", "checkpoint/model.safetensors", "checkpoint/optimizer.pt"),
    *("checkpoint/compact_tokenizer.json", "checkpoint/replay.npz", "checkpoint/position.json"),
    *("checkpoint/settings.toml", "checkpoint/written.json", "checkpoint/manifest.json"),
    "checkpoint/programs.npy",
    *("checkpoint/language.json", "checkpoint/tokenizer.json", "checkpoint/tokenizer_config.json"),
]
FOLDERS = ["checkpoint", "samples", "tensorboard"]


def flipped(content, place):
    return content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :]


DAMAGES = {
    "emptied": lambda content: b"",
    "half": lambda content: content[: len(content) // 2],
    "without its end": lambda content: content[:-1],
    "a flipped bit at the start": lambda content: flipped(content, 0),
    "a flipped bit in the middle": lambda content: flipped(content, len(content) // 2),
    "a flipped bit at the end": lambda content: flipped(content, len(content) - 2),
    "a list": lambda content: b"[]\n",
    "a number": lambda content: b"3\n",
    "a text": lambda content: b'"text"\n',
    "an object": lambda content: b"{}\n",
    "nested lists": lambda content: b"[" * 100_000,
    "nested tables": lambda content: b'{"a": ' * 100_000,
    "a nested value": lambda content: b"a = " + b"[" * 100_000,
    "no text": lambda content: b"\xff\xfe\x00" * 10,
    "zeros": lambda content: bytes(len(content)),
    "renamed keys": lambda content: content.replace(b'":', b'_":').replace(b" = ", b"_ = "),
    "more": lambda content: content + b"more",
    "missing": None,
    "a folder": "mkdir",
    "a link to nothing": "nowhere",
    "a link to a folder": ".",
    "a link to itself": "",
    "unreadable": 0,
}


def damage(path, how):
    """Change what has a name; false if it cannot be done here."""
    change = DAMAGES[how]
    if callable(change):
        content = path.read_bytes() if path.is_file() else b"folder"
        if path.is_dir():
            shutil.rmtree(path)
        path.write_bytes(change(content))
        return not path.is_file() or path.read_bytes() != content
    if change == 0:
        path.chmod(0)
        try:
            with path.open("rb"):
                return False  # as root
        except OSError:
            return True
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    if change == "mkdir":
        path.mkdir()
    elif change is not None:
        path.symlink_to(change or path.name)
    return True


def everything(path):
    found = {}
    for p in sorted(path.rglob("*")):
        name = p.relative_to(path).as_posix()
        if p.is_symlink():
            found[name] = p.readlink()
        elif p.is_file() and p.parent.name != "tensorboard":
            found[name] = p.read_bytes()
    return found


@pytest.fixture
def commands(data, finished, monkeypatch, quick_path):
    """A run of one iteration, the same with two, and what each command does with a copy."""
    rows = read_lines(finished[0] / "metrics.jsonl")
    small_loop.install(monkeypatch, rows[:2])
    made, longer = quick_path / "made", quick_path / "longer"
    train(settings_for(data, iterations=1), made, quiet())
    shutil.copytree(made, longer)
    assert main(["resume", str(longer), "--iterations", "2"]) == 0
    return made, everything(longer)


def run(command, out, folder):
    if command == "resume":
        return main(["resume", str(out), "--iterations", "2"])
    if command == "report":
        return main(["report", str(out)])
    words = ["--config", str(out / "config.toml"), "--iterations", "2"]
    return main(["train", "--out", str(folder / "new"), *words])


def check(commands, name, how, folder, capsys):
    """Each command refuses a damaged file in one line, or does as if it were whole."""
    made, expected = commands
    for command in ("resume", "report", "train"):
        if command == "train" and name != "config.toml":
            continue
        case = folder / command
        case.mkdir()
        out = case / "run"
        shutil.copytree(made, out, symlinks=True)
        if not damage(out / name, how):
            pytest.skip(f"{how!r} leaves {name} as it was, or root can read it all the same")
        before = everything(out)
        capsys.readouterr()
        code = run(command, out, case)
        said = capsys.readouterr().err
        what = f"{command} with {name} {how}: {said}"
        if code == 2:
            assert said.count("\n") == 1, what
            assert f"{out / name}" in said, what
            assert everything(out) == before, what
            assert not (case / "new").exists(), what
            continue
        assert (code, said) == (0, ""), what
        if command == "resume":
            found = everything(out)
            if name.startswith("samples") and not (out / "samples" / "0001.jsonl").exists():
                # Nobody needs them, and the next checkpoint does not list them.
                lists = ["checkpoint/written.json", "checkpoint/manifest.json"]
                found = {key: found[key] for key in found if key in expected}
                found |= {key: expected[key] for key in ["samples/0001.jsonl", *lists]}
                found["samples/0002.jsonl"] = (out / "samples" / "0002.jsonl").read_bytes()
            if name != "tensorboard":  # where events go to does no harm
                assert found.keys() == expected.keys(), what
            if (name, how) == ("samples/0001.jsonl", "more"):
                found[name] = found[name].removesuffix(b"more")  # it stays, and is not counted
            assert [key for key in expected if found[key] != expected[key]] == [], what
        elif command == "report":
            assert everything(out) == before, what
        else:
            assert name == "config.toml", what


@pytest.mark.parametrize("name", [*FILES, *FOLDERS])
def test_a_damaged_file_is_named_in_one_line_or_does_no_harm(commands, name, quick_path, capsys):
    if name in FILES:
        assert name in everything(commands[0])
    for number, how in enumerate(DAMAGES):
        folder = quick_path / f"case{number}"
        folder.mkdir()
        try:
            check(commands, name, how, folder, capsys)
        except pytest.skip.Exception:
            continue
        finally:
            for path in folder.rglob("*"):
                if not path.is_symlink():
                    path.chmod(0o700)
            shutil.rmtree(folder)
