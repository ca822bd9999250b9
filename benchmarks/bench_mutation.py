"""How fast are mutants made, and how fast do they run on all tasks?

The question: on one core, how many distinct valid mutants of a corpus are made in a second, each of
which has run on the demonstrations of its parent's task; and how many executions a second does it
take to learn which of them reproduce the first demonstration of which of the 400 evaluation tasks?
One execution is one program on one grid. Beside it stand the ordinary batches (`execute`), and the
code of the paper where a checkout of it is given (`--original DIR`), on some of the same programs
and grids in the same run. The hits of some mutants are compared with those of ordinary runs before
any time counts, and the outputs of the original's code with ours.

Recorded of that code on one core: 34 mutants a second of the processor where it does not draw its
slowest parent, 6.3 where it does; 606 executions a second by its default thread pool, 1,107 by
signals.

    python benchmarks/bench_mutation.py [--programs FILE] [--mutants 9600] [--original DIR]
    python benchmarks/bench_mutation.py --programs FILE --mutants 1000000 --making
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from harness import (
    LEAST_REPEATS,
    Parser,
    Report,
    cpu_time_of,
    existing_file,
    folder_with,
    machine,
    ratio,
    time_of,
    whole_number,
)

from codeit import execute_groups
from codeit._native import mutation
from codeit.execution.executor import num_usable_cores
from codeit.language.corpus import PACKAGED
from codeit.mutating.mutants import Mutants, MutantSource
from codeit.mutating.plan import make_plan
from codeit.mutating.settings import MutatingSettings

NUM_COMPARED = 100  # mutants, on all tasks
NUM_OF_ORIGINAL = 10  # mutants that its code runs
TASKS_OF_ORIGINAL = 40
SEED = 17

# Runs in an interpreter of its own, as both packages have one name.
ORIGINAL = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
from codeit.policy.environment import execute_candidate_program
work = json.load(sys.stdin)
grids = [tuple(map(tuple, grid)) for grid in work["grids"]]
report = {}
for name, by_signal in (("thread pool", False), ("signals", True)):
    outputs = []
    start = time.process_time()
    for program in work["programs"]:
        for grid in grids:
            value = execute_candidate_program(program, grid, sig_alarm=by_signal)
            outputs.append(value)
    seconds = time.process_time() - start
    report[name] = [seconds, [None if isinstance(v, str) else repr(v) for v in outputs]]
sys.stdout = sys.__stdout__
print(json.dumps(report))
"""


def make_all(source, settings):
    """In shards, as `codeit mutate` does."""
    shards, left = [], settings.num_programs
    while left and (not shards or len(shards[-1])):
        shards.append(source.make(min(settings.per_shard, left)))
        left -= len(shards[-1])
    return Mutants(
        [program for shard in shards for program in shard.programs],
        *(
            np.concatenate([getattr(shard, name) for shard in shards])
            for name in ("roots", "depths", "valid")
        ),
    )


def bench_making(report, work, settings, repeats):
    """Mutants of a corpus, anew each time; those of the last one."""
    seconds = []
    mutants = None
    for _ in range(repeats):
        del mutants  # a million take a GB
        source = MutantSource(work.parents, settings, 1)
        taken, mutants = cpu_time_of(lambda source=source: make_all(source, settings))
        seconds.append(taken)
    report.add("mutants, distinct and valid", seconds, items=len(mutants))
    report.add_share("draws that repeat a mutant", 1 - len(mutants) / int(mutants.valid[-1]))
    return mutants


def matched(families, pairs, limits, threads):
    """The hits of all members, as pairs of numbers."""
    inputs, outputs = [pair.input for pair in pairs], [pair.output for pair in pairs]
    found = families.match(inputs, outputs, limits._native(), threads)
    return list(zip(*(numbers.tolist() for numbers in found), strict=True))


def ordinary(programs, pairs, limits):
    """The same by ordinary runs."""
    runs = execute_groups([(programs, [pair.input]) for pair in pairs], 1, limits)
    return [
        (p, t)
        for t, (pair, results) in enumerate(zip(pairs, runs, strict=True))
        for p in np.flatnonzero(results.match([pair.output])[:, 0]).tolist()
    ]


def bench_matching(report, work, mutants, limits, repeats):
    """All mutants on the first demonstrations; and some of them by ordinary runs."""
    pairs = [task.demonstrations[0] for task in work.tasks]
    bases = [program for _, program in work.parents]
    some = mutants.programs[:NUM_COMPARED]
    few = mutation.Families(bases, some, mutants.roots[: len(some)], 1)
    seconds = []
    for _ in range(repeats):
        taken, expected = cpu_time_of(lambda: ordinary(some, pairs, limits))
        seconds.append(taken)
        assert matched(few, pairs, limits, 1) == expected
    of_batches = len(some) * len(pairs) / float(np.median(seconds))
    num_runs = len(mutants) * len(pairs)
    found, ours, of_clock = {}, [], {}
    for threads in sorted({1, num_usable_cores()}):
        for _ in range(repeats):
            wall, (taken, hits) = time_of(
                lambda threads=threads: cpu_time_of(
                    lambda: matched(
                        mutation.Families(bases, mutants.programs, mutants.roots, threads),
                        pairs,
                        limits,
                        threads,
                    )
                )
            )
            assert found.setdefault("hits", hits) == hits
            of_clock.setdefault(threads, []).append(wall)
            if threads == 1:
                ours.append(taken)
    report.add("executions of mutants on all tasks", ours, items=num_runs)
    report.add("some of them by ordinary batches", seconds, items=len(some) * len(pairs))
    report.add_ratio("gain over ordinary batches", num_runs / float(np.median(ours)) / of_batches)
    if len(of_clock) > 1:
        first, last = (float(np.median(of_clock[threads])) for threads in sorted(of_clock))
        report.add_ratio("executions, all threads to one", ratio(first, last))
    return num_runs / float(np.median(ours))


def bench_original(report, folder, work, mutants, limits, rate):
    """The code of the paper on some mutants and grids."""
    programs = mutants.programs[:NUM_OF_ORIGINAL]
    grids = [task.demonstrations[0].input for task in work.tasks[:TASKS_OF_ORIGINAL]]
    asked = {"programs": [p.text for p in programs], "grids": [g.tolist() for g in grids]}
    # Where a folder above has its name, the original's package does not find its own files.
    with tempfile.TemporaryDirectory(prefix="original-") as copy:
        shutil.copytree(Path(folder) / "codeit", Path(copy) / "codeit")
        done = subprocess.run(
            [sys.executable, "-c", ORIGINAL, copy],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
        )
    if done.returncode != 0:
        raise RuntimeError(f"the original's code ends with: {done.stderr.strip().splitlines()[-1]}")
    results = execute_groups([(programs, grids)], 1, limits)[0]
    expected = [
        None if results.grid(p, i) is None else repr(tuple(map(tuple, results.grid(p, i).tolist())))
        for p in range(len(programs))
        for i in range(len(grids))
    ]
    for name, (seconds, outputs) in json.loads(done.stdout.splitlines()[-1]).items():
        # It drops long values and stops slow lines; and what is no grid to us may be one there.
        both = [(a, b) for a, b in zip(outputs, expected, strict=True) if None not in (a, b)]
        same = sum(a.replace("True", "1").replace("False", "0") == b for a, b in both)
        assert same >= 0.99 * len(both), (name, same, len(both))
        report.add(f"the original's code, {name}", [seconds], items=len(expected), is_once=True)
        report.add_ratio(f"gain over the original's {name}", rate * seconds / len(expected))


def main():
    parser = Parser(__doc__)
    parser.add_argument(
        "--programs", type=existing_file, help="a corpus; that of the package if omitted"
    )
    parser.add_argument("--tasks", default="arc1-evaluation", help="on which mutants run")
    parser.add_argument("--mutants", type=whole_number(1), default=9600)
    parser.add_argument(
        "--making", action="store_true", help="how fast they are made, and nothing else"
    )
    parser.add_argument("--depth", choices=("1", "inf"), default="1")
    parser.add_argument(
        "--original",
        type=folder_with(Path("codeit", "policy", "environment.py")),
        help="a checkout of the code of the paper",
    )
    parser.add_repeats(LEAST_REPEATS)
    arguments = parser.parse_args()
    settings = MutatingSettings(num_programs=arguments.mutants, depth=arguments.depth, seed=SEED)
    with parser.checking():
        work, _ = make_plan(
            arguments.tasks,
            None,
            "arc1-training",
            arguments.programs or PACKAGED,
            "codeit",
            settings,
            1,
        )
    print(f"{machine()}; {len(work.parents)} seed programs, {len(work.tasks)} tasks")
    report = Report()
    mutants = bench_making(report, work, settings, arguments.repeats)
    if not arguments.making:
        rate = bench_matching(report, work, mutants, settings.limits, arguments.repeats)
    if arguments.original and not arguments.making:
        bench_original(report, arguments.original, work, mutants, settings.limits, rate)
    report.print_record("mutation", {"numpy": np.__version__}, vars(arguments))


if __name__ == "__main__":
    main()
