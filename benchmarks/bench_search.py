"""What does a call cost in the search of a task, and how much does the search do in a second?

On training tasks, on one core. A call is evaluated on all examples of a task, its values are
compared with all that are known, and copied where they are new; a call that was made before is
answered by the memo. Both are timed on the lines of the corpus, in an empty pool; the same programs
by the ordinary machine, in a batch, are the baseline: it runs lines, and keeps nothing. Then the
whole search runs, with a small budget. Before anything is timed, the ordinary machine confirms all
programs that the search finds. The last line is JSON.

    python benchmarks/bench_search.py [--programs FILE] [--step N] [--repeats N]
"""

import numpy as np
from harness import Parser, Report, cpu_time_of, existing_file, machine, whole_number

import codeit
from codeit._native import search as native
from codeit.execution.executor import execute
from codeit.searching.corpus import PACKAGED, Corpus
from codeit.searching.engine import search_task
from codeit.searching.records import confirm, without_answers
from codeit.searching.settings import SearchSettings

EVALUATIONS = 30_000
MEMORY = 2**30


def check(tasks, corpus, settings):
    """How many programs the search finds; ends the benchmark where one is not confirmed."""
    count = 0
    for task in tasks:
        found = search_task(
            without_answers(task), corpus.programs_for(task, settings), settings, EVALUATIONS
        )
        record = confirm(task, found)
        assert record.num_unconfirmed == 0, task.task_id
        count += len(record.found)
    return count


def main():
    parser = Parser(__doc__)
    parser.add_argument(
        "--programs", type=existing_file, help="a corpus; that of the package if omitted"
    )
    parser.add_argument("--step", type=whole_number(1), default=10, help="every so-manyth task")
    parser.add_repeats(5)
    arguments = parser.parse_args()
    with parser.checking():
        corpus = Corpus.load(str(arguments.programs or PACKAGED))
    tasks = list(codeit.arc.load("arc1-training"))[:: arguments.step]
    settings = SearchSettings()
    programs = [seed.program for seed in corpus.seeds]
    inputs = [[e.input for e in (*t.demonstrations, *t.tests)] for t in tasks]
    outputs = [[d.output for d in t.demonstrations] for t in tasks]
    confirmed = check(tasks, corpus, settings)
    print(
        f"{machine()}; {len(tasks)} tasks, {len(programs)} programs; {confirmed} programs confirmed"
    )

    report = Report()
    evaluating, by_example, answering = [], [], []
    for _ in range(arguments.repeats):
        rates = [
            native.measure_rates(some, wanted, programs, MEMORY)
            for some, wanted in zip(inputs, outputs, strict=True)
        ]
        num_evaluations, seconds, num_answers, seconds_of_answers = np.sum(rates, axis=0)
        num_runs = sum(rate[0] * len(some) for rate, some in zip(rates, inputs, strict=True))
        evaluating.append(seconds / num_evaluations * 1e9)
        by_example.append(seconds / num_runs * 1e9)
        answering.append(seconds_of_answers / num_answers * 1e9)
    report.add("an evaluation, on all examples of a task", evaluating, unit="ns")
    report.add("an evaluation, on each example", by_example, unit="ns")
    report.add("a call that the memo answers", answering, unit="ns")

    num_lines = sum(map(len, programs)) * sum(map(len, inputs))
    seconds = [
        cpu_time_of(lambda: [execute(programs, grids, 1) for grids in inputs])[0] / num_lines * 1e9
        for _ in range(arguments.repeats)
    ]
    report.add("a line of the corpus by the ordinary machine", seconds, unit="ns")

    seconds, work = [], 0
    for _ in range(arguments.repeats):
        taken, results = cpu_time_of(
            lambda: [
                search_task(without_answers(task), programs, settings, EVALUATIONS)
                for task in tasks
            ]
        )
        seconds.append(taken)
        work = sum(result.evaluations for result in results)
    report.add("the search, work", seconds, items=work)
    report.print_record("search", {"numpy": np.__version__}, vars(arguments))


if __name__ == "__main__":
    main()
