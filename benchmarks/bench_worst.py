"""How long can a run of a batch take by default, and how long does a unit of fuel last?

Random programs, each of which starts from lines that make large values and goes on with calls that
take them, run on one core. The slowest of them are printed, and those whose units of fuel take the
longest, with the time of the processor, the fuel and the nanoseconds for a unit.

    python benchmarks/bench_worst.py [--programs 3000] [--seed 0]
"""

import random
import time

import numpy as np
from harness import Parser, Report, whole_number

from codeit import Limits, Outcome, Program, run
from codeit.language import CONSTANTS, PRIMITIVES, ProgramError

GRID = np.arange(900).reshape(30, 30) * 7919 % 10
LEAST_SECONDS = 1e-3  # of a run whose nanoseconds for a unit count

# Lines that make something large. N and M stand for one of the numbers.
NUMBERS = ("TEN", "n1", "n2", "n3", "n4", "n5")
SEEDS = """
n1 = multiply(TEN, TEN)
n2 = multiply(n1, TEN)
n3 = multiply(n1, n1)
n4 = multiply(n3, TEN)
n5 = multiply(n3, n1)
t1 = interval(ZERO, N, ONE)
t2 = repeat(I, M)
t3 = interval(ZERO, M, ONE)
s1 = initset(ZERO)
s2 = combine(s1, t1)
s3 = product(t3, t3)
s4 = product(s3, t3)
s5 = apply(initset, s2)
d1 = astuple(N, M)
g1 = canvas(TWO, d1)
g2 = upscale(I, TEN)
g3 = hconcat(g2, g2)
g4 = upscale(I, M)
p1 = asindices(I)
p2 = asobject(I)
p3 = asindices(g1)
p4 = asobject(g3)
p5 = shift(p2, d1)
p6 = combine(p2, p5)
p7 = partition(I)
o1 = objects(I, T, F, F)
o2 = objects(g2, T, F, F)
q1 = product(p2, p1)
q2 = product(o1, o1)
q3 = apply(totuple, o1)
h1 = fork(astuple, identity, identity)
h2 = power(h1, TEN)
h3 = fork(combine, identity, identity)
h4 = power(h3, TEN)
h5 = fork(product, identity, identity)
h6 = lbind(shift, p2)
h7 = rbind(recolor, p1)
h8 = power(double, n1)
h9 = compose(h2, h2)
v1 = h2(I)
v2 = h4(t2)
v3 = h9(t1)
v4 = mapply(h6, p1)
v5 = apply(h9, t1)
"""
SEED_LINES = SEEDS.strip().splitlines()


def draw(source):
    """The text of a random program: some of the lines above, what they need, and calls of
    primitives on what there is."""
    kept = source.sample(range(5, len(SEED_LINES)), source.randint(2, 6))
    wanted = set(kept)
    text = {}
    for k in reversed(range(len(SEED_LINES))):
        name, call = SEED_LINES[k].split(" = ")
        for letter in "NM":
            call = call.replace(f"{letter},", f"{source.choice(NUMBERS)},")
            call = call.replace(f" {letter})", f" {source.choice(NUMBERS)})")
        if k in wanted:
            names = call[:-1].replace("(", ", ").split(", ")
            wanted |= {j for j in range(k) if SEED_LINES[j].split(" = ")[0] in names}
            text[k] = f"{name} = {call}"
    lines = [text[k] for k in sorted(text)]
    names = [line.split(" = ")[0] for line in lines] + ["I"]
    for k in range(source.randint(1, 4)):
        primitive = source.choice(list(PRIMITIVES.values()))
        arguments = []
        for parameter in primitive.parameters:
            if parameter.type == "Callable" and source.random() < 0.8:
                bound = [name for name in names if name.startswith("h")]
                arguments.append(source.choice(bound + source.choices(list(PRIMITIVES), k=4)))
            elif source.random() < 0.85:
                arguments.append(source.choice(names[-6:] if source.random() < 0.5 else names))
            else:
                arguments.append(source.choice(list(CONSTANTS)))
        lines.append(f"x{k} = {primitive.name}({', '.join(arguments)})")
        names.append(f"x{k}")
    last = lines.pop().split(" = ")[1]
    return "\n".join([*lines, f"O = {last}"])


def main():
    parser = Parser(__doc__)
    parser.add_argument("--programs", type=whole_number(1), default=3000)
    parser.add_argument("--seed", type=whole_number(0), default=0)
    parser.add_argument(
        "--shown", type=whole_number(1), default=3, help="programs to print of each list"
    )
    options = parser.parse_args()
    source = random.Random(options.seed)
    runs = []
    outcomes = dict.fromkeys(Outcome, 0)
    while len(runs) < options.programs:
        try:
            program = Program.parse(draw(source))
        except ProgramError:
            continue
        # The second of two, as the first may wait for memory that the program before it gave back.
        for _ in range(2):
            start = time.thread_time()
            result = run(program, GRID, Limits())
            seconds = time.thread_time() - start
        outcomes[result.outcome] += 1
        runs.append((seconds, result.fuel, result.outcome.name, program.text))
    slowest = sorted(runs, reverse=True)[: options.shown]
    dearest = [r for r in runs if r[0] > LEAST_SECONDS]
    dearest = sorted(dearest, key=lambda r: -r[0] / r[1])[: options.shown]
    for title, some in (("slowest", slowest), ("dearest units", dearest)):
        print(f"--- {title}")
        for seconds, fuel, outcome, text in some:
            print(f"{seconds * 1e3:.1f} ms, {fuel:,} units, {seconds * 1e9 / fuel:.1f} ns each,")
            print(f"{outcome}\n{text}\n")
    print({outcome.name: count for outcome, count in outcomes.items() if count})
    report = Report()
    report.add("slowest run", [slowest[0][0]], is_once=True)
    if dearest:
        report.add("units of fuel, at worst", [dearest[0][0]], items=dearest[0][1], is_once=True)
    print(f"default fuel {Limits().fuel:,}")
    report.print_record("worst", {"numpy": np.__version__}, vars(options))


if __name__ == "__main__":
    main()
