"""How fast does the virtual machine run programs, beside plain Python?

The question: on one core, how many times as fast as CPython running the same primitives as plain
functions are the programs of a corpus on the demonstrations of their own tasks; and how many runs a
second does a batch make, from Python, hot (the same program again) and cold (each program once in a
sweep), of those programs and of their mutants; and by how much does it help that mutants of one
program share the lines that they begin with? Every output of a program of the corpus is compared
with the task's before its time counts; a mutant's only with that of another run, by another number
of threads.

Plain Python needs the original functions: `--arc-dsl DIR` names a checkout of arc-dsl. They run as
precompiled functions in the arc-dsl dialect, and so does the machine then. Without them only the
machine is measured. Where the shared data is (CODEIT_SHARED), its recorded mutants are measured,
too. Times are medians of some repeats, on one thread those of the processor; a ratio of threads is
one of the clock. The last line is JSON.

    python benchmarks/bench_vm.py [--programs FILE] [--arc-dsl DIR] [--repeats 5]
"""

import gzip
import json
import math
import os
import statistics
from pathlib import Path

import numpy as np
from harness import (
    Parser,
    Report,
    cpu_time_of,
    difference,
    existing_file,
    folder_with,
    is_measured,
    machine,
    ratio,
    time_of,
)

from codeit import Limits, Program, ProgramError, execute, execute_groups
from codeit.benching.plain_python import as_tuples, compiled_functions
from codeit.execution import executor
from codeit.language import load_seed_programs
from codeit.mutation import MutationSettings, mutate
from codeit.tasks import datasets
from codeit.terminal import visible

LEAST_SECONDS = 0.002  # A program is run so often in a row that one timing lasts this long.
NUM_MUTANTS = 5000
NUM_IDLE = 10_000  # runs of a program that does nothing
TRIES = 3  # at a time that is not above what a batch costs
MUTANT_LIMITS = Limits(fuel=500_000)  # a few mutants would run for as long as all others together
FAMILY = 24  # mutants of one parent, as many as samples of one task
SEED = 17


def seconds_per_sweep(work, repeats):
    """The median time of one call, each timing over enough calls in a row."""
    first, _ = cpu_time_of(work)
    count = max(1, math.ceil(LEAST_SECONDS / max(first, 1e-7)))

    def many():
        for _ in range(count):
            work()

    return statistics.median(cpu_time_of(many)[0] for _ in range(repeats)) / count


def hot_times(programs, inputs, repeats):
    """Seconds of one run of each program over its inputs, without what a batch costs; None where
    the two were not apart.

    A batch holds the program so many times that its fixed cost, which is taken off, is small.
    """
    times = []
    for program, grids in zip(programs, inputs, strict=True):

        def taken(count, program=program, grids=grids):
            group = [([program] * count, grids)]
            return cpu_time_of(lambda: execute_groups(group, threads=1, share=False))[0]

        count = 1
        while min(taken(count) for _ in range(3)) < LEAST_SECONDS:
            count *= 4
        for _ in range(TRIES):
            empty = [taken(0) for _ in range(repeats)]
            seconds = difference([taken(count) for _ in range(repeats)], empty)
            if seconds is not None:
                break
        times.append(None if seconds is None else seconds / count)
    return times


def total(times):
    """Their sum, or None where one of them could not be measured."""
    return sum(times) if all(map(is_measured, times)) else None


def own_mutants(parents):
    """Groups of mutants of the programs, each with the demonstrations of its parent's task."""
    settings = MutationSettings(num_tasks=NUM_MUTANTS)
    mutants = mutate(parents, settings, SEED, MUTANT_LIMITS)
    return [([m.program], [d.input for d in m.parent.demonstrations]) for m in mutants]


def own_families(parents):
    """Mutants of each parent on its first input, as many as an iteration samples for a task."""
    settings = MutationSettings(num_tasks=FAMILY)
    for parent in parents:
        mutants = mutate([parent], settings, SEED, MUTANT_LIMITS)
        yield [mutant.program for mutant in mutants], [parent[0].demonstrations[0].input]


def bench_sharing(report, title, families, repeats):
    """Families of mutants on one input: sharing the lines that they begin with, and not."""
    together = list(families)
    num_runs = sum(len(programs) for programs, _ in together)
    seconds = {"together": [], "apart": []}
    for _ in range(repeats):
        taken, shared = cpu_time_of(lambda: execute_groups(together, 1, MUTANT_LIMITS))
        seconds["together"].append(taken)
        taken, alone = cpu_time_of(lambda: execute_groups(together, 1, MUTANT_LIMITS, share=False))
        seconds["apart"].append(taken)
    for name in ("outcome", "fuel", "height", "width"):
        of_all = [np.concatenate([getattr(r, name).ravel() for r in rs]) for rs in (shared, alone)]
        assert np.array_equal(*of_all)
    for name, taken in seconds.items():
        report.add(f"{title}, {name}", taken, items=num_runs)
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    report.add_ratio(f"{title}, gain by sharing", ratio(medians["apart"], medians["together"]))


def recorded_mutants():
    """The mutants of the shared data with their inputs, as (parent, program, grids); None where it
    is not."""
    folder = Path(os.environ.get("CODEIT_SHARED", "../shared")) / "data"
    if not (folder / "golden_mutants.jsonl.gz").is_file():
        print(f"the shared data is not at {folder} (CODEIT_SHARED): no recorded mutants")
        return None
    with gzip.open(folder / "golden_grids.json.gz", "rt") as file:
        grids = [np.array(grid, np.uint8) for grid in json.load(file)]
    mutants = []
    with gzip.open(folder / "golden_mutants.jsonl.gz", "rt") as file:
        for row in map(json.loads, file):
            try:
                program = Program.parse(row["program"], row["dialect"])
            except ProgramError:  # the original's checker refuses it as well
                continue
            parent = (row["parent"], row["dialect"])
            mutants.append((parent, program, [grids[k] for k in row["inputs"]]))
    return mutants


def recorded_families(mutants):
    """Those of each parent on one input of the first of them."""
    families = {}
    for parent, program, grids in mutants:
        programs, _ = families.setdefault(parent, ([], grids[:1]))
        programs.append(program)
    return families.values()


def bench_sweeps(report, name, groups, limits, repeats):
    """Each program once on each of its inputs, by one thread and by all."""
    num_runs = sum(len(programs) * len(grids) for programs, grids in groups)
    first = None
    medians = []
    for threads in sorted({1, executor.num_usable_cores()}):
        seconds, of_clock = [], []
        for _ in range(repeats):
            taken, (of_processor, results) = time_of(
                lambda t=threads: cpu_time_of(lambda: execute_groups(groups, t, limits))
            )
            of_clock.append(taken)
            seconds.append(of_processor if threads == 1 else taken)
        outcomes = np.concatenate([r.outcome.ravel() for r in results])
        fuel = np.concatenate([r.fuel.ravel() for r in results])
        if first is None:
            first = (outcomes, fuel)
        assert np.array_equal(first[0], outcomes)
        assert np.array_equal(first[1], fuel)
        report.add(f"{name}, {threads} thread{'s' * (threads > 1)}", seconds, items=num_runs)
        medians.append(statistics.median(of_clock))
    if len(medians) > 1:
        report.add_ratio(f"{name}, all threads to one", ratio(medians[0], medians[-1]))


def bench_overhead(report, seeds, repeats):
    """What is not running: parsing a text, and an execution in a batch that does nothing."""
    texts = [seed.program.text for seed in seeds]
    dialect = seeds[0].program.dialect
    seconds = [
        cpu_time_of(lambda: [Program.parse(t, dialect) for t in texts])[0] for _ in range(repeats)
    ]
    report.add("parse, from Python", seconds, items=len(texts))
    nothing = Program.parse("O = identity(I)")
    grid = np.zeros((3, 3), np.uint8)
    idle = [nothing] * NUM_IDLE
    seconds = [cpu_time_of(lambda: execute(idle, [grid], 1))[0] for _ in range(repeats)]
    report.add("a program of one line that does nothing", seconds, items=NUM_IDLE)


def load(programs, dialect):
    """The seed programs of a file, and the tasks that they are for.

    Raises:
        ValueError, OSError: the file cannot be read, or a program is for no task of ARC-AGI-1.
    """
    tasks = {task.task_id: task for task in datasets.load("arc1-training")}
    seeds = load_seed_programs(programs, dialect)
    unknown = [seed.task_id for seed in seeds if seed.task_id not in tasks]
    if unknown:
        raise ValueError(f"{programs}: {unknown[0]!r} is no training task of ARC-AGI-1")
    return seeds, tasks


def compare(report, theirs, ours, names):
    """How many times as fast as plain Python the programs are, one by one and together."""
    ratios = [ratio(*pair) for pair in zip(theirs, ours, strict=True)]
    is_whole = all(map(is_measured, ratios))
    mean = math.exp(np.mean(np.log(ratios))) if is_whole else None
    report.add_ratio("geometric mean over programs", mean)
    report.add_ratio("total time", ratio(total(theirs), total(ours)))
    longest = max(range(len(theirs)), key=lambda k: theirs[k])
    rest = [total(some[:longest] + some[longest + 1 :]) for some in (theirs, ours)]
    report.add_ratio(f"total time without {visible(names[longest])}", ratio(*rest))
    report.add_ratio("the program that gains least", min(ratios) if is_whole else None)


def main():
    parser = Parser(__doc__)
    parser.add_argument(
        "--programs", type=existing_file, help="a corpus; that of the package if omitted"
    )
    parser.add_argument(
        "--arc-dsl",
        type=folder_with("dsl.py", "constants.py"),
        help="a folder with the original dsl.py and constants.py",
    )
    parser.add_repeats(5)
    arguments = parser.parse_args()
    dialect = "arc-dsl" if arguments.arc_dsl else "codeit"
    with parser.checking():
        seeds, tasks = load(arguments.programs, dialect)
    pairs = [tasks[seed.task_id].demonstrations for seed in seeds]
    groups = [([seed.program], [d.input for d in p]) for seed, p in zip(seeds, pairs, strict=True)]

    runs = execute_groups(groups, threads=1)
    is_right = [r.match([d.output for d in p]).all() for r, p in zip(runs, pairs, strict=True)]
    chosen = np.flatnonzero(is_right).tolist()
    if not chosen:
        parser.error(f"{arguments.programs}: no program is right on the demonstrations of its task")
    num_runs = sum(len(groups[k][1]) for k in chosen)
    print(f"{machine()}; {len(chosen)} of {len(seeds)} programs are right, {num_runs} runs a sweep")

    report = Report()
    groups = [groups[k] for k in chosen]
    inputs = [grids for _, grids in groups]
    programs = [programs[0] for programs, _ in groups]
    bench_sweeps(report, "each program once, cold", groups, None, arguments.repeats)
    parents = [(tasks[seeds[k].task_id], seeds[k].program) for k in chosen]
    mutants = own_mutants(parents)
    bench_sweeps(report, "mutants, cold", mutants, MUTANT_LIMITS, arguments.repeats)
    recorded = recorded_mutants()
    if recorded is not None:
        alone = [([program], grids) for _, program, grids in recorded]
        bench_sweeps(report, "recorded mutants, cold", alone, MUTANT_LIMITS, arguments.repeats)
        families = recorded_families(recorded)
        bench_sharing(report, "recorded families", families, arguments.repeats)
    families = own_families(parents)
    bench_sharing(report, f"families of {FAMILY}", families, arguments.repeats)
    bench_overhead(report, seeds, arguments.repeats)
    ours = hot_times(programs, inputs, arguments.repeats)
    report.add("each program, hot, 1 thread", [total(ours)], items=num_runs, is_once=True)

    if arguments.arc_dsl:
        functions = compiled_functions([seeds[k].program for k in chosen], Path(arguments.arc_dsl))
        theirs = []
        for k, function in zip(chosen, functions, strict=True):
            grids = [as_tuples(d.input) for d in pairs[k]]
            outputs = [function(grid) for grid in grids]
            assert outputs == [as_tuples(d.output) for d in pairs[k]], seeds[k].task_id
            theirs.append(
                seconds_per_sweep(lambda f=function, g=grids: list(map(f, g)), arguments.repeats)
            )
        report.add("each program, plain Python", [total(theirs)], items=num_runs, is_once=True)
        compare(report, theirs, ours, [seeds[k].task_id for k in chosen])
    report.print_record("vm", {"numpy": np.__version__}, vars(arguments))


if __name__ == "__main__":
    main()
