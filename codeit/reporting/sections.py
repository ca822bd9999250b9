"""What a page shows of a history beside its tasks: figures, charts and tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from codeit.reporting import paper
from codeit.reporting.charts import NUM_COLORS, Bar, BarChart, Chart, LineChart, Part, Series
from codeit.reporting.history import BUFFER_ORIGINS, ORIGIN_NAMES, Found, History, Point
from codeit.reporting.of_run import RunHistory
from codeit.reporting.of_search import SearchHistory
from codeit.reporting.written import failures
from codeit.runs.metrics import ENDS, IterationMetrics
from codeit.tasks.scoring import RULES

_SHORT_NAMES = {
    "mutation": "mutation",
    "search": "search",
    "policy": "policy",
    "elsewhere": "other tasks'",
    "led_search": "led search",
    "all": "all",
}
"""Of ORIGIN_NAMES, in the little room beside a line."""
_MOST_FIRSTS = 400
_MOST_BARS = 16
_MOST_EXAMPLES = 3


@dataclass(frozen=True)
class Table:
    """Rows of texts.

    Attributes:
        numbers: how many columns at the end hold numbers.
        programs: the column that holds programs; None for none.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: int = 0
    note: str = ""
    programs: int | None = None

    kind = "table"

    @property
    def is_empty(self) -> bool:
        return not self.rows

    @property
    def is_wide(self) -> bool:
        return self.programs is not None or len(self.rows) > _MOST_BARS


def is_beside_paper(history: History) -> bool:
    """Whether the paper's figures are about the same tasks."""
    return history.source.tasks == paper.TASKS and history.num_tasks == paper.NUM_TASKS


def solved_by_rule(history: History) -> LineChart:
    """Solved against sampled, by all rules, with the paper's curve beside."""
    by = history.by_all
    lines = [
        Series(name, [(p.amount, p.solved[by][rule]) for p in history.points], k)
        for k, (rule, name) in enumerate(RULES.items(), 1)
    ]
    note = "Three programs is the paper's rule, two attempts that of ARC Prize."
    is_search = isinstance(history, SearchHistory)
    if is_beside_paper(history):
        if is_search:
            ends = [p.amount for p in [*history.points[:1], *history.points[-1:]]]
            lines.append(Series("paper, all", [(x, paper.SOLVED) for x in ends], 0, True))
        else:
            lines.append(Series("paper, mutation", paper.MUTATION, 0, True))
            lines.append(Series("paper, all", [(paper.NUM_SAMPLES, paper.SOLVED)], 0, True))
            note += f" {paper.MUTATION_SOURCE}"
        note += f" {paper.SOURCE}"
    return LineChart(
        "Tasks solved, by rule",
        _amount_of(history),
        f"tasks solved, of {history.num_scored}",
        lines,
        note,
        is_log=True,
    )


def _amount_of(history: History) -> str:
    if isinstance(history, SearchHistory):
        return "evaluations for each task"
    if isinstance(history, RunHistory):
        return "programs: mutants, then samples of the policy"
    return "mutated programs"


def solved_by_origin(history: RunHistory) -> list[Chart]:
    """Solved against sampled, by what found the programs: a chart for each rule."""
    return [_by_origin(history, rule) for rule in RULES]


def _by_origin(history: RunHistory, rule: str) -> LineChart:
    numbers = {origin: k for k, origin in enumerate(ORIGIN_NAMES, 1)}

    def known(points: Sequence[Point], by: str) -> list[tuple[int, int]]:
        return [(p.amount, p.solved[by][rule]) for p in points if by in p.solved]

    return LineChart(
        f"Tasks solved by {RULES[rule]}, by what found the program"
        if rule != "fits_all"
        else "Tasks solved by a program that fits all, by what found it",
        _amount_of(history),
        f"tasks solved, of {history.num_scored}",
        [
            Series(_SHORT_NAMES[by], known(history.points, by), numbers[by] % NUM_COLORS)
            for by in history.origins
        ],
        "; ".join(f"{_SHORT_NAMES[by]}: {ORIGIN_NAMES[by]}" for by in history.origins) + ".",
        is_log=True,
    )


def _per_iteration(
    history: RunHistory,
    title: str,
    y_label: str,
    lines: Sequence[tuple[str, Callable[[IterationMetrics], float | None]]],
    note: str = "",
    is_share: bool = False,
    meanings: Mapping[str, str] | None = None,
) -> LineChart:
    """Lines of which the run recorded something, with what their names mean."""
    drawn = []
    for k, (name, value_of) in enumerate(lines, 1):
        values = [(row.iteration, value_of(row)) for row in history.iterations]
        drawn.append(Series(name, [(x, y) for x, y in values if y is not None], k % NUM_COLORS))
    drawn = [one for one in drawn if one.points]
    known = meanings or {}
    note = " ".join([*([note] if note else []), *(known[s.name] for s in drawn if s.name in known)])
    return LineChart(title, "iteration", y_label, drawn, note, is_share=is_share)


def learning_charts(history: RunHistory) -> list[Chart]:
    """What the policy learned and wrote, iteration by iteration."""
    return [
        _per_iteration(
            history, "Loss", "nats for each target token", [("loss", lambda row: row.loss)]
        ),
        _per_iteration(
            history,
            "What the policy writes",
            "share of all samples",
            [
                ("parsed", lambda row: row.share_parsed),
                ("run", lambda row: row.share_run),
                ("valid", lambda row: row.share_valid),
                ("right", lambda row: row.share_right),
                ("distinct", lambda row: row.num_distinct / max(row.num_samples, 1)),
                ("new", _share_new),
            ],
            is_share=True,
            meanings={
                "parsed": "Parsed: is a program.",
                "run": "Run: ends without an error on a demonstration.",
                "valid": "Valid: returns a grid for one.",
                "right": "Right: reproduces one.",
                "distinct": "Distinct: counts one of those of a task that are the same program.",
                "new": "New: counts programs that the run had not had before, for any task, as "
                "samples, seeds, mutants or from a search.",
            },
        ),
        _per_iteration(
            history,
            "Length of programs",
            "lines of a program",
            [
                ("90%", lambda row: row.program_lines.get("q90")),
                ("median", lambda row: row.program_lines.get("median")),
                ("10%", lambda row: row.program_lines.get("q10")),
                ("mean", lambda row: row.num_lines_per_program),
                ("found", _found_lines(history)),
            ],
            "Of the samples that are programs.",
            meanings={
                "90%": "90%: nine in ten have at most so many lines.",
                "10%": "10%: one in ten has at most so many.",
                "found": "Found: the median of the programs first found in the iteration that "
                "reproduce a demonstration.",
            },
        ),
    ]


def buffer_charts(history: RunHistory) -> list[Chart]:
    """What the policy may learn from, and how likely it is drawn."""
    return [
        _per_iteration(
            history,
            "Buffer",
            "experiences",
            [
                ("seeds", lambda row: row.buffer_num_seed),
                ("mutants", lambda row: row.buffer_num_mutated),
                ("policy", lambda row: row.buffer_num_policy),
                ("other tasks'", lambda row: row.buffer_num_elsewhere),
                ("searched", lambda row: row.buffer_num_searched),
            ],
            "What the policy may learn from, by where its programs come from.",
        ),
        _per_iteration(
            history,
            "Priority in the buffer",
            "mean share of demonstrations right",
            [("mean", lambda row: row.buffer_mean_policy_priority)],
            "Of all experiences but seeds and mutants: what is drawn more often has a higher one.",
        ),
        _priorities_in_the_end(history),
        *(_priorities_of(history, origin) for origin in BUFFER_ORIGINS),
    ]


def _priorities_in_the_end(history: RunHistory) -> BarChart:
    last = history.iterations[-1].iteration if history.iterations else 0
    tables = {origin: history.priorities(origin).get(last, {}) for origin in BUFFER_ORIGINS}
    bars = []
    for origin, table in tables.items():
        number = sum(table.values())
        parts = [
            Part(name, 100 * count / number, f"{count:,}", k)
            for k, (name, count) in enumerate(table.items())
        ]
        if parts:
            bars.append(Bar(BUFFER_ORIGINS[origin], 0, 100, f"{number:,}", 1, parts))
    return BarChart(
        f"Priorities in the buffer, iteration {last}",
        "percent of the experiences of this origin",
        bars,
        "How many experiences have a priority in which range; a range ends below its second "
        "number. With the default weights, a priority is the share of the task's demonstrations "
        "that the program reproduces.",
    )


def _priorities_of(history: RunHistory, origin: str) -> LineChart:
    """Empty where nothing changed: then the chart of the last iteration has it all."""
    tables = history.priorities(origin)
    names = dict.fromkeys(name for table in tables.values() for name in table)
    lines = [
        Series(
            name if "-" in name else f"priority {name}",
            [(x, t.get(name, 0) / sum(t.values())) for x, t in tables.items()],
            k % NUM_COLORS,
        )
        for k, name in enumerate(names)
        if any(table.get(name) for table in tables.values())
    ]
    return LineChart(
        f"Priorities, iteration by iteration: {BUFFER_ORIGINS[origin]}",
        "iteration",
        "share of these experiences",
        lines if len({tuple(table.items()) for table in tables.values()}) > 1 else [],
        "Each line is a range of priorities, which ends below its second number; those that no "
        "experience was ever in are left out.",
        is_share=True,
    )


def _share_new(row: IterationMetrics) -> float | None:
    return None if row.num_new is None else row.num_new / max(row.num_samples, 1)


def _found_lines(history: RunHistory) -> Callable[[IterationMetrics], float | None]:
    lines: dict[int, list[int]] = {}
    for one in history.found:
        lines.setdefault(one.iteration, []).append(one.candidate.program.count("\n") + 1)
    medians = {k: median(some) for k, some in lines.items()}
    return lambda row: medians.get(row.iteration)


def time_charts(history: RunHistory) -> list[Chart]:
    """Where the time went."""
    total = [Bar(name, 0, value, f"{value:,.1f} s") for name, value in history.seconds().items()]
    charts: list[Chart] = [
        BarChart(
            "Time of each stage",
            "busy seconds, of all iterations",
            total,
            "On all threads of the first process; stages work side by side.",
        )
    ]
    last = next((row for row in reversed(history.iterations) if row.stages), None)
    if last:
        spans = [
            Bar(name, stage["begin"], stage["end"], f"{stage['busy']:,.2f} s busy", 2)
            for name, stage in last.stages.items()
        ]
        charts.append(
            BarChart(
                f"When each stage worked, iteration {last.iteration}",
                "seconds since the iteration began",
                spans,
                "From its first beginning to its last end.",
            )
        )
    return charts


def ends_of_samples(history: RunHistory) -> list[Chart | Table]:
    """How samples ended: which error, how often, and examples."""
    total = history.sample_ends()
    number = sum(total.values())
    shown: list[Chart | Table] = []
    if total:
        bars = [
            Bar(name, 0, count / number * 100, f"{count / number:.1%}", 3)
            for name, count in total.items()
        ]
        note = f"{number:,} samples. Of one without a grid, its first error."
        shown.append(BarChart("How samples ended", "percent of all samples", bars, note))
    rows = [
        (ENDS.get(end, end.replace("_", " ")), one.task_id, one.text, reason)
        for end, some in failures(history, _MOST_EXAMPLES).items()
        for one, reason in some
    ]
    shown.append(
        Table(
            "Examples of what failed",
            ("how it ended", "task", "sample", "what was wrong"),
            rows,
            note="The first ones of the last iteration of which samples are kept.",
            programs=2,
        )
    )
    return shown


def search_tables(history: SearchHistory) -> list[Chart | Table]:
    """What each method of a search did, and how long the tasks took."""
    methods = history.summary.methods.items()
    rows = [(n, f"{t.evaluations:,}", f"{t.found:,}", f"{t.solved:,}") for n, t in methods]
    columns = ("method", "evaluations", "programs found", "tasks solved")
    seconds = sorted(history.seconds.values())
    share = [(k / len(seconds), value) for k, value in enumerate(seconds, 1)]
    kept = share[:: max(len(share) // 200, 1)] + share[-1:]
    times = LineChart(
        "Time of a task",
        "seconds",
        "share of the tasks done by then",
        [Series("tasks", [(value, at) for at, value in kept], 2)] if kept else [],
        "On one thread.",
        is_share=True,
    )
    return [Table("Methods of the search", columns, rows, numbers=3), times, *lengths(history)]


def lengths(history: History) -> list[Chart]:
    """How long the programs are that solve tasks."""
    counts = Counter(found.candidate.shown.count("\n") + 1 for _, found in history.solving())
    rest = sum(number for length, number in counts.items() if length >= _MOST_BARS)
    most = min(max(counts, default=0), _MOST_BARS - 1)
    rows = [(f"{n} line{'' if n == 1 else 's'}", counts[n]) for n in range(1, most + 1)]
    rows += [(f"{_MOST_BARS} or more", rest)] if rest else []
    bars = [Bar(name, 0, number, str(number), 4) for name, number in rows]
    return [BarChart("Length of the programs that solve a task", "tasks", bars)]


def firsts(history: History) -> Table:
    """When each solved task had its first program that is right on all tests."""
    first: dict[object, Found] = {}
    for one in sorted(history.found, key=lambda one: one.at):
        if one.candidate.is_solution:
            first.setdefault(one.candidate.task, one)
    rule = next(iter(RULES))
    some = [first[key] for key, s in history.stories.items() if rule in s.rules and key in first]
    some.sort(key=lambda one: (one.at, one.candidate.task_id))
    rows = [
        (
            c.task_id,
            one.by,
            f"{c.num_right} of {c.num_demonstrations}",
            f"{c.shown.count(chr(10)) + 1}",
        )
        for one in some[:_MOST_FIRSTS]
        for c in [one.candidate]
    ]
    return Table(
        "First solutions",
        ("task", "found by", "demonstrations right", "lines"),
        rows,
        numbers=1,
        note="Of the tasks solved by the paper's rule, the first program right on all tests.",
    )


def solved_table(history: History) -> Table:
    """The figures of the terminal's report."""
    if isinstance(history, RunHistory):
        last = history.rows[-1]
        rows = [
            (
                ORIGIN_NAMES[by],
                *(f"{last.solved[by][rule]} ({last.solved_only[by][rule]})" for rule in RULES),
                str(history.num_scored),
            )
            for by in history.origins
        ]
        note = (
            "In brackets: tasks that nothing else solves; of all together, that none does alone."
            + history.ranking_note
        )
    else:
        rows = [
            (ORIGIN_NAMES[by], *(str(figures[rule]) for rule in RULES), str(history.num_scored))
            for by, figures in history.solved.items()
        ]
        note = ""
    columns = ("by", *RULES.values(), "of")
    return Table("Tasks solved", columns, rows, numbers=len(columns) - 1, note=note)
