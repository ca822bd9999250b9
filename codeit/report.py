"""Tables of a run, read from its directory. Needs no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from codeit.run_directory import METRICS, SOLUTIONS, read_lines
from codeit.scoring import Candidate, Scoreboard

_MAX_PROGRAMS_SHOWN = 6


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


def _learning_table(iterations: list[dict[str, Any]]) -> Table:
    table = Table(
        title="What the policy writes",
        caption="shares of all samples: parsed = is a program; valid = returns a grid for at least "
        "one demonstration; right = reproduces at least one",
        title_justify="left",
        caption_justify="left",
    )
    for name in ("iteration", "loss", "trained on", "samples", "distinct"):
        table.add_column(name, justify="right")
    for name in ("parsed", "valid", "right"):
        table.add_column(name, justify="right", style="green")
    for name in ("solved now", "by policy so far"):
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
    table = Table(title="Tasks solved", title_justify="left")
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
    table = Table(title="Time", title_justify="left")
    table.add_column("phase")
    table.add_column("seconds", justify="right")
    table.add_column("share", justify="right")
    for name, value in sorted(seconds.items(), key=lambda item: -item[1]):
        table.add_row(name, f"{value:.1f}", f"{value / total:.0%}" if total else "-")
    table.add_row("all", f"{total:.1f}", "", style="bold")
    return table


def _print_programs(solutions: list[dict[str, Any]], console: Console) -> None:
    """The shortest programs that solve a task, one for each task."""
    board = Scoreboard()
    found_by: dict[tuple[str, str], dict[str, Any]] = {}
    for row in solutions:
        origin = {"iteration": row.pop("iteration"), "origin": row.pop("origin")}
        candidate = Candidate(**row)
        found_by.setdefault((candidate.task_id, candidate.program), origin)
        board.add([candidate])
    best = []
    for task_id in board.solved():
        best.append(next(c for c in board.submission(task_id) if c.is_solution))
    best.sort(key=lambda c: (len(c.program), c.task_id))
    if not best:
        console.print("no task is solved yet")
        return
    table = Table(title="Programs that solve a task", title_justify="left", show_lines=True)
    for name in ("task", "found by", "program"):
        table.add_column(name)
    for candidate in best[:_MAX_PROGRAMS_SHOWN]:
        origin = found_by[candidate.task_id, candidate.program]
        where = "mutation" if origin["origin"] == "mutation" else f"policy, {origin['iteration']}"
        table.add_row(candidate.task_id, where, candidate.program)
    console.print(table)
    if len(best) > _MAX_PROGRAMS_SHOWN:
        console.print(f"and {len(best) - _MAX_PROGRAMS_SHOWN} more in {SOLUTIONS}")
