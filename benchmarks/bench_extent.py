"""Does a primitive cost what its elements cost, or what the box around them would?

The question: on patches of 1, 4 and 64 elements that are spread over extents of 1 to 1,000 (and
around 128 columns and 256 rows, at a million, at 2^40 and far in the negative, as what holds them
changes there), is any primitive that takes patches slower than the original function in CPython?

Each case is a program: lines that make the patches, then the call. The time of the call is what the
program takes less what the lines before it take, both run many times in one batch on one core; the
least of some repeats, in time of the processor. The same call in Python is timed on values made by
the same lines. The machine puts the order of a set off until something asks for it: the lines
before the call ask for that of its arguments, and where a set comes out, the call is timed once
more with `totuple` behind it. Values are compared, with their orders, before the time counts.

Python needs the original functions: `--arc-dsl DIR` names a checkout of arc-dsl, and the machine
runs in that dialect then. Without it the oracle in tests/oracle stands in, which is slower. Calls
that take longer than Python's are printed, the worst first; the exit code is 1 where there are
some, and the last line is JSON.

    python benchmarks/bench_extent.py [--arc-dsl DIR] [--primitives NAME ...] [--few]
"""

import importlib
import signal
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from harness import Parser, Report, is_measured, machine, positive, ratio, whole_number

from codeit import Limits, Outcome, Program, execute_groups, run
from codeit.language import CONSTANTS, PRIMITIVES

LEAST_SECONDS = 1e-3  # of one timing
MAX_COUNT = 2000  # runs in one timing
NOISE = 60e-9  # seconds; of a difference between two timings,
NOISE_SHARE = 0.005  # and its share of what they have in common
MAX_SECONDS = 2.0  # that the reference may take for one call
GRID = np.arange(900).reshape(30, 30) * 7919 % 10
DIGITS = ("ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE", "TEN")


@dataclass(frozen=True)
class Setting:
    """A patch: `side` x `side` places, `rows` and `columns` apart, from `top`, `left` on."""

    kind: str  # indices; object, of one color; colored, an object of several
    side: int
    rows: int
    columns: int
    top: int = 0
    left: int = 0
    gap: int = 2  # between it and the second patch

    def __str__(self):
        at = f" at {self.top}, {self.left}" if self.top or self.left else ""
        gap = f", {self.gap} to the other" if self.gap != 2 else ""
        return f"{self.side**2} {self.kind}, {self.rows} x {self.columns} apart{at}{gap}"


def settings(few):
    """Those that are measured."""
    kinds = ("indices", "object", "colored")
    if few:
        yield from (Setting(kind, 2, 200, 200) for kind in kinds)
        return
    for kind in kinds:
        for place in ((0, 0), (-700, -700), (10**6, 10**6), (-(2**40), 2**40)):
            yield Setting(kind, 1, 1, 1, *place)
        for apart in (1, 9, 29, 99, 126, 127, 128, 200, 220, 254, 255, 256, 999, 10**6, 2**40):
            yield Setting(kind, 2, apart, apart, -3, -5)
        for apart in (29, 120, 127, 200, 254, 999):
            yield Setting(kind, 2, apart, 1)
            yield Setting(kind, 2, 1, apart)
        for apart in (1, 4, 17, 18, 19, 36, 37, 142, 10**6, 2**40):
            yield Setting(kind, 8, apart, apart)
        for apart in (4, 17, 36, 142):
            yield Setting(kind, 8, apart, 1, -200, -200)
            yield Setting(kind, 8, 1, apart, -200, -200)
        for gap in (20, 100, 110, 124, 200, 250, 1000, 10**6, 2**40):
            for side in (1, 2, 8):
                yield Setting(kind, side, 1, 1, gap=gap)


class Lines:
    """The lines of a program."""

    def __init__(self):
        self.lines = []

    def add(self, call):
        """The name of a new line; the one that there is for a call made before."""
        for line in self.lines:
            if line.endswith(f" = {call}"):
                return line.split(" = ")[0]
        self.lines.append(f"x{len(self.lines) + 1} = {call}")
        return f"x{len(self.lines)}"

    def number(self, n):
        if n < 0:
            return self.add(f"invert({self.number(-n)})")
        if n <= 10:
            return DIGITS[n]
        tens = self.add(f"multiply({self.number(n // 10)}, TEN)")
        return tens if n % 10 == 0 else self.add(f"add({tens}, {DIGITS[n % 10]})")

    def pair(self, i, j):
        return self.add(f"astuple({self.number(i)}, {self.number(j)})")


def patches(setting):
    """Lines, and the names in them of P, the patch; Q, the same one elsewhere; S, the set of both;
    U, the set of P's elements as patches; T, the tuple of P; E, one of its elements; D, the way
    from P to Q; J, a few places."""
    lines = Lines()
    side = setting.side
    cells = lines.add(f"crop(I, ORIGIN, {lines.pair(side, side)})")
    cells = lines.add(f"asobject({cells})")
    apart = lines.pair(setting.rows, setting.columns)
    scaled = lines.add(f"rbind(multiply, {apart})")
    if setting.kind == "colored":
        moved = lines.add(f"compose({scaled}, last)")
        spread = lines.add(f"fork(astuple, first, {moved})")
        patch = lines.add(f"apply({spread}, {cells})")
    else:
        places = lines.add(f"toindices({cells})")
        patch = lines.add(f"apply({scaled}, {places})")
        if setting.kind == "object":
            patch = lines.add(f"recolor(THREE, {patch})")
    names = {"I": "I"}
    names["P"] = lines.add(f"shift({patch}, {lines.pair(setting.top, setting.left)})")
    height, width = setting.rows * (side - 1) + 1, setting.columns * (side - 1) + 1
    names["D"] = lines.pair(height + setting.rows // 2, width - 1 + setting.gap)
    names["Q"] = lines.add(f"shift({names['P']}, {names['D']})")
    both = [lines.add(f"initset({names[name]})") for name in "PQ"]
    names["S"] = lines.add(f"combine({', '.join(both)})")
    names["U"] = lines.add(f"apply(initset, {names['P']})")
    names["T"] = lines.add(f"totuple({names['P']})")
    names["E"] = lines.add(f"last({names['T']})")
    names["J"] = lines.add(f"dneighbors({lines.pair(setting.top, setting.left)})")
    for name in "PQSUJ":  # asks for the order, which Python has worked out by now
        lines.add(f"first({names[name]})")
    return lines, names


BY_TYPE = {
    "Grid": "I",
    "Integer": "TWO",
    "IntegerTuple": "D",
    "Objects": "S",
    "ContainerContainer": "S",
    "Tuple": "T",
}
PATCH_TYPES = ("Patch", "Object", "Indices", "Piece", "Element")
SET_TYPES = (*PATCH_TYPES, "Container", "FrozenSet", "IntegerSet")
NO_PATCHES = ("identity", "branch", "totuple", "power", "cellwise")


def calls(primitive, kind):
    """The calls of a primitive that are measured: arguments by the names of `patches`, or of
    functions as a text that holds them."""
    types = [parameter.type for parameter in primitive.parameters]
    if primitive.name in NO_PATCHES:
        return
    if primitive.group == "higher_order":
        yield from higher_order_calls(primitive.name, kind)
        return
    if primitive.name in ("contained", "insert", "remove"):
        yield ("E", "P")
        yield ("P", "S")
    if primitive.name == "equality":
        yield ("P", "Q")
    if primitive.name == "initset":
        yield ("P",)
    if primitive.name == "other":
        yield ("P", "E")
    if not any(t in SET_TYPES or t in ("Objects", "ContainerContainer", "Tuple") for t in types):
        return
    if "Any" in types or "Callable" in types or "TupleTuple" in types:
        return
    needs_colors = any(t in ("Object", "Element", "Objects") for t in types)
    if kind == "indices" and needs_colors and primitive.name not in ("upscale", "merge"):
        return
    patches = iter(("P", "Q"))
    arguments = [next(patches) if t in SET_TYPES else BY_TYPE[t] for t in types]
    if len(types) == 2 and primitive.name in ("recolor",):
        arguments = ["TWO", "P"]
    yield tuple(arguments)
    if primitive.name in ("size", "first", "last", "merge", "mostcommon", "combine"):
        yield tuple("U" if argument in ("P", "S") else argument for argument in arguments)
    if primitive.name in ("manhattan", "adjacent", "gravitate", "position", "combine"):
        yield ("P", "J")


def higher_order_calls(name, kind):
    number = "first" if kind == "indices" else "compose(first, last)"
    measures = ("ulcorner", "center", "size", "height", "hline", "rbind(manhattan, P)")
    makes = ("normalize", "toindices", "rbind(shift, D)", "outbox", "vmirror")
    if name in ("order", "valmax", "valmin", "argmax", "argmin"):
        yield ("P", number)
        for some in ("S", "U"):
            yield from ((some, measure) for measure in measures)
    elif name in ("sfilter", "extract"):
        yield ("P", "rbind(contained, P)")
        yield ("U", "lbind(contained, E)")
    elif name == "mfilter":
        yield ("U", "lbind(contained, E)")
    elif name == "apply":
        for some in ("S", "U"):
            yield from ((make, some) for make in (*measures, *makes))
    elif name == "mapply":
        for some in ("S", "U"):
            yield from ((make, some) for make in makes)
        yield ("lbind(shift, J)", "P") if kind == "indices" else ("toindices", "U")
    elif name == "prapply":
        yield ("manhattan", "S", "S")
        yield ("intersection", "S", "U")


def program_of(setting, name, arguments, in_order):
    """The texts of the lines before a call, and of the call."""
    lines, names = patches(setting)
    given = []
    for argument in arguments:
        if argument in names:
            given.append(names[argument])
        elif "(" in argument:
            function, rest = argument[:-1].split("(")
            parts = [names.get(part, part) for part in rest.split(", ")]
            given.append(lines.add(f"{function}({', '.join(parts)})"))
        else:
            given.append(argument)
    before = list(lines.lines)
    call = f"{name}({', '.join(given)})"
    if any(line.endswith(f" = {call}") for line in before):
        call += " "  # which tells it from the first one
    after = [f"y1 = {call}", "O = totuple(y1)"] if in_order else [f"O = {call}"]
    last = before[-1].split(" = ")[1]
    return "\n".join([*before[:-1], f"O = {last}"]), "\n".join([*before, *after])


def canonical(value):
    """As Result.value_json gives it."""
    if isinstance(value, tuple):
        return ["t", *map(canonical, value)]
    if isinstance(value, frozenset | set):
        return ["s", *map(canonical, value)]
    return "fn" if callable(value) else value


class Originals:
    """The functions of a checkout of arc-dsl."""

    dialect = "arc-dsl"

    def __init__(self, folder):
        if not (Path(folder) / "dsl.py").is_file():
            raise ValueError(f"there is no dsl.py in {folder}; name a checkout of arc-dsl")
        sys.path.insert(0, str(folder))
        self.names = vars(importlib.import_module("dsl"))
        self.canonical = canonical


class Oracle:
    """The second evaluator of the tests."""

    dialect = "codeit"

    def __init__(self):
        sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
        program = importlib.import_module("oracle.program")
        program.machine.start(self.dialect, 1 << 60)
        self.names = program.PRIMITIVES
        self.canonical = program.to_canonical


@contextmanager
def at_most(seconds):
    """TimeoutError when the block takes longer."""

    def stop(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def evaluate(lines, names):
    """Adds what the lines bind to the names."""
    for line in lines:
        name, call = line.split(" = ")
        function, arguments = call.rstrip()[:-1].split("(")
        names[name] = names[function](*(names[argument] for argument in arguments.split(", ")))


def seconds_of_reference(reference, text, repeats):
    """What the last lines (those of the call) take, and what they return."""
    names = {name: constant.value for name, constant in CONSTANTS.items()}
    names |= {name: reference.names[name] for name in PRIMITIVES}
    names["I"] = tuple(tuple(row) for row in GRID.tolist())
    lines = text.split("\n")
    num_last = 2 if lines[-2].startswith("y1 = ") else 1
    evaluate(lines[:-num_last], names)
    steps = []
    for line in lines[-num_last:]:
        name, call = line.split(" = ")
        function, arguments = call.rstrip()[:-1].split("(")
        steps.append((name, names[function], arguments.split(", ")))
    (_, call, arguments), *ordering = steps
    given = [names[argument] for argument in arguments]
    if ordering:
        totuple = ordering[0][1]

        def work():
            return totuple(call(*given))
    else:

        def work():
            return call(*given)

    value = work()

    def many(count):
        start = time.thread_time()
        for _ in range(count):
            work()
        return time.thread_time() - start

    once = max(many(1), 1e-7)
    count = max(1, min(MAX_COUNT, int(LEAST_SECONDS / once)))
    return min(many(count) for _ in range(repeats)) / count, value


def seconds_of_machine(before, text, dialect, repeats):
    """What the call takes, what the lines before it take, its fuel, and the result."""
    programs = [Program.parse(some, dialect) for some in (before, text)]
    result = run(programs[1], GRID, Limits())
    groups = []
    once = []
    for program in programs:
        start = time.thread_time()
        execute_groups([([program], [GRID])], threads=1)
        once.append(max(time.thread_time() - start, 1e-7))
    count = max(1, min(MAX_COUNT, int(LEAST_SECONDS / once[1])))
    groups = [[([program] * count, [GRID])] for program in programs]
    least = [1e9, 1e9]
    for _ in range(repeats):
        for k, group in enumerate(groups):
            start = time.thread_time()
            execute_groups(group, threads=1, share=False)
            least[k] = min(least[k], time.thread_time() - start)
    fuel = result.fuel - run(programs[0], GRID, Limits()).fuel
    return max(least[1] - least[0], 0.0) / count, least[0] / count, fuel, result


@dataclass
class Measured:
    case: str
    machine: float
    before: float
    python: float
    fuel: int

    @property
    def ratio(self):
        return self.machine / self.python

    def is_slow(self, tolerance):
        return self.machine > self.python * tolerance + NOISE + NOISE_SHARE * self.before


def measure(reference, setting, name, arguments, in_order, repeats):
    """A Measured, or None where the reference cannot do it, either."""
    case = f"{name}({', '.join(arguments)}){' in order' * in_order}: {setting}"
    before, text = program_of(setting, name, arguments, in_order)
    ours, common, fuel, result = seconds_of_machine(before, text, reference.dialect, repeats)
    try:
        with at_most(MAX_SECONDS if result.outcome == Outcome.ok else ours * 2 + 0.01):
            theirs, value = seconds_of_reference(reference, text, repeats)
    except TimeoutError:
        return None
    except Exception as error:
        if result.outcome <= Outcome.recursion and type(error).__name__ != result.exception:
            raise ValueError(f"{case}: {result}, where Python has a {error!r}") from error
        return None
    if result.outcome == Outcome.ok:
        assert result.value_json() == reference.canonical(value), case
    else:  # the reference was done sooner
        case += f" ({result.outcome.name})"
    return Measured(case, ours, common, theirs, fuel)


def cases(names, few):
    for name in names:
        primitive = PRIMITIVES[name]
        for setting in settings(few):
            for arguments in calls(primitive, setting.kind):
                if setting.gap != 2 and not set(arguments) & {"Q", "S", "D"}:
                    continue
                yield setting, name, arguments, False
                if primitive.returns in ("Indices", "Object", "Patch", "Objects", "FrozenSet"):
                    yield setting, name, arguments, True


def main():
    parser = Parser(__doc__)
    parser.add_argument("--arc-dsl", help="a folder with the original dsl.py and arc_types.py")
    parser.add_argument("--primitives", nargs="+", metavar="NAME", help="these alone")
    parser.add_argument("--few", action="store_true", help="one extent alone")
    parser.add_repeats(3)
    parser.add_argument(
        "--shown", type=whole_number(1), default=20, help="calls to print of each list"
    )
    parser.add_argument("--tolerance", type=positive, default=1.0, help="times that of Python")
    options = parser.parse_args()
    names = options.primitives or list(PRIMITIVES)
    unknown = [name for name in names if name not in PRIMITIVES]
    if unknown:
        parser.error(f"there is no primitive {unknown[0]!r}; `codeit dsl` lists them")
    with parser.checking():
        reference = Originals(options.arc_dsl) if options.arc_dsl else Oracle()
    print(machine())
    measured = []
    for case in cases(names, options.few):
        found = measure(reference, *case, options.repeats)
        if found is None:
            continue
        for _ in range(2):
            if found.is_slow(options.tolerance):  # look again
                found = measure(reference, *case, options.repeats * 3)
        measured.append(found)
    slow = [m for m in measured if m.is_slow(options.tolerance)]
    slow.sort(key=lambda m: m.python - m.machine)
    near = sorted((m for m in measured if m not in slow), key=lambda m: -m.ratio)
    dear = sorted(measured, key=lambda m: -m.fuel / max(m.python, 1e-7))
    for title, some in (("slower than Python", slow), ("the nearest", near), ("dear", dear)):
        print(f"--- {title}")
        for m in some[: options.shown]:
            print(
                f"{m.machine * 1e6:10,.2f} us, Python {m.python * 1e6:10,.2f} us, "
                f"{m.fuel:>11,} units  {m.case}"
            )
    report = Report()
    # A call that takes no longer than the lines before it has no ratio.
    ratios = [r for r in (ratio(m.python, m.machine) for m in measured) if is_measured(r)]
    middle, least = (np.median(ratios), min(ratios)) if ratios else (None, None)
    report.add_ratio(f"{len(ratios)} calls, median of how many times as fast", middle)
    report.add_ratio("the one that gains least", least)
    report.figures["calls"] = len(measured)
    report.figures["slower"] = len(slow)
    report.print_record("extent", {"numpy": np.__version__}, vars(options))
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
