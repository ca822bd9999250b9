"""How fast does the replay buffer store and draw, beside plain NumPy and cpprb?

The question: at N experiences of 300 token ids (the loop holds a million after a hundred
iterations), how many can be stored in a second, new, known, and with the buffer full; and how long
does a draw of 90,000, an iteration's, take? On one thread. Goals: 1,000,000 upserts/s, and 5 ms for
the draw without replacement from 1,000,000.

Every line is the median of some repeats, in time of the processor, with the spread (largest -
smallest) / median. Storing new experiences starts from an empty buffer and pays for fresh memory
each time (where the C library can give freed memory back). Each result is checked before its time
counts. The plain NumPy buffer takes lists of one length only and never evicts; cpprb has no keys,
and draws with replacement, in strata. When cpprb cannot be imported, the first line says so. The
last line is JSON.

    python benchmarks/bench_replay.py [--experiences 1000000] [--drawn 90000] [--repeats 7]
"""

import importlib.metadata

import numpy as np
from harness import Parser, Report, cpu_time_of, machine, whole_number

import codeit._native.replay as native
from codeit.benching.buffers import (
    Batches,
    PlainBuffer,
    draw_fault,
    draw_plain,
    return_memory,
    storage_fault,
    stored,
)

SEED = 5
SOURCE_IDS, TARGET_IDS = 240, 60
BATCH = 100_000  # Experiences given to one upsert.


def checked(fault):
    """Ends the benchmark where something is wrong."""
    assert not fault, fault


def bench_keys(report, repeats):
    line = "x{} = canvas_of_objects(I, x1, x2)\n"
    programs = ["".join(line.format(i + k) for i in range(9)) for k in range(BATCH)]
    task_digests = [f"{k % 400:08x}" for k in range(BATCH)]
    assert len(np.unique(native.make_keys(task_digests, programs)[:, 0])) == BATCH
    seconds = [
        cpu_time_of(lambda: native.make_keys(task_digests, programs))[0] for _ in range(repeats)
    ]
    report.add("keys from text, 8 + 300 characters", seconds, items=BATCH)


def bench_upserts(report, batches, repeats):
    fresh, known, full = [], [], []
    newcomers = Batches(batches.size, SOURCE_IDS, TARGET_IDS, SEED, BATCH)
    newcomers.keys = ~batches.keys
    newcomers.priority = np.full(batches.size, 1.0)
    for _ in range(repeats):
        buffer = native.PriorityBuffer(batches.size)
        fresh.append(cpu_time_of(lambda b=buffer: stored(b, batches))[0])
        known.append(cpu_time_of(lambda b=buffer: stored(b, batches))[0])
        checked(storage_fault(buffer, batches))
        full.append(cpu_time_of(lambda b=buffer: stored(b, newcomers))[0])
        checked(storage_fault(buffer, newcomers))
        del buffer
        return_memory()
    report.add("upsert, new: codeit", fresh, items=batches.size)
    report.add("upsert, known: codeit", known, items=batches.size)
    report.add("upsert, new, each evicting one: codeit", full, items=batches.size)

    fresh, known = [], []
    for _ in range(repeats):
        plain = PlainBuffer(batches.size, SOURCE_IDS, TARGET_IDS)
        fresh.append(cpu_time_of(lambda b=plain: stored(b, batches))[0])
        known.append(cpu_time_of(lambda b=plain: stored(b, batches))[0])
        assert len(plain.rows) == batches.size
        assert np.array_equal(plain.source[-1], batches.ids_of(batches.size - 1))
        del plain
        return_memory()
    report.add("upsert, new: dict and NumPy", fresh, items=batches.size)
    report.add("upsert, known: dict and NumPy", known, items=batches.size)


def bench_draws(report, batches, n, repeats):
    buffer = stored(native.PriorityBuffer(batches.size), batches)
    priority = batches.priority
    checked(draw_fault(priority, buffer.draw(n, 0), n, SEED + 1, is_distinct=True))
    works = [lambda k=k: buffer.draw(n, k) for k in range(repeats)]
    report.add("draw without replacement: codeit", [cpu_time_of(work)[0] for work in works])

    generator = np.random.default_rng(SEED)
    draw_plain(priority, n, generator)
    seconds = [cpu_time_of(lambda: draw_plain(priority, n, generator))[0] for _ in range(repeats)]
    report.add("draw without replacement: NumPy race", seconds)

    slots = buffer.draw(n, 0)
    source_ids, source_offsets, _, _ = buffer.gather(slots)
    assert np.array_equal(source_ids[-SOURCE_IDS:], batches.ids_of(slots[-1]))
    assert source_offsets[-1] == n * SOURCE_IDS
    seconds = [cpu_time_of(lambda: buffer.gather(slots))[0] for _ in range(repeats)]
    report.add("gather the ids of a draw: codeit", seconds)
    held = buffer.statistics()["num_bytes"] / batches.size
    print(f"{'memory of an experience: codeit':52}{held:>10,.0f} bytes")
    report.figures["memory of an experience: codeit"] = {"median": held, "unit": "bytes"}


def bench_cpprb(report, cpprb, batches, n, repeats):
    shapes = {
        "source": {"shape": SOURCE_IDS, "dtype": np.uint16},
        "target": {"shape": TARGET_IDS, "dtype": np.uint16},
    }
    seconds = []

    def store(buffer):
        for _, priority, _, _, source_ids, _, target_ids, _ in batches:
            source = source_ids.reshape(-1, SOURCE_IDS)
            target = target_ids.reshape(-1, TARGET_IDS)
            buffer.add(source=source, target=target, priorities=priority)

    for _ in range(repeats):
        buffer = cpprb.PrioritizedReplayBuffer(batches.size, shapes, alpha=1.0, eps=0.0)
        seconds.append(cpu_time_of(lambda b=buffer: store(b))[0])
        assert buffer.get_stored_size() == batches.size
        del buffer
        return_memory()
    report.add("append without key: cpprb", seconds, items=batches.size)

    numbers = np.arange(batches.size)
    buffer = cpprb.PrioritizedReplayBuffer(
        batches.size, {"number": {"dtype": np.int64}}, alpha=1.0, eps=0.0
    )
    buffer.add(number=numbers, priorities=batches.priority)
    drawn = buffer.sample(n, beta=0.0)["number"].ravel().copy()
    # Its sums are in single precision, so a few of the 1e-19 are drawn that never should be.
    checked(draw_fault(batches.priority, drawn, n, SEED + 1, is_distinct=False, least=0.05))
    seconds = [cpu_time_of(lambda: buffer.sample(n, beta=0.0))[0] for _ in range(repeats)]
    report.add("draw with replacement, in strata: cpprb", seconds)


def main():
    parser = Parser(__doc__)
    most = native.MAX_CAPACITY
    parser.add_argument("--experiences", type=whole_number(2, most), default=1_000_000)
    parser.add_argument("--drawn", type=whole_number(1), default=90_000)
    parser.add_repeats(7)
    arguments = parser.parse_args()
    if arguments.drawn >= arguments.experiences:
        parser.error(
            f"argument --drawn: {arguments.drawn}; allowed: below the {arguments.experiences} "
            "experiences"
        )
    versions = {"numpy": np.__version__}
    try:
        import cpprb
    except ImportError as error:
        cpprb = None
        versions["cpprb"] = None
        print(f"cpprb is not measured: {error}")
    else:
        versions["cpprb"] = importlib.metadata.version("cpprb")

    print(f"{machine()}; {arguments.experiences:,} experiences, draws of {arguments.drawn:,}")
    report = Report()
    batches = Batches(arguments.experiences, SOURCE_IDS, TARGET_IDS, SEED, BATCH)
    bench_keys(report, arguments.repeats)
    bench_upserts(report, batches, arguments.repeats)
    bench_draws(report, batches, arguments.drawn, 3 * arguments.repeats)
    if cpprb is not None:
        bench_cpprb(report, cpprb, batches, arguments.drawn, arguments.repeats)
    report.print_record("replay", versions, vars(arguments) | {"seed": SEED})


if __name__ == "__main__":
    main()
