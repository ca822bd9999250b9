"""Several processes that work as one."""

import dataclasses
import subprocess
import sys

import pytest

pytest.importorskip("torch")

from small_run import settings_for, without_seconds
from test_loop import check_same_run

from codeit.files.json_file import read_lines
from codeit.parallel.processes import SINGLE_PROCESS, ProcessGroup
from codeit.runs.settings import LoopSearchSettings, settings_to_toml


def test_a_share_is_every_so_many_of_all():
    processes = ProcessGroup(rank=1, size=3)
    assert processes.share([0, 1, 2, 3, 4]) == [1, 4]
    assert not processes.is_first


def test_alone_all_is_ones_own():
    assert SINGLE_PROCESS.share([1, 2]) == [1, 2]
    assert SINGLE_PROCESS.gather(iter([1, 2])) == [1, 2]
    assert SINGLE_PROCESS.is_first


def test_half_an_environment_is_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "4")
    for name in ("RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match="WORLD_SIZE is 4, and RANK, LOCAL_RANK, LOCAL_WORLD_SIZE"):
        ProcessGroup.join()


def test_a_process_that_works_for_hours_is_not_taken_for_lost(monkeypatch):
    """PyTorch waits for half an hour, or ten minutes on GPUs, where it is not told."""
    named = {}

    def init(backend, **given):
        named.update(given)
        raise InterruptedError

    monkeypatch.setattr("torch.distributed.init_process_group", init)
    for name in ("RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InterruptedError):
        ProcessGroup.join()
    assert named["timeout"].total_seconds() > 12 * 3600


def torchrun(num_processes, *words, script=None):
    """Runs codeit, or a script, in so many processes."""
    start = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(num_processes)]
    program = [str(script)] if script else ["-m", "codeit"]
    return subprocess.run(
        [sys.executable, *start, *program, *map(str, words)], capture_output=True, text=True
    )


def settings(data, **changes):
    """With micro-batches enough for two, dropout, and few steps: AdamW makes much of roundings."""
    plain = settings_for(data, **changes)
    return dataclasses.replace(
        plain,
        search=LoopSearchSettings(evaluations=300),
        model=dataclasses.replace(plain.model, dropout=0.1),
        training=dataclasses.replace(plain.training, epochs=1, micro_batch_tokens=400),
    )


def check_losses(ours, theirs):
    ours, theirs = (without_seconds(out) for out in (ours, theirs))
    assert ours[0] == theirs[0]
    assert [row["loss"] for row in ours[1:]] == pytest.approx(
        [row["loss"] for row in theirs[1:]], rel=1e-6
    )
    for one, other in zip(ours[1:], theirs[1:], strict=True):
        for name in ("num_trained", "num_target_tokens", "num_samples", "num_steps", "num_new"):
            assert one[name] == other[name]
    assert ours[-1]["solved"]["all"] == theirs[-1]["solved"]["all"]


def test_two_processes_have_the_losses_of_one(data, tmp_path):
    """And write the same: a run of two goes on as one, and the other way round."""
    config = tmp_path / "config.toml"
    config.write_text(settings_to_toml(settings(data)))
    alone, both = tmp_path / "alone", tmp_path / "both"
    done = torchrun(1, "train", "--config", config, "--out", alone)
    assert done.returncode == 0, done.stderr
    done = torchrun(2, "train", "--config", config, "--out", both, "--iterations", 1)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("iteration 1 of 1") == 1
    done = torchrun(2, "resume", both, "--iterations", 2)
    assert done.returncode == 0, done.stderr
    check_losses(both, alone)
    assert [path.name for path in sorted(both.iterdir())] == [
        path.name for path in sorted(alone.iterdir())
    ]
    ours, theirs = (read_lines(out / "samples" / "0001.jsonl") for out in (both, alone))
    assert [row["task"] for row in ours] == [row["task"] for row in theirs]
    num_equal = sum(one == other for one, other in zip(ours, theirs, strict=True))
    assert num_equal >= len(ours) - 1  # a rounding can tip a draw


def said(done):
    """The lines in which a run that failed says why."""
    assert done.returncode != 0
    return [line for line in done.stderr.splitlines() if line.startswith("codeit train: ")]


@pytest.mark.parametrize("words", [[], ["--training.batch-size", "0"]], ids=str)
def test_a_mistake_is_told_once_and_ends_all(words, tmp_path):
    """One that only the first process finds, and one that all do."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.toml").write_text("")
    (line,) = said(torchrun(2, "train", "--out", tmp_path / "run", *words))
    assert "training.batch_size is 0" in line if words else "run exists already; choose" in line


OWN = """
import os
import codeit

rank = int(os.environ["RANK"])
if {fails} and rank == 1:
    raise RuntimeError("there is no licence")

@codeit.primitive("Grid -> Grid", compiled=False, name=f"copied{{rank}}")
def copied(grid, out):
    height, width = grid.shape
    for i in range(height):
        for j in range(width):
            out[i, j] = grid[i, j]
    return height, width
"""


@pytest.mark.parametrize("fails", [True, False])
def test_primitives_that_fail_or_differ_in_one_process_end_the_run_before_it_begins(
    fails, data, tmp_path
):
    own, config, out = tmp_path / "own.py", tmp_path / "config.toml", tmp_path / "run"
    own.write_text(OWN.format(fails=fails))
    config.write_text(settings_to_toml(settings(data)))
    done = torchrun(2, "train", "--config", config, "--out", out, "--primitives", own)
    (line,) = said(done)
    what = "RuntimeError: there is no licence" if fails else "language with primitives of one's own"
    assert what in line
    assert not out.exists()


RIGHT = """
import os, signal, sys, time
from pathlib import Path
import numpy as np
from codeit import cli
from codeit.policy.policy import Policy
from codeit.runs.loop import Loop

learn = Loop._learn

def learn_or_die(self, iteration, timeline):
    if os.environ["RANK"] == "1" and iteration == 2 and sys.argv[1:3] == ["train", "--out"]:
        while (Path(sys.argv[3]) / "metrics.jsonl").read_text().count("\\n") < 2:
            time.sleep(0.05)  # until the first process has recorded the iteration before
        os.kill(os.getpid(), signal.SIGKILL)
    return learn(self, iteration, timeline)

def sample_ids(self, tasks, seed, on_progress, processes):
    programs = {"flip": "O = vmirror(I)", "turn": "O = rot90(I)"}
    for number in processes.share(range(len(tasks))):
        text = programs.get(tasks[number].task_id[:-1], "O = dmirror(I)")
        yield number, np.array([[*self.tokenizer.encode_program(text), self.tokenizer.end_id]])

Loop._learn = learn_or_die
Policy.sample_ids = sample_ids
sys.exit(cli.main(sys.argv[1:]))
"""


def test_a_process_that_dies_ends_the_run_with_one_line_and_the_run_goes_on(data, tmp_path):
    """The second process kills itself in the second iteration. What the policy writes is right for
    half of the tasks, and the same in both iterations: in the second one it is new to no process.
    In the end all is as in a run that nothing has disturbed."""
    script, config, out = tmp_path / "run.py", tmp_path / "config.toml", tmp_path / "run"
    script.write_text(RIGHT)
    config.write_text(settings_to_toml(settings(data)))
    done = torchrun(2, "train", "--out", out, "--config", config, script=script)
    assert done.returncode != 0
    said = " ".join(done.stdout.split())
    assert "process 1 of this run has ended, in iteration 2" in said
    assert f"`codeit resume {out}` does it again and goes on" in said
    assert read_lines(out / "metrics.jsonl")[-1]["iteration"] == 1
    done = torchrun(2, "resume", out, script=script)
    assert done.returncode == 0, done.stderr
    assert read_lines(out / "metrics.jsonl")[-1]["iteration"] == 2
    undisturbed = tmp_path / "undisturbed"
    done = torchrun(2, "train", "--config", config, "--out", undisturbed, script=script)
    assert done.returncode == 0, done.stderr
    check_same_run(out, undisturbed)
    by_policy = [row for row in read_lines(out / "solutions.jsonl") if row["origin"] == "policy"]
    assert {row["iteration"] for row in by_policy} == {1}
    assert {row["task_id"] for row in by_policy} >= {"flip1", "flip2", "turn1", "turn2"}


SAY = """
import os
from codeit.parallel.processes import ProcessGroup

processes = ProcessGroup.join()

def say(*words):  # in one piece: the processes share their output
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

"""


def test_what_only_one_process_makes_is_made_once(tmp_path):
    script = tmp_path / "once.py"
    script.write_text(
        SAY + "def make():\n"
        "    say('made')\n"
        "    return [processes.rank, 7]\n"
        "say(processes.once(make))\n"
    )
    done = torchrun(2, script=script)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.split("\n")) == ["", "[0, 7]", "[0, 7]", "made"]


def test_where_the_first_process_cannot_make_it_all_say_so_and_none_waits(tmp_path):
    script = tmp_path / "once.py"
    script.write_text(
        SAY + "def make():\n"
        "    raise ValueError('it cannot be made')\n"
        "try:\n"
        "    processes.once(make)\n"
        "except ValueError as error:\n"
        "    say(processes.rank, error)\n"
        "except SystemExit:\n"
        "    say(processes.rank, 'ends')\n"
    )
    done = torchrun(2, script=script)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.split("\n")) == ["", "0 it cannot be made", "1 ends"]


def test_a_program_that_one_process_has_tried_on_all_tasks_is_tried_by_no_other_later(
    data, tmp_path
):
    """Both write the second program in the first iteration, each writes the other's in the next."""
    script = tmp_path / "tries.py"
    script.write_text(
        SAY + "import sys\n"
        "from codeit import Limits, Program\n"
        "from codeit.runs import harvest\n"
        "from codeit.tasks.datasets import load\n"
        "execute = harvest.execute\n"
        "def counted(programs, *rest):\n"
        "    say(processes.rank, 'tries', *[program.text for program in programs])\n"
        "    return execute(programs, *rest)\n"
        "harvest.execute = counted\n"
        "names = ('vmirror', 'rot90', 'dmirror')\n"
        "programs = [Program.parse(f'O = {name}(I)') for name in names]\n"
        "elsewhere = harvest.Elsewhere(load(sys.argv[1]), Limits())\n"
        "elsewhere.hits(programs[processes.rank:][:2])\n"
        "elsewhere.share(processes)\n"
        "say(processes.rank, 'hits', *elsewhere.hits(programs))\n"
        "elsewhere.share(processes)\n"
    )
    done = torchrun(2, data / "evaluation.json", script=script)
    assert done.returncode == 0, done.stderr
    hits = "hits (0, 4) (1, 5) ()"
    assert sorted(done.stdout.splitlines()) == [
        f"0 {hits}",
        "0 tries O = vmirror(I) O = rot90(I)",
        f"1 {hits}",
        "1 tries O = rot90(I) O = dmirror(I)",
    ]


def test_where_the_first_process_dies_another_one_says_so(data, tmp_path):
    script, config, out = tmp_path / "run.py", tmp_path / "config.toml", tmp_path / "run"
    script.write_text(
        "import os, signal, sys\n"
        "from codeit import cli\n"
        "from codeit.runs.loop import Loop\n"
        "def die(*_):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "if os.environ['RANK'] == '0':\n"
        "    Loop._learn = die\n"
        "sys.exit(cli.main(sys.argv[1:]))\n"
    )
    config.write_text(settings_to_toml(settings(data)))
    done = torchrun(3, "train", "--config", config, "--out", out, script=script)
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if line.startswith("codeit")]
    assert lines == [
        "codeit: process 0 of this run has ended, in iteration 1; `codeit resume` does it again "
        "and goes on"
    ]


def test_what_one_process_cannot_make_or_has_otherwise_ends_all(tmp_path):
    """An error that cannot be sent to another process goes as one that says the same."""
    script = tmp_path / "failing.py"
    script.write_text(
        SAY + "from codeit.parallel import processes as room\n"
        "room.SECONDS_FOR_A_WORD = 0\n"
        "class Unsendable(Exception):\n"
        "    def __init__(self, number, reason):\n"
        "        super().__init__(f'{number}: {reason}')\n"
        "def make(error):\n"
        "    yield 1\n"
        "    if processes.rank == 1:\n"
        "        raise error\n"
        "def ends(work):\n"
        "    try:\n"
        "        say(processes.rank, work())\n"
        "    except (ValueError, RuntimeError) as error:\n"
        "        say(processes.rank, error)\n"
        "    except SystemExit:\n"
        "        say(processes.rank, 'ends')\n"
        "ends(lambda: processes.gather(make(ValueError('it cannot be made'))))\n"
        "ends(lambda: processes.gather(make(Unsendable(7, 'nor this'))))\n"
        "ends(lambda: processes.check_same({'seed': 3, 'rank': processes.rank}))\n"
        "ends(lambda: processes.check_same({'seed': 3}))\n"
    )
    done = torchrun(2, script=script)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line for line in lines if line.startswith("0")] == [
        "0 it cannot be made",
        "0 Unsendable: 7: nor this",
        "0 rank is 0 in process 0 of this run and 1 in process 1; all need the same",
        "0 None",
    ]
    assert [line for line in lines if line.startswith("1")] == ["1 ends"] * 3 + ["1 None"]
