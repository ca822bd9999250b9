"""Tables and a picture of a run, read from its directory. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from codeit.execution.executor import execute
from codeit.language import Program
from codeit.runs.directory import (
    CONFIG,
    METRICS,
    SOLUTIONS,
    Solution,
    check_written,
    read_metrics,
    read_solutions,
)
from codeit.runs.settings import load_all_settings
from codeit.tasks import datasets
from codeit.tasks.blocks import Block, Code, Picture, task_blocks
from codeit.tasks.scoring import RULES, Candidate, Score, Scoreboard, TaskKey, in_words
from codeit.terminal import add_row, plain, say

_FOUND_BY = {
    "mutation": "mutation of seed programs",
    "search": "search without a model",
    "policy": "policy, all iterations",
    "elsewhere": "policy, for other tasks",
    "led_search": "search around the policy",
    "all": "all together",
}
"""What tables call each of ORIGINS, and all of them."""

_NUM_SOLVING_SHOWN = 5
_NUM_POLICY_SHOWN = 3


def print_report(path: Path, console: Console) -> None:
    """Print what a run has learned so far: iteration by iteration, then what it solved.

    Raises:
        ValueError: the path is no run directory, or a file in it is damaged.
    """
    say(console, *check_written(path))
    rows = read_metrics(path)
    if not rows:
        raise ValueError(f"{path / METRICS}: it is empty; the run has not started yet")
    start, iterations = rows[0], rows[1:]
    solutions = read_solutions(path)
    solving, by_policy = _found_programs(solutions)
    say(console, "", path, style="bold")
    say(
        console,
        f"{start['num_tasks']} tasks to solve, {start['num_seeds']} seed programs, "
        f"{start['num_mutated']} mutated tasks",
        *start["notes"],
    )
    if iterations:
        console.print(_learning_table(iterations))
        say(console, _change(iterations[0], iterations[-1]), *_changed_settings(iterations), "")
    console.print(_solved_table(start, iterations))
    say(console, *_solved_together(solutions))
    console.print(_time_table(rows))
    say(console, _use(rows), _training_speed(rows), _sampling_speed(rows), "")
    for title, found, count in (
        ("The shortest programs that solve a task", solving, _NUM_SOLVING_SHOWN),
        ("The best programs of the policy, one for each task", by_policy, _NUM_POLICY_SHOWN),
    ):
        if found:
            console.print(_programs_table(title, found, count))


def _changed_settings(iterations: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each iteration from which on settings were others."""
    return [
        f"from iteration {row['iteration']} on other settings (before, after): "
        + ", ".join(f"{name} {values}" for name, values in row["changed"].items())
        for row in iterations
        if isinstance(row.get("changed"), dict)
    ]


def _table(title: str) -> Table:
    return Table(
        title=plain(title, "bold"),
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE,
        collapse_padding=True,
        pad_edge=False,
    )


def _learning_table(iterations: Sequence[Mapping[str, Any]]) -> Table:
    table = _table("What the policy writes, iteration by iteration")
    table.caption = plain(
        "Shares of all samples: parsed = is a program, valid = returns a grid for at least one "
        "demonstration, right = reproduces at least one. Tasks solved by the samples of the "
        f"iteration, and by those of all so far: {'/'.join(RULES.values())}.",
        "table.caption",
    )
    for name in ("", "loss", "trained", "sampled", "distinct"):
        table.add_column(name, justify="right")
    for name in ("parsed", "valid", "right"):
        table.add_column(name, justify="right", style="green")
    for name in ("solved", "so far"):
        table.add_column(name, justify="right", style="cyan")
    for row in iterations:
        add_row(
            table,
            str(row["iteration"]),
            f"{row['loss']:.3f}",
            f"{row['num_trained']:,}",
            f"{row['num_samples']:,}",
            f"{row['num_distinct']:,}",
            f"{row['share_parsed']:.1%}",
            f"{row['share_valid']:.1%}",
            f"{row['share_right']:.2%}",
            *(_side_by_side(row["solved"][by]) for by in ("now", "policy")),
        )
    return table


def _change(first: Mapping[str, Any], last: Mapping[str, Any]) -> str:
    shares = ", ".join(
        f"{name} {first[key]:.1%} -> {last[key]:.1%}"
        for name, key in (("parsed", "share_parsed"), ("valid", "share_valid"))
    )
    return f"from iteration {first['iteration']} to {last['iteration']}: {shares}"


def _side_by_side(figures: Mapping[str, int]) -> str:
    return "/".join(str(figures[rule]) for rule in RULES)


def _solved_table(start: Mapping[str, Any], iterations: Sequence[Mapping[str, Any]]) -> Table:
    """Of all tasks that can be scored; below, of those that are no training tasks."""
    table = _table("Tasks solved")
    table.caption = plain(
        "Three programs: the paper's rule, one of the three best is right on all tests. Two "
        "attempts: ARC Prize's rule, for each test one of two predicted grids is right; programs "
        "that predict the same stand together. Fits all: one of the three is right on all "
        "demonstrations, too. In brackets: tasks that nothing else solves; of all together, those "
        "that none of them solves alone. Unseen: without tasks that have the demonstrations of a "
        "training task.",
        "table.caption",
    )
    table.add_column("by")
    for name in RULES.values():
        table.add_column(name, justify="right", style="cyan")
    table.add_column("of", justify="right")
    last = [start, *iterations][-1]
    is_there = {
        "search": start["num_searched"],
        "elsewhere": any("elsewhere" in row.get("stages", ()) for row in iterations),
        "led_search": any(row.get("num_searched") for row in iterations),
    }
    names = {by: name for by, name in _FOUND_BY.items() if is_there.get(by, True)}
    for by, name in names.items():
        solved, only = last["solved"][by], last["solved_only"][by]
        counts = [f"{solved[rule]} ({only[rule]})" for rule in RULES]
        add_row(table, name, *counts, str(start["num_scored_tasks"]), end_section=by == "all")
    for by, name in names.items() if start["seen_tasks"] else ():
        counts = [str(last["solved_unseen"][by][rule]) for rule in RULES]
        add_row(table, f"{name}, unseen", *counts, str(start["num_unseen_tasks"]))
    return table


def _solved_together(solutions: Sequence[Solution]) -> list[str]:
    """A line for each rule by which tasks are solved that no origin solves alone, with their ids.

    Only a rule that lets programs of several origins stand together has such tasks.
    """
    score = Score(())
    for solution in solutions:
        score.add(solution.origin, [solution.candidate])
    return [
        f"solved by all together and by none alone ({RULES[rule]}): "
        + ", ".join(sorted(task_id for task_id, _ in tasks))
        for rule, tasks in score.solved_only()["all"].items()
        if tasks
    ]


def _time_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    seconds: dict[str, float] = {}
    for row in rows:
        for name, value in row["seconds"].items():
            seconds[name] = seconds.get(name, 0.0) + value
    table = _table("Time")
    table.add_column("stage")
    table.add_column("seconds", justify="right")
    for name, value in sorted(seconds.items(), key=lambda item: -item[1]):
        add_row(table, name, f"{value:.1f}")
    return table


def _use(rows: Sequence[Mapping[str, Any]]) -> str:
    """What the seconds of the stages stand beside."""
    uses = [row["use"] for row in rows if "use" in row]
    wall = sum(use["wall"] for use in uses)
    if not wall:
        return ""
    model = sum(use["model"] * use["wall"] for use in uses) / wall
    return (
        f"stages work side by side: in {model:.0%} of the {wall:.1f} s of the iterations the model "
        "was learning or sampling"
    )


def _training_speed(rows: Sequence[Mapping[str, Any]]) -> str:
    speeds = [row["speed"] for row in rows if "speed" in row]
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


def _sampling_speed(rows: Sequence[Mapping[str, Any]]) -> str:
    tables = [row["sampling"] for row in rows if "sampling" in row]
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


@dataclass(frozen=True)
class _Found:
    """A candidate, and what first wrote it."""

    candidate: Candidate
    origin: str
    iteration: int

    @property
    def by(self) -> str:
        """In words."""
        return f"{self.origin}, iteration {self.iteration}" if self.iteration else self.origin


def _found_programs(solutions: Sequence[Solution]) -> tuple[list[_Found], list[_Found]]:
    """A program for each solved task, the shortest first; the best of the policy for each task."""
    board = Scoreboard()
    found: dict[tuple[TaskKey, str], _Found] = {}
    for solution in solutions:
        candidate = solution.candidate
        found.setdefault(
            (candidate.task, candidate.program),
            _Found(candidate, solution.origin, solution.iteration),
        )
        board.add([candidate])
    solving = []
    for task in board.solved("top3"):
        best = next(c for c in board.submission(task) if c.is_solution)
        solving.append(found[task, best.program])
    solving.sort(key=lambda f: (len(f.candidate.shown), f.candidate.task_id))
    written = [f for f in found.values() if f.origin == "policy"]
    written.sort(
        key=lambda f: (-f.candidate.share_right, len(f.candidate.program), f.candidate.task_id)
    )
    by_policy: dict[TaskKey, _Found] = {}
    for f in written:
        by_policy.setdefault(f.candidate.task, f)
    return solving, list(by_policy.values())


def _programs_table(title: str, found: list[_Found], count: int) -> Table:
    table = _table(f"{title} ({min(count, len(found))} of {len(found)})")
    for name in ("task", "found by", "demonstrations", "tests", "program"):
        table.add_column(name)
    for f in found[:count]:
        c = f.candidate
        add_row(
            table,
            c.task_id,
            f.by,
            f"{c.num_right} of {c.num_demonstrations}",
            "hidden" if None in c.tests_right else f"{c.num_tests_right} of {len(c.tests_right)}",
            c.shown,
            end_section=True,
        )
    return table


def solutions_picture(path: Path) -> Picture:
    """The programs that the report prints, each beside a demonstration and a test of its task.

    The programs run again for it, on the tasks that the run's config names.

    Raises:
        ValueError: the path is no run directory, a file in it is damaged, or its tasks are gone.
    """
    solving, by_policy = _found_programs(read_solutions(path))
    settings = load_all_settings(path / CONFIG)
    tasks = {task.task_id: task for task in datasets.load(settings.data.evaluation)}
    rows = []
    shown = (*solving[:_NUM_SOLVING_SHOWN], *by_policy[:_NUM_POLICY_SHOWN])
    for found in dict.fromkeys(shown):
        candidate = found.candidate
        task = tasks.get(candidate.task_id)
        if task is None or task.digest != candidate.task_digest:
            fault = "is not in" if task is None else "has other data in"
            raise ValueError(
                f"{path / SOLUTIONS}: task {candidate.task_id} {fault} {settings.data.evaluation}"
            )
        pairs = [*task.demonstrations, *task.tests]
        program = Program.parse(candidate.shown, settings.data.dialect)
        results = execute([program], [pair.input for pair in pairs], limits=settings.limits)
        outputs = [results.grid(0, k) for k in range(len(pairs))]
        first_right = int(np.argmax(results.match([pair.output for pair in pairs])[0]))
        blocks = task_blocks(task, outputs)
        text = Block([Code(candidate.shown)], f"{candidate.task_id}, by {found.by}")
        rows.append([text, blocks[first_right], blocks[len(task.demonstrations)]])
    metrics = read_metrics(path)
    figures = metrics[-1]["solved"]["all"]
    title = f"Tasks solved: {in_words(figures, metrics[0]['num_scored_tasks'])}"
    return Picture(rows, title, max_width=1120, max_grid=110)
