"""A search of a few tiny tasks, for tests.

    python tests/small_search.py SECONDS WORDS...

is `codeit search WORDS...`, whose tasks take so many seconds each.
"""

import json
import sys
import time
from functools import partial

import commands
import numpy as np
from small_run import PROGRAMS, grids, pair, write_data

from codeit.cli import main
from codeit.searching import engine

files = partial(commands.files, left_out={"times.jsonl"})
"""The files that follow from what was asked, with their bytes."""


def write_tasks(folder):
    """The tasks and programs of a small run, and tasks of other kinds.

    Of the eight tasks of the run, all are solved by the programs; of `wrong` they reproduce the
    demonstrations and miss the test; of `some` one reproduces a part of the demonstrations; of
    `none` they reproduce nothing; `hidden` hides the output of its test, `half` of one of two.
    """
    write_data(folder)
    path = folder / "evaluation.json"
    tasks = json.loads(path.read_text())
    flips = [pair(grid, PROGRAMS["flip"]) for grid in grids(6, 50)]
    noise = [{"input": a, "output": b} for a, b in zip(grids(5, 60), grids(5, 70), strict=True)]
    no_output = {"input": grids(1, 80)[0]}
    tasks["wrong"] = {"train": flips[:3], "test": [noise[0]]}
    tasks["some"] = {"train": [flips[0], noise[1], noise[2]], "test": [noise[3]]}
    tasks["none"] = {"train": noise[:3], "test": [noise[4]]}
    tasks["hidden"] = {"train": flips[:2], "test": [no_output]}
    tasks["half"] = {"train": flips[1:3], "test": [flips[3], no_output]}
    path.write_text(json.dumps(tasks))
    return path, folder / "programs.jsonl"


def searched(folder):
    """The directory of a small search, made in a folder."""
    tasks, programs = write_tasks(folder)
    words = ["search", "--tasks", tasks, "--programs", programs, "--evaluations", 2000]
    assert main([*map(str, words), "--out", str(folder / "out")]) == 0
    return folder / "out"


def slow_down(seconds, at_random=True):
    """Let the search of a task take longer."""
    plain = engine.search_task
    random = np.random.default_rng(time.time_ns())

    def search_task(*arguments):
        time.sleep(seconds * (2 * random.random() if at_random else 1))
        return plain(*arguments)

    engine.search_task = search_task


if __name__ == "__main__":
    from codeit.cli import main

    slow_down(float(sys.argv[1]))
    sys.exit(main(["search", *sys.argv[2:]]))
