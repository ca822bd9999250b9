"""The command `codeit report`: its words, and what it prints."""

from __future__ import annotations

from collections.abc import Sequence

from codeit.reporting.picture import solutions_picture
from codeit.reporting.text import print_report, print_task_report
from codeit.tasks import render
from codeit.terminal import open_console
from codeit.terminal.arguments import Parser, path_of


def report_command(words: Sequence[str]) -> None:
    """Run `codeit report` with these words."""
    parser = Parser(
        prog="codeit report",
        description="Show what a run, a search or mutants came to, or have come to so far.",
        examples=[
            "codeit report runs/demo",
            "codeit report runs/demo --task 68b67ca3",
            "codeit report runs/demo --picture found.svg",
        ],
    )
    add = parser.add_argument
    add(
        "directory",
        type=path_of,
        help="a directory of `codeit train`, `codeit search` or `codeit mutate`",
    )
    add(
        "--all",
        action="store_true",
        help="print every iteration, and every program that solves a task",
    )
    add("--task", metavar="ID", help="print this task and what was found for it")
    add(
        "--picture",
        type=path_of,
        metavar="FILE",
        help="draw the programs that a run found, and their tasks, to this .svg or .png",
    )
    parsed = parser.parse_args(words)
    if parsed.picture:
        render.check_picture_path(parsed.picture)
    console = open_console()
    if parsed.task is None:
        print_report(parsed.directory, console, parsed.all)
    else:
        print_task_report(parsed.directory, parsed.task, console, parsed.all)
    if parsed.picture:
        render.save(parsed.picture, solutions_picture(parsed.directory))
