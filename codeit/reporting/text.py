"""The report in the terminal: tables of what was learned, solved and found. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from codeit.reporting.history import BUFFER_ORIGINS, ORIGIN_NAMES, Found, History, Story
from codeit.reporting.of_run import RunHistory
from codeit.reporting.of_search import SearchHistory
from codeit.reporting.reading import read_history
from codeit.runs.metrics import IterationMetrics
from codeit.tasks import render
from codeit.tasks.scoring import RULES, Figures
from codeit.tasks.task import Task
from codeit.terminal import add_row, counted, plain, say

_NUM_SOLVING_SHOWN = 5
_NUM_POLICY_SHOWN = 3
_NUM_OF_TASK_SHOWN = 5
_NUM_FIRST, _NUM_LAST = 4, 12  # iterations that are printed of more


def print_report(path: Path, console: Console, show_all: bool = False) -> None:
    """Print what a run has learned so far, iteration by iteration, then what it solved; of a search
    or of mutants, what they solved.

    Args:
        show_all: whether every iteration and every program that solves a task are printed.
    Raises:
        ValueError: the path is no directory of these, or a file in it is damaged.
    """
    print_history(read_history(path), console, show_all)


def print_history(history: History, console: Console, show_all: bool = False) -> None:
    """Print the report of a history; see `print_report`."""
    solving = [found for _, found in history.solving()]
    say(console, "", history.path, style="bold")
    if isinstance(history, RunHistory):
        _print_run(history, console, show_all)
    else:
        _print_other(history, console)
    for title, found, count in (
        ("The shortest programs that solve a task", solving, _NUM_SOLVING_SHOWN),
        (
            "The best programs of the policy, one for each task",
            history.by_policy(),
            _NUM_POLICY_SHOWN,
        ),
    ):
        if found:
            _print_programs(title, found, len(found) if show_all else count, console)


def print_task_report(path: Path, task_id: str, console: Console, show_all: bool = False) -> None:
    """Print a task, and what was found for it.

    Args:
        show_all: whether every program is printed that reproduces a demonstration.
    Raises:
        ValueError: the path is no directory of these, a file in it is damaged, its tasks are gone,
            or the task is none of them.
    """
    print_task(read_history(path), task_id, console, show_all)


def print_task(history: History, task_id: str, console: Console, show_all: bool = False) -> None:
    """Print a task of a history; see `print_task_report`."""
    tasks = history.source.load()
    named = [task for task in tasks if task.task_id == task_id]
    if not named:
        raise ValueError(
            f"task {task_id!r} is none of the {len(tasks)} of {history.path}, which are those of "
            f"{history.source.tasks}"
        )
    for task in named:
        story = history.stories.get((task.task_id, task.digest), Story((task_id, task.digest)))
        render.print_task(task, console)
        say(console, _verdict(task, story), "")
        most = len(story.found) if show_all else _NUM_OF_TASK_SHOWN
        if story.found:
            title = "Programs that reproduce a demonstration"
            _print_programs(title, story.found, most, console, with_originals=True)


def _verdict(task: Task, story: Story) -> str:
    if task.is_hidden:
        return "the output of a test is hidden: nobody here knows whether it is solved"
    rules = [name for rule, name in RULES.items() if rule in story.rules]
    return f"solved by {', '.join(rules)}" if rules else "not solved"


def _print_run(history: RunHistory, console: Console, show_all: bool) -> None:
    start, iterations = history.start, history.iterations
    say(
        console,
        f"{start.num_tasks} tasks to solve, {start.num_seeds} seed programs, "
        f"{start.num_mutated} mutated tasks",
        *history.notes,
    )
    if iterations:
        _print_table(console, *_learning_table(iterations, show_all))
        say(console, _change(iterations[0], iterations[-1]), *_changed_settings(iterations))
        say(console, *filter(None, [_lengths(iterations), _ends(history)]), "")
        priorities = _priority_table(history)
        if priorities.row_count:
            _print_table(console, priorities, _PRIORITY_CAPTION)
    _print_table(console, *_solved_table(history))
    say(
        console,
        *(
            f"solved by all together and by none alone ({RULES[rule]}): {', '.join(ids)}"
            for rule, ids in history.solved_together().items()
            if ids
        ),
    )
    _print_table(console, _time_table(history))
    say(console, _use(iterations), _training_speed(iterations), _sampling_speed(iterations), "")


def _print_other(history: History, console: Console) -> None:
    say(console, f"{counted(history.num_tasks, 'task')} of {history.source.tasks}", *history.notes)
    if isinstance(history, SearchHistory):
        say(console, f"{len(history.records)} of them were searched")
        table = _table("Methods of the search")
        table.add_column("method")
        for name in ("evaluations", "programs found", "tasks solved"):
            table.add_column(name, justify="right")
        for name, totals in history.summary.methods.items():
            add_row(table, name, f"{totals.evaluations:,}", f"{totals.found:,}", totals.solved)
        _print_table(console, table)
    table = _table("Tasks solved")
    for name in RULES.values():
        table.add_column(name, justify="right", style="cyan")
    table.add_column("of", justify="right")
    for figures in history.solved.values():
        add_row(table, *(str(figures[rule]) for rule in RULES), str(history.num_scored))
    _print_table(console, table, _RULES_CAPTION)


def _changed_settings(iterations: Sequence[IterationMetrics]) -> list[str]:
    """A line for each iteration from which on settings were others."""
    return [
        f"from iteration {row.iteration} on other settings (before, after): "
        + ", ".join(f"{name} {values}" for name, values in row.changed.items())
        for row in iterations
        if isinstance(row.changed, dict)
    ]


def _table(title: str) -> Table:
    return Table(
        title=plain(title, "bold"),
        title_justify="left",
        box=box.SIMPLE,
        collapse_padding=True,
        pad_edge=False,
    )


def _print_table(console: Console, table: Table, caption: str = "") -> None:
    """Print a table, and what there is to say of it; in a file or a pipe, nothing is wrapped, and a
    narrow terminal has one space between the columns, so that no number is cut off."""
    width = console.width
    wide = Measurement.get(console, console.options.update(width=100_000), table).maximum
    if console.is_terminal:
        if wide > width:
            table.padding = (0, 0)
        console.print(table)
        if caption:
            console.print(plain(caption, "dim italic"))
            console.print()
        return
    console.width = max(width, wide)
    try:
        console.print(table)
    finally:
        console.width = width
    if caption:
        say(console, caption, "")


def _print_programs(
    title: str,
    found: Sequence[Found],
    count: int,
    console: Console,
    *,
    with_originals: bool = False,
) -> None:
    """Programs under their tasks: each line as it is, whatever its length.

    Args:
        with_originals: whether one that was minimised is printed as it was found, too.
    """
    say(console, f"{title} ({min(count, len(found))} of {len(found)})", style="bold")
    for one in found[:count]:
        c = one.candidate
        right = f"{c.num_right} of {counted(c.num_demonstrations, 'demonstration')}"
        is_hidden = None in c.tests_right
        tests = "hidden" if is_hidden else f"{c.num_tests_right} of {len(c.tests_right)}"
        say(console, "", f"{c.task_id}, by {one.by}: right on {right}, tests: {tests}")
        say(console, *(f"    {line}" for line in c.shown.split("\n")))
        if with_originals and c.shown != c.program:
            say(console, "  as it was found:", *(f"    {x}" for x in c.program.split("\n")))
    say(console, "")


def _learning_table(iterations: Sequence[IterationMetrics], show_all: bool) -> tuple[Table, str]:
    table = _table("What the policy writes, iteration by iteration")
    caption = (
        "Shares of all samples: parsed = is a program, valid = returns a grid for at least one "
        "demonstration, right = reproduces at least one. Tasks solved by the samples of the "
        f"iteration, and by those of all so far: {'/'.join(RULES.values())}."
    )
    has_new = any(row.num_new is not None for row in iterations)
    if has_new:
        caption += (
            " New: programs that the run had not had before, whether as samples, seeds, mutants or "
            "from a search."
        )
    for name in ("", "loss", "trained", "sampled", "distinct", *(["new"] if has_new else [])):
        table.add_column(name, justify="right")
    for name in ("parsed", "valid", "right"):
        table.add_column(name, justify="right", style="green")
    for name in ("solved", "so far"):
        table.add_column(name, justify="right", style="cyan")
    rows: Sequence[IterationMetrics] = iterations
    num_left_out = 0 if show_all else max(len(rows) - _NUM_FIRST - _NUM_LAST, 0)
    if num_left_out:
        caption += f" --all prints the {num_left_out} iterations that are left out, too."
    for k, row in enumerate(rows):
        if num_left_out and k == _NUM_FIRST:
            add_row(table, "...")
        if num_left_out and _NUM_FIRST <= k < len(rows) - _NUM_LAST:
            continue
        add_row(
            table,
            str(row.iteration),
            f"{row.loss:.3f}",
            f"{row.num_trained:,}",
            f"{row.num_samples:,}",
            f"{row.num_distinct:,}",
            *([("" if row.num_new is None else f"{row.num_new:,}")] if has_new else []),
            f"{row.share_parsed:.1%}",
            f"{row.share_valid:.1%}",
            f"{row.share_right:.2%}",
            *(_side_by_side(row.solved[by]) for by in ("now", "policy")),
        )
    return table, caption


def _change(first: IterationMetrics, last: IterationMetrics) -> str:
    parts = (
        ("parsed", first.share_parsed, last.share_parsed),
        ("valid", first.share_valid, last.share_valid),
    )
    if first is last:
        shares = ", ".join(f"{name} {share:.1%}" for name, share, _ in parts)
        return f"in iteration {first.iteration}: {shares}"
    shares = ", ".join(f"{name} {before:.1%} -> {after:.1%}" for name, before, after in parts)
    return f"from iteration {first.iteration} to {last.iteration}: {shares}"


def _lengths(iterations: Sequence[IterationMetrics]) -> str:
    known = [row.program_lines for row in iterations if row.program_lines]
    if not known:
        return ""
    names = {"q10": "10% have at most", "median": "half", "q90": "90%"}
    changes = [
        f"{title} {known[0][name]:g}" + f" -> {known[-1][name]:g}" * (len(known) > 1)
        for name, title in names.items()
        if name in known[0] and name in known[-1]
    ]
    return f"lines of the programs sampled: {', '.join(changes)}"


_PRIORITY_CAPTION = (
    "Experiences by where their programs come from and by their priority, in ranges that end "
    "below their second number. With the default weights, a priority is the share of the task's "
    "demonstrations that the program reproduces."
)


def _priority_table(history: RunHistory) -> Table:
    last = history.iterations[-1].iteration
    table = _table(f"Priorities in the buffer, iteration {last}")
    known = {origin: history.priorities(origin).get(last, {}) for origin in BUFFER_ORIGINS}
    names = dict.fromkeys(name for counts in known.values() for name in counts)
    table.add_column("by")
    for name in [*names, "all"]:
        table.add_column(name, justify="right")
    for origin, counts in known.items():
        if counts:
            cells = [*(counts.get(name, 0) for name in names), sum(counts.values())]
            add_row(table, BUFFER_ORIGINS[origin], *(f"{cell:,}" for cell in cells))
    return table


def _ends(history: RunHistory) -> str:
    ends = history.sample_ends()
    number = sum(ends.values())
    shares = ", ".join(f"{name} {count / number:.1%}" for name, count in ends.items())
    return f"how the {number:,} samples ended: {shares}" if ends else ""


def _side_by_side(figures: Figures) -> str:
    return "/".join(str(figures[rule]) for rule in RULES)


_RULES_CAPTION = (
    "Three programs: the paper's rule, one of the three best is right on all tests. Two attempts: "
    "ARC Prize's rule, for each test one of two predicted grids is right; programs that predict "
    "the same stand together. Fits all: one of the three is right on all demonstrations, too."
)


def _solved_table(history: RunHistory) -> tuple[Table, str]:
    """Of all tasks that can be scored; below, of those that are no training tasks."""
    table = _table("Tasks solved")
    caption = (
        f"{_RULES_CAPTION} In brackets: tasks that nothing else solves; of all together, those "
        "that none of them solves alone. Unseen: without tasks that have the demonstrations of a "
        f"training task.{history.ranking_note}"
    )
    table.add_column("by")
    for name in RULES.values():
        table.add_column(name, justify="right", style="cyan")
    table.add_column("of", justify="right")
    start = history.start
    last = history.rows[-1]
    for by in history.origins:
        solved, only = last.solved[by], last.solved_only[by]
        counts = [f"{solved[rule]} ({only[rule]})" for rule in RULES]
        num = str(history.num_scored)
        add_row(table, ORIGIN_NAMES[by], *counts, num, end_section=by == "all")
    for by in history.origins if start.seen_tasks else ():
        counts = [str(last.solved_unseen[by][rule]) for rule in RULES]
        add_row(table, f"{ORIGIN_NAMES[by]}, unseen", *counts, str(start.num_unseen_tasks))
    return table, caption


def _time_table(history: RunHistory) -> Table:
    table = _table("Time")
    table.add_column("stage")
    table.add_column("seconds", justify="right")
    for name, value in history.seconds().items():
        add_row(table, name, f"{value:.1f}")
    return table


def _use(rows: Iterable[IterationMetrics]) -> str:
    """What the seconds of the stages stand beside."""
    uses = [row.use for row in rows if row.use]
    wall = sum(use["wall"] for use in uses)
    if not wall:
        return ""
    model = sum(use["model"] * use["wall"] for use in uses) / wall
    return (
        f"stages work side by side: in {model:.0%} of the {wall:.1f} s of the iterations the model "
        "was learning or sampling"
    )


def _training_speed(rows: Iterable[IterationMetrics]) -> str:
    speeds = [row.speed for row in rows if row.speed]
    if not speeds:
        return ""
    tokens, share = (
        float(np.median([speed[f"training_{name}"] for speed in speeds]))
        for name in ("tokens_per_second", "utilization")
    )
    return (
        f"training: {tokens:,.0f} tokens a second, {share:.0%} of what the hardware reaches in one "
        "large product (MFU)"
    )


def _sampling_speed(rows: Iterable[IterationMetrics]) -> str:
    tables = [row.sampling for row in rows if row.sampling]
    if not tables:
        return ""
    tokens, num_rows, share = (
        float(np.median([table[name] for table in tables]))
        for name in ("tokens_per_second", "mean_rows", "share_of_slots")
    )
    return (
        f"sampling: {tokens:,.0f} tokens a second, in steps of {num_rows:.1f} samples, {share:.0%} "
        "of what there is room for"
    )
