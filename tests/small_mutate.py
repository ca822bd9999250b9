"""Mutants of a few tiny programs, for tests.

    python tests/small_mutate.py SECONDS WORDS...

is `codeit mutate WORDS...`, of which each shard takes so many seconds to be scored.
"""

import sys
import time

from small_run import write_data

from codeit.cli import main
from codeit.mutating import running

PER_SHARD = 60
NUM_PROGRAMS = 400


def words_for(folder):
    """The words of `codeit mutate` for the tasks of a small run, without --out: seven shards, and
    eight lines of the curve."""
    write_data(folder)
    return [
        *("--programs", str(folder / "programs.jsonl")),
        *("--training", str(folder / "training.json")),
        *("--tasks", str(folder / "evaluation.json")),
        *("--n", str(NUM_PROGRAMS), "--per-shard", str(PER_SHARD), "--step", "50"),
        *("--depth", "inf", "--crossover"),
    ]


def mutated(folder):
    """The directory of a small population of mutants, made in a folder."""
    assert main(["mutate", *words_for(folder), "--out", str(folder / "out")]) == 0
    return folder / "out"


def slow_down(seconds):
    plain = running.score

    def score(*arguments):
        time.sleep(seconds)
        return plain(*arguments)

    running.score = score


if __name__ == "__main__":
    from codeit.cli import main

    slow_down(float(sys.argv[1]))
    sys.exit(main(["mutate", *sys.argv[2:]]))
