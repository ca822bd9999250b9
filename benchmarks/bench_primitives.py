"""Which primitives take the time of real programs, and what does a cell of the input cost them?

The question: of all the time that the programs of a corpus take on the demonstrations of their own
tasks, hot, how much does each primitive take; what does a call cost, and a cell of the program's
input? The time of a line is what the program takes up to it less what it takes up to the line
before; the least of some repeats. Work that a value puts off, such as the order of a set, counts
for the line that asks for it; functions that a line applies count for that line. For comparison
stands below them what a program of the one line `hmirror(I)` takes on the same grids: to read and
write every cell once, and all that any run costs. Two runs of a program must agree in outcome and
fuel before its time counts.

Every program counts the same, as it does for the geometric mean in bench_vm.py. The last line is
JSON.

    python benchmarks/bench_primitives.py [--programs FILE] [--top 20] [--repeats 5]
"""

import math
from collections import defaultdict

import numpy as np
from bench_vm import load
from harness import Parser, Report, cpu_time_of, existing_file, machine, whole_number

from codeit import Program, execute_groups
from codeit.language import PRIMITIVES

LEAST_SECONDS = 0.001  # a prefix is run so often in a row that one timing lasts this long


def prefixes(program):
    """The program's first line, its first two lines, and so on; each returns its last line."""
    lines = program.text.split("\n")
    for count in range(1, len(lines) + 1):
        _, call = lines[count - 1].split(" = ")
        yield (
            call.split("(")[0],
            Program.parse("\n".join([*lines[: count - 1], f"O = {call}"]), program.dialect),
        )


def seconds_of(program, grids, repeats):
    """The least time of one run of the program on each grid, without what a batch costs."""
    once, first = cpu_time_of(lambda: execute_groups([([program], grids)], threads=1))
    count = max(64, math.ceil(LEAST_SECONDS / max(once, 1e-7)))
    group = [([program] * count, grids)]
    empty, full = [], []
    for _ in range(repeats):
        empty.append(cpu_time_of(lambda: execute_groups([([], grids)], threads=1))[0])
        taken, results = cpu_time_of(lambda: execute_groups(group, threads=1, share=False))
        full.append(taken)
    assert np.array_equal(results[0].outcome[-1], first[0].outcome[0])
    assert np.array_equal(results[0].fuel[-1], first[0].fuel[0])
    return max(min(full) - min(empty), 0.0) / count / len(grids)


def main():
    parser = Parser(__doc__)
    parser.add_argument(
        "--programs", type=existing_file, help="a corpus; that of the package if omitted"
    )
    parser.add_argument(
        "--top", type=whole_number(1), default=20, help="how many primitives to print"
    )
    parser.add_repeats(5)
    arguments = parser.parse_args()
    with parser.checking():
        seeds, tasks = load(arguments.programs, "codeit")
    print(f"{machine()}; {len(seeds)} programs")

    share = defaultdict(float)  # of programs' time, summed over programs
    calls = defaultdict(list)  # (seconds, cells) of each line
    floor = Program.parse("O = hmirror(I)")
    name_of_floor = "(hmirror alone)"
    for seed in seeds:
        grids = [d.input for d in tasks[seed.task_id].demonstrations]
        cells = sum(grid.size for grid in grids) / len(grids)
        calls[name_of_floor].append((seconds_of(floor, grids, arguments.repeats), cells))
        before = 0.0
        lines = []
        for name, prefix in prefixes(seed.program):
            after = max(before, seconds_of(prefix, grids, arguments.repeats))
            lines.append((name if name in PRIMITIVES else "(a closure)", after - before))
            before = after
        for name, seconds in lines:
            share[name] += seconds / max(before, 1e-12) / len(seeds)
            calls[name].append((seconds, cells))

    report = Report(
        heading=f"{'primitive':16}{'of all time':>12}{'lines':>7}{'ns a call':>11}{'ns a cell':>11}"
    )
    dearest = sorted(share, key=share.get, reverse=True)[: arguments.top]
    for name in [*dearest, name_of_floor]:
        seconds, cells = np.array(calls[name]).T
        per_call, per_cell = np.median(seconds) * 1e9, np.median(seconds / cells) * 1e9
        if per_call <= 0:  # most lines took no longer than the line before them
            print(f"{name:16}{share[name]:>12.1%}{len(seconds):>7}  not measurable")
            report.figures[name] = None
            continue
        print(f"{name:16}{share[name]:>12.1%}{len(seconds):>7}{per_call:>11.0f}{per_cell:>11.2f}")
        report.figures[name] = {
            "share": share[name],
            "lines": len(seconds),
            "ns_per_call": per_call,
            "ns_per_cell": per_cell,
        }
    report.print_record("primitives", {"numpy": np.__version__}, vars(arguments))


if __name__ == "__main__":
    main()
