"""What happens to the files of a run on a disk, and what resume and report say of it."""

import io
import json
import re
import shutil

import pytest

pytest.importorskip("torch")

from rich.console import Console
from small_run import quiet

from codeit.reporting.text import print_report
from codeit.runs.running import resume

CHECKPOINT = [
    *("config.json", "model.safetensors", "compact_tokenizer.json", "language.json"),
    *(
        "optimizer.pt",
        "replay.npz",
        "programs.npy",
        "position.json",
        "written.json",
        "manifest.json",
    ),
    *("tokenizer.json", "tokenizer_config.json"),
]
TABLES = [
    "metrics.jsonl",
    "solutions.jsonl",
    "submitted.jsonl",
    "performance.csv",
    "samples/0001.jsonl",
]


@pytest.fixture
def out(finished, tmp_path):
    """A copy of a finished run."""
    shutil.copytree(finished[0], tmp_path / "run")
    return tmp_path / "run"


def everything(folder):
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def refuse_to_resume(out, name):
    """Resuming names the file and touches nothing."""
    before = everything(out)
    with pytest.raises(ValueError, match=rf"{name}: ") as caught:
        resume(out, quiet(), iterations=3)
    assert "\n" not in str(caught.value)
    assert everything(out) == before


@pytest.mark.parametrize("name", CHECKPOINT)
def test_a_flipped_bit_in_a_checkpoint_is_noticed_and_the_file_named(out, name):
    path = out / "checkpoint" / name
    good = path.read_bytes()
    for place in (0, len(good) // 3, len(good) // 2, len(good) - 2):
        path.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        refuse_to_resume(out, f"checkpoint/{name}")


@pytest.mark.parametrize("name", CHECKPOINT)
def test_a_file_that_is_gone_from_a_checkpoint_is_named(out, name):
    (out / "checkpoint" / name).unlink()
    refuse_to_resume(out, f"checkpoint/{name}")


@pytest.mark.parametrize("name", TABLES)
def test_rows_that_are_gone_or_changed_are_noticed_by_resume_and_report(out, name):
    path = out / name
    good = path.read_bytes()
    lines = good.splitlines(keepends=True)
    middle = len(lines) // 2
    for bad in (
        good[: len(good) // 2],  # in the middle of a line
        b"".join(lines[:middle]),
        b"".join(lines[:middle] + lines[middle + 1 :]),
        b"".join(reversed(lines)) if len(lines) > 1 else b"",
        good.replace(b"a", b"b", 1),
        b"",
        None,
    ):
        if bad is None and path.parent.name == "samples":
            continue  # only a record, which may have been removed to save room
        if bad is None:
            path.unlink()
        else:
            path.write_bytes(bad)
        refuse_to_resume(out, name)
        with pytest.raises(ValueError, match=rf"{name}: "):
            print_report(out, Console(file=io.StringIO()))


def test_what_an_interrupted_iteration_has_left_is_no_damage(out, finished, tmp_path):
    """Lines after those that the checkpoint knows; these stay byte for byte as they were."""
    before = {name: (out / name).read_bytes() for name in TABLES}
    for name in TABLES[:2]:
        with (out / name).open("a") as file:
            file.write('{"iteration": 3, "origin": "policy", "tas')
    with (out / "performance.csv").open("a") as file:
        file.write("2,0.5,0.")
    (out / "samples" / "0003.jsonl").write_text('{"task": "fl')
    print_report(out, Console(file=io.StringIO()))
    resume(out, quiet(), iterations=3)
    for name, content in before.items():
        assert (out / name).read_bytes().startswith(content)
    undisturbed = tmp_path / "undisturbed"
    shutil.copytree(finished[0], undisturbed)
    resume(undisturbed, quiet(), iterations=3)
    for name in (*TABLES[1:], "samples/0003.jsonl", "checkpoint/model.safetensors"):
        assert (out / name).read_bytes() == (undisturbed / name).read_bytes()
    ours, theirs = ((run / "metrics.jsonl").read_text().split("\n") for run in (out, undisturbed))
    assert len(ours) == len(theirs) == 5


def test_a_checkpoint_on_a_larger_disk_is_replaced_there(out, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    (out / "checkpoint").rename(disk / "big")
    (out / "checkpoint").symlink_to(disk / "big")
    before = (disk / "big" / "model.safetensors").read_bytes()
    resume(out, quiet(), iterations=3)
    assert (out / "checkpoint").is_symlink()
    assert (disk / "big" / "model.safetensors").read_bytes() != before
    assert [path.name for path in disk.iterdir()] == ["big"]
    (disk / "big").rename(tmp_path / "away")
    refuse_to_resume(out, "checkpoint")
    assert (out / "checkpoint").is_symlink()


def rows_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: [],
        lambda rows: rows[1:],
        lambda rows: [rows[0], rows[2]],
        lambda rows: [rows[0], [], rows[2]],
        lambda rows: [rows[0], rows[1] | {"loss": "1.5"}, rows[2]],
        lambda rows: [rows[0], rows[1] | {"num_samples": None}, rows[2]],
        lambda rows: [rows[0], rows[1] | {"share_valid": [0.5]}, rows[2]],
        lambda rows: [rows[0], rows[1] | {"seconds": {"learn": "long"}}, rows[2]],
        lambda rows: [rows[0], rows[1] | {"speed": True}, rows[2]],
        lambda rows: [rows[0], rows[1] | {"iteration": "1"}, rows[2]],
        lambda rows: [rows[0] | {"seconds": 3}, *rows[1:]],
        lambda rows: [rows[0] | {"notes": 3}, *rows[1:]],
        lambda rows: [rows[0] | {"seen_tasks": [3]}, *rows[1:]],
        lambda rows: [*rows[:2], rows[2] | {"solved": rows[2]["solved"] | {"all": 3}}],
    ],
)
def test_metrics_of_another_form_are_one_line_of_the_report(out, change):
    """Also where no checkpoint says what they were."""
    shutil.rmtree(out / "checkpoint")
    path = out / "metrics.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in change(rows_of(path))))
    with pytest.raises(ValueError, match=r"metrics.jsonl(, line [123])?: ") as caught:
        print_report(out, Console(file=io.StringIO()))
    assert "\n" not in str(caught.value)


def what_report_says(out):
    """The error of a report; None for tables."""
    console = Console(file=io.StringIO())
    try:
        print_report(out, console)
    except ValueError as error:
        return str(error)
    assert "Tasks solved" in console.file.getvalue()
    return None


def test_a_renamed_key_of_the_metrics_is_named_by_the_report(out):
    shutil.rmtree(out / "checkpoint")
    path = out / "metrics.jsonl"
    rows = rows_of(path)
    needed = set()
    for number, row in enumerate(rows):
        for key in row:
            renamed = {f"x_{k}" if k == key else k: v for k, v in row.items()}
            lines = [json.dumps(r) for r in [*rows[:number], renamed, *rows[number + 1 :]]]
            path.write_text("\n".join(lines) + "\n")
            error = what_report_says(out)
            if error is not None:
                assert error.endswith(f'metrics.jsonl, line {number + 1}: there is no "{key}"')
                needed.add((number, key))
    assert {(0, "num_tasks"), (1, "loss"), (2, "iteration"), (1, "seconds")} <= needed


def test_a_renamed_or_damaged_key_of_the_solutions_is_named_with_its_line(out):
    shutil.rmtree(out / "checkpoint")
    path = out / "solutions.jsonl"
    first, second, *rest = rows_of(path)
    for key in second:
        for changed in (
            {f"x_{k}" if k == key else k: v for k, v in second.items()},
            second | {key: {}},
        ):
            lines = [json.dumps(row) for row in (first, changed, *rest)]
            path.write_text("\n".join(lines) + "\n")
            error = what_report_says(out)
            assert error is not None
            assert re.search(rf'solutions.jsonl, line 2: .*"(x_)?{key}"', error)
