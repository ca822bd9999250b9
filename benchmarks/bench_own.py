"""How fast is a primitive of one's own, beside the built-in one that does the same?

The question: for some functions, in Python as one would write them, by Numba: how long does a call
take, beside the same loop in C, by the system's compiler and over the same interface; beside the
built-in primitive, whose body was written with care for the processor; and how long where Python
runs the function? Each runs as a program of one
line on inputs of the ARC-AGI-1 training tasks; the time of a program that does nothing is taken
off. All outputs are compared with those of the built-in primitive before the time counts. On one
thread, by the processor's time; the median of repeats in turns. The last line is JSON.

    python benchmarks/bench_own.py [--grids 300] [--repeats 7]
"""

import ctypes
import shutil
import statistics
import subprocess
import tempfile
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
from harness import Parser, Report, cpu_time_of, is_measured, ratio, whole_number

import codeit
from codeit import Limits, Outcome, Program, execute_groups
from codeit._native.foreign import ForeignFunction
from codeit.language import NewPrimitive, add_own, own_primitives, remove_own
from codeit.tasks import datasets

SWEEPS = 40  # in one timing, so that it lasts
SLOW_SWEEPS = 1  # where Python runs the function
LIMITS = Limits(max_bytes=16 << 20)


def hmirror(grid, out):
    height, width = grid.shape
    for i in range(height):
        for j in range(width):
            out[i, j] = grid[height - 1 - i, j]
    return height, width


def vmirror(grid, out):
    height, width = grid.shape
    for i in range(height):
        for j in range(width):
            out[i, j] = grid[i, width - 1 - j]
    return height, width


def upscale(grid, factor, out):
    height, width = grid.shape
    for i in range(height):
        for a in range(factor):
            for j in range(width):
                for b in range(factor):
                    out[i * factor + a, j * factor + b] = grid[i, j]
    return height * factor, width * factor


def replace(grid, replacee, replacer, out):
    height, width = grid.shape
    for i in range(height):
        for j in range(width):
            out[i, j] = replacer if grid[i, j] == replacee else grid[i, j]
    return height, width


def colorcount(grid, color):
    height, width = grid.shape
    count = 0
    for i in range(height):
        for j in range(width):
            count += grid[i, j] == color
    return count


def ofcolor(grid, color, out):
    height, width = grid.shape
    count = 0
    for i in range(height):
        for j in range(width):
            if grid[i, j] == color:
                out[count, 0] = i
                out[count, 1] = j
                count += 1
    return count


CASES = [
    ("Grid -> Grid", hmirror, "{}(I)", {}),
    ("Grid -> Grid", vmirror, "{}(I)", {}),
    ("Grid, Integer -> Grid", upscale, "{}(I, TWO)", {"max_sides": (60, 60)}),
    ("Grid, Integer, Integer -> Grid", replace, "{}(I, ZERO, FIVE)", {}),
    ("Grid, Integer -> Integer", colorcount, "{}(I, ZERO)", {}),
    ("Grid, Integer -> Indices", ofcolor, "{}(I, ZERO)", {}),
]
LOOPS = {
    "hmirror": "OUT(h, w) TO(i, j) = GRID(h - 1 - i, j);",
    "vmirror": "OUT(h, w) TO(i, j) = GRID(i, w - 1 - j);",
    "upscale": """OUT(h * n, w * n)
        for (int64_t a = 0; a < n; ++a)
            for (int64_t b = 0; b < n; ++b) TO(i * n + a, j * n + b) = GRID(i, j);""",
    "replace": "OUT(h, w) TO(i, j) = GRID(i, j) == n ? m : GRID(i, j);",
    "colorcount": "call->result.numbers[0] = 0; EACH call->result.numbers[0] += GRID(i, j) == n;",
    "ofcolor": """int32_t *next = call->result.data;
        EACH if (GRID(i, j) == n) *next++ = i, *next++ = j;
        call->result.height = (next - (int32_t *)call->result.data) / 2;""",
}
C_FILE = """
#include "primitives/foreign_abi.h"
#define GRID(i, j) cells[(i) * w + (j)]
#define TO(i, j) to[(i) * stride + (j)]
#define EACH for (int64_t i = 0; i < h; ++i) for (int64_t j = 0; j < w; ++j)
#define OUT(height_, width_) \\
    if ((height_) > call->result.height || (width_) > stride) return CODEIT_VALUE_ERROR; \\
    call->result.height = height_, call->result.width = width_; EACH
"""
C_FUNCTION = """
int32_t own_{name}(codeit_call *call, void *context) {{
    const int8_t *cells = call->arguments[0].data;
    const int64_t h = call->arguments[0].height, w = call->arguments[0].width;
    const int64_t n = call->arguments[1].numbers[0], m = call->arguments[2].numbers[0];
    const int64_t stride = call->result.width;
    int8_t *to = call->result.data;
    (void)context, (void)n, (void)m, (void)to, (void)stride;
    {loop}
    return CODEIT_OK;
}}
"""


def c_library(folder):
    """The loops in C, compiled; None where there is no compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    source, library = Path(folder) / "own.c", Path(folder) / "own.so"
    functions = [C_FUNCTION.format(name=name, loop=loop) for name, loop in LOOPS.items()]
    source.write_text(C_FILE.replace("\\\\", "\\") + "".join(functions))
    include = Path(__file__).resolve().parent.parent / "csrc"
    command = [compiler, "-O3", "-march=native", "-shared", "-fPIC", f"-I{include}"]
    subprocess.run([*command, str(source), "-o", str(library)], check=True)
    return ctypes.CDLL(str(library))


def add_c_function(library, name, signature, function, sides):
    """Makes a function of the library a primitive."""
    takes, returns = (part.strip() for part in signature.split("->"))
    types = tuple(part.strip() for part in takes.split(","))
    place = ctypes.cast(getattr(library, f"own_{function}"), ctypes.c_void_p).value
    foreign = ForeignFunction(place, library, types, returns, sides, 0, KeyboardInterrupt)
    parameters = tuple((type_, f"p{k}") for k, type_ in enumerate(types))
    add_own(NewPrimitive(name, parameters, returns, foreign=foreign))


def value_of(program, grid):
    result = codeit.run(program, grid, LIMITS)
    assert result.outcome == Outcome.ok, (program, result)
    value = result.value_json()
    return sorted(map(str, value[1:])) if isinstance(value, list) and value[0] == "s" else value


def time_in_turns(programs, grids, repeats):
    """Seconds of a run of each program on a grid, less those of one that does nothing."""
    idle = Program.parse("O = identity(I)")
    times = {name: [] for name in programs}
    for _ in range(repeats):
        for name, program in programs.items():
            sweeps = SLOW_SWEEPS if name == "by Python" else SWEEPS
            seconds = []
            for one in (program, idle):
                work = partial(execute_groups, [([one] * sweeps, grids)], 1, LIMITS, share=False)
                seconds.append(cpu_time_of(work)[0])
            times[name].append((seconds[0] - seconds[1]) / (sweeps * len(grids)))
    return times


def main():
    parser = Parser(__doc__)
    parser.add_argument("--grids", type=whole_number(1), default=300, help="how many inputs")
    parser.add_repeats(7)
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(words, c_library(folder))


def measure(words, library):
    tasks = datasets.load("arc1-training")
    inputs = [pair.input for task in tasks for pair in task.demonstrations]
    chosen = np.random.default_rng(17).permutation(len(inputs))[: words.grids]
    grids = [inputs[k] for k in chosen]
    cells = sum(grid.size for grid in grids) / len(grids)
    print(f"{len(grids)} grids of {cells:.0f} cells each, in the middle")
    report = Report()
    ratios = {"in C": [], "built in": []}
    for signature, function, call, more in CASES:
        name = function.__name__
        programs = {"built in": Program.parse(f"O = {call.format(name)}")}
        for way, is_compiled in (("by Numba", True), ("by Python", False)):
            own = f"own_{len(programs)}"
            codeit.primitive(signature, name=own, compiled=is_compiled, **more)(function)
            programs[way] = Program.parse(f"O = {call.format(own)}")
        if library is not None:
            sides = (900, 1) if "Indices" in signature else more.get("max_sides", (30, 30))
            add_c_function(library, "own_in_c", signature, name, sides)
            programs["in C"] = Program.parse(f"O = {call.format('own_in_c')}")
        for grid in grids[:50]:
            expected = value_of(programs["built in"], grid)
            for way, program in programs.items():
                assert value_of(program, grid) == expected, (name, way)
        times = time_in_turns(programs, grids, words.repeats)
        for way, seconds in times.items():
            if min(seconds) <= 0:
                seconds = []  # no longer than what does nothing
            report.add(f"{name}, {way}", [s * 1e6 for s in seconds], unit="us")
        for way in ratios:
            other = times.get(way, [])
            median = statistics.median(other) if other else None
            found = ratio(statistics.median(times["by Numba"]), median)
            report.add_ratio(f"{name}: Numba's time, of that {way}", found)
            ratios[way].append(found)
        for own in list(own_primitives()):
            remove_own(own)
    for way, some in ratios.items():
        known = [found for found in some if is_measured(found)]
        mean = statistics.geometric_mean(known) if known else None
        report.add_ratio(f"geometric mean of Numba's time, of that {way}", mean)
    settings = {"grids": len(grids), "repeats": words.repeats}
    report.print_record("own", {"numba": version("numba"), "numpy": version("numpy")}, settings)


if __name__ == "__main__":
    main()
