"""How fast are grids and programs ids, and how long does a row wait for what may come next?

Prompts and programs, one core: ids strung together from known pieces beside the tokenizer itself,
whose text is written before its time counts. Every id is compared first, on all ARC-AGI-1 tasks and
on random grids. Times are processor time, since others may use the machine.

The automaton: nanoseconds for one row's step, its advance and its mask, in batches of several
sizes, over the seed programs; the programs have to pass before the time counts. With
`--tokenizer DIR` also for CodeT5's tokenizer, from its `vocab.json` and `merges.txt`.
"""

import harness
import numpy as np
from harness import cpu_time_of, whole_number

from codeit import Program
from codeit.language import load_seed_programs
from codeit.policy.sampling.constraint import ProgramConstraint
from codeit.policy.text import grids_to_text
from codeit.policy.tokenizer import load_tokenizer
from codeit.tasks import datasets

SEED = 1
UNCUT = 1 << 20
ROWS = (96, 2400)  # of a batch that steps through the automaton


def random_grids(num_grids):
    rng = np.random.default_rng(SEED)
    for _ in range(num_grids):
        shape = rng.integers(1, 31, 2)
        is_background = rng.random(shape) < rng.random()
        yield np.where(is_background, rng.integers(10), rng.integers(10, size=shape)).astype(
            np.uint8
        )


def bench_prompts(report, name, tokenizer, num_grids, repeats):
    tasks = [*datasets.load("arc1-training"), *datasets.load("arc1-evaluation")]
    prompts = [[pair.input for pair in task.demonstrations] for task in tasks]
    prompts += [[pair.output for pair in task.demonstrations] for task in tasks]
    strays = list(random_grids(num_grids))
    strays = [strays[k : k + 10] for k in range(0, len(strays), 10)]
    for grids in prompts + strays:
        ids = tokenizer.encode_inputs(grids, UNCUT)
        assert np.array_equal(ids, tokenizer.encode_inputs(grids, UNCUT, is_plain=True))

    num_ids = sum(len(tokenizer.encode_inputs(grids, UNCUT)) for grids in prompts)
    texts = [grids_to_text(grids) for grids in prompts]
    medians = []
    for way, work in {
        "pieces": lambda: [tokenizer.encode_inputs(grids, UNCUT) for grids in prompts],
        "tokenizer alone": lambda: [tokenizer._encode(text, opens=False) for text in texts],
    }.items():
        seconds = [cpu_time_of(work)[0] for _ in range(repeats)]
        report.add(f"ids of prompts: {name}, {way}", seconds, items=num_ids)
        medians.append(np.median(seconds))
    report.add_ratio(
        f"prompts: {name}, as fast as the tokenizer alone", harness.ratio(medians[1], medians[0])
    )


def bench_programs(report, name, tokenizer, texts, repeats):
    programs = [Program.parse(text) for text in texts]
    for program in programs:
        ids = tokenizer.encode_program(program)
        assert np.array_equal(ids, tokenizer.encode_program(program, is_plain=True))
    num_ids = sum(len(tokenizer.encode_program(program)) for program in programs)
    medians = []
    for way, is_plain in (("pieces", False), ("tokenizer", True)):
        seconds = [
            cpu_time_of(
                lambda p=is_plain: [tokenizer.encode_program(t, is_plain=p) for t in programs]
            )[0]
            for _ in range(repeats)
        ]
        report.add(f"ids of programs: {name}, {way}", seconds, items=num_ids)
        medians.append(np.median(seconds))
    report.add_ratio(
        f"programs: {name}, as fast as the tokenizer", harness.ratio(medians[1], medians[0])
    )


def bench_automaton(report, name, tokenizer, texts, batches, repeats):
    programs = [tokenizer.encode_program(text) for text in texts]
    # Steps at which all rows of a batch are inside their program.
    num_steps = int(np.median([len(ids) for ids in programs]))
    steps = np.array([ids[:num_steps] for ids in programs if len(ids) >= num_steps]).T
    for mode in ("grammar", "typed"):
        checked = ProgramConstraint(tokenizer, mode, 1)
        assert all(passes(checked, ids) for ids in steps.T)
        for num_rows in batches:
            constraint = ProgramConstraint(tokenizer, mode, num_rows)
            ids = np.resize(steps.T, (num_rows, num_steps)).T.astype(np.int64).copy()

            def walk(constraint=constraint, ids=ids):
                constraint.begin(512)
                for column in ids:
                    constraint.masks()
                    constraint.advance(column)

            walk()
            assert not constraint.is_finished.all()
            seconds = [cpu_time_of(walk)[0] for _ in range(repeats)]
            nanoseconds = [s / (num_rows * num_steps) * 1e9 for s in seconds]
            report.add(f"step of a row: {name}, {mode}, {num_rows} rows", nanoseconds, unit="ns")


def passes(constraint, ids):
    constraint.begin(512)
    return all(constraint.advance([k])[0] for k in ids)


def main():
    parser = harness.Parser(__doc__)
    parser.add_argument("--tokenizer", help="a directory with CodeT5's vocabulary, or a hub name")
    parser.add_argument(
        "--grids", type=whole_number(0), default=10_000, help="random grids to compare"
    )
    parser.add_repeats(7)
    arguments = parser.parse_args()
    tokenizers = {"compact": load_tokenizer("compact")}
    if arguments.tokenizer:
        with parser.checking():
            tokenizers["CodeT5"] = load_tokenizer(arguments.tokenizer)
    print(harness.machine())
    report = harness.Report()
    texts = [seed.program.text for seed in load_seed_programs()]
    for name, tokenizer in tokenizers.items():
        bench_prompts(report, name, tokenizer, arguments.grids, arguments.repeats)
        bench_programs(report, name, tokenizer, texts, arguments.repeats)
        bench_automaton(report, name, tokenizer, texts, ROWS, arguments.repeats)
    settings = vars(arguments) | {"tokenizer": bool(arguments.tokenizer), "seed": SEED}
    report.print_record("text", {"numpy": np.__version__}, settings)


if __name__ == "__main__":
    main()
