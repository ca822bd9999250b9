"""Tables of a run, read from its directory. Needs no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from codeit.run_directory import METRICS, SOLUTIONS, read_lines
from codeit.scoring import Candidate, Scoreboard

_NUM_SOLVING_SHOWN = 5
_NUM_POLICY_SHOWN = 3


def print_report(path: Path, console: Console) -> None:
    """Print what a run has learned so far: iteration by iteration, then what it solved.

    Raises:
        ValueError: the path is no run directory, or a file in it is damaged.
    """
    rows = read_lines(path / METRICS)
    if not rows:
        raise ValueError(f"{path / METRICS}: it is empty; the run has not started yet")
    start, iterations = rows[0], rows[1:]
    solutions = read_lines(path / SOLUTIONS)
    console.print(
        f"\n[bold]{path}[/bold]: {start['num_tasks']} tasks to solve, {start['num_seeds']} seed "
        f"programs, {start['num_mutated']} mutated tasks",
        highlight=False,
    )
    if iterations:
        console.print(_learning_table(iterations))
        console.print(_change(iterations[0], iterations[-1]), highlight=False)
    console.print(_solved_table(start, iterations))
    console.print(_time_table(rows))
    _print_programs(solutions, console)


def _table(title: str) -> Table:
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        caption_justify="left",
        box=box.SIMPLE,
        collapse_padding=True,
        pad_edge=False,
    )


def _learning_table(iterations: list[dict[str, Any]]) -> Table:
    table = _table("What the policy writes, iteration by iteration")
    table.caption = (
        "Shares of all samples: parsed = is a program, valid = returns a grid for at least one "
        "demonstration, right = reproduces at least one. Tasks solved by the samples of the "
        "iteration, and by those of all so far."
    )
    for name in ("", "loss", "trained", "sampled", "distinct"):
        table.add_column(name, justify="right")
    for name in ("parsed", "valid", "right"):
        table.add_column(name, justify="right", style="green")
    for name in ("solved", "so far"):
        table.add_column(name, justify="right", style="cyan")
    for row in iterations:
        table.add_row(
            str(row["iteration"]),
            f"{row['loss']:.3f}",
            f"{row['num_trained']:,}",
            f"{row['num_samples']:,}",
            f"{row['num_distinct']:,}",
            f"{row['share_parsed']:.1%}",
            f"{row['share_valid']:.1%}",
            f"{row['share_right']:.2%}",
            str(row["num_solved_now"]),
            str(row["num_solved_by_policy"]),
        )
    return table


def _change(first: dict[str, Any], last: dict[str, Any]) -> str:
    shares = ", ".join(
        f"{name} {first[key]:.1%} -> {last[key]:.1%}"
        for name, key in (("parsed", "share_parsed"), ("valid", "share_valid"))
    )
    return f"from iteration {first['iteration']} to {last['iteration']}: {shares}\n"


def _solved_table(start: dict[str, Any], iterations: list[dict[str, Any]]) -> Table:
    table = _table("Tasks solved")
    table.add_column("by")
    table.add_column("tasks", justify="right", style="cyan")
    table.add_column("of", justify="right")
    last = iterations[-1] if iterations else {}
    rows = (
        ("mutation of the seed programs", start["num_solved_by_mutation"]),
        ("the policy, all iterations", last.get("num_solved_by_policy", 0)),
        ("both together", last.get("num_solved", start["num_solved_by_mutation"])),
    )
    for name, count in rows:
        table.add_row(name, str(count), str(start["num_tasks"]))
    return table


def _time_table(rows: list[dict[str, Any]]) -> Table:
    seconds: dict[str, float] = {}
    for row in rows:
        for name, value in row["seconds"].items():
            seconds[name] = seconds.get(name, 0.0) + value
    total = sum(seconds.values())
    table = _table("Time")
    table.add_column("phase")
    table.add_column("seconds", justify="right")
    table.add_column("share", justify="right")
    for name, value in sorted(seconds.items(), key=lambda item: -item[1]):
        table.add_row(name, f"{value:.1f}", f"{value / total:.0%}" if total else "-")
    table.add_row("all", f"{total:.1f}", "", style="bold")
    return table


def _print_programs(solutions: list[dict[str, Any]], console: Console) -> None:
    """The shortest programs that solve a task, then the best that the policy wrote."""
    board = Scoreboard()
    found_by: dict[tuple[str, str], str] = {}
    by_policy: list[Candidate] = []
    for row in solutions:
        iteration, origin = row.pop("iteration"), row.pop("origin")
        candidate = Candidate(**row)
        name = "mutation" if origin == "mutation" else f"policy, iteration {iteration}"
        found_by.setdefault((candidate.task_id, candidate.program), name)
        board.add([candidate])
        if origin == "policy":
            by_policy.append(candidate)
    solving = [
        next(candidate for candidate in board.submission(task_id) if candidate.is_solution)
        for task_id in board.solved()
    ]
    solving.sort(key=lambda c: (len(c.program), c.task_id))
    by_policy.sort(key=lambda c: (-c.share_right, len(c.program), c.task_id))
    for title, candidates, count in (
        ("The shortest programs that solve a task", solving, _NUM_SOLVING_SHOWN),
        ("The best programs of the policy", by_policy, _NUM_POLICY_SHOWN),
    ):
        table = _table(f"{title} ({min(count, len(candidates))} of {len(candidates)})")
        for name in ("task", "found by", "demonstrations", "tests", "program"):
            table.add_column(name)
        for c in candidates[:count]:
            table.add_row(
                c.task_id,
                found_by[c.task_id, c.program],
                f"{c.num_right} of {c.num_demonstrations}",
                f"{c.num_tests_right} of {c.num_tests}",
                c.program,
                end_section=True,
            )
        console.print(table)
