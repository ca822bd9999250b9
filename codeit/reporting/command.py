"""The command `codeit report`: its words, and what it prints."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from codeit.reporting.page import check_page_path, write_page
from codeit.reporting.picture import solutions_picture
from codeit.reporting.reading import read_history
from codeit.reporting.text import print_history, print_task
from codeit.reporting.watch import watch
from codeit.tasks import render
from codeit.terminal import open_console, say
from codeit.terminal.arguments import Parser, path_of, whole_number


def report_command(words: Sequence[str]) -> None:
    """Run `codeit report` with these words."""
    parser = Parser(
        prog="codeit report",
        description="Show what a run, a search or mutants came to, or have come to so far.",
        examples=[
            "codeit report runs/demo",
            "codeit report runs/demo --task 68b67ca3",
            "codeit report runs/demo --html demo.html",
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
        help="draw the shortest programs that were found, and their tasks, to this .svg or .png; "
        "the text is printed with --all or --task alone",
    )
    add(
        "--html",
        type=path_of,
        metavar="FILE",
        help="write a page with charts, all tasks and their programs to this .html, which needs no "
        "network; the text is printed with --all or --task alone",
    )
    add(
        "--watch",
        action="store_true",
        help="serve that page on this machine until Ctrl-C, made anew while the run goes on",
    )
    add(
        "--port",
        type=whole_number(0, 65_535),
        metavar="N",
        help="with --watch, the port (default: 0, which picks a free one)",
    )
    parsed = parser.parse_args(words)
    if parsed.port is not None and not parsed.watch:
        raise ValueError("--port goes with --watch")
    if parsed.picture:
        render.check_picture_path(parsed.picture)
    if parsed.html:
        check_page_path(parsed.html)
    console = open_console()
    if parsed.watch:
        watch(parsed.directory, parsed.port or 0, console)
        return
    with _without_collection():
        history = read_history(parsed.directory)
        if parsed.task is not None:
            print_task(history, parsed.task, console, parsed.all)
        elif parsed.all or not (parsed.picture or parsed.html):
            print_history(history, console, parsed.all)
        if parsed.picture:
            render.save(parsed.picture, solutions_picture(history))
            _say_written(parsed.picture, "picture", parsed.directory, console)
        if parsed.html:
            write_page(history, parsed.html)
            _say_written(parsed.html, "page", parsed.directory, console)


@contextmanager
def _without_collection() -> Iterator[None]:
    """Look for no garbage: what is read is kept to the end, and a large search takes a quarter less
    time so."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _say_written(file: Path, what: str, directory: Path, console: Console) -> None:
    size = file.stat().st_size
    amount = f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"
    say(console, f"{file} is the {what} of {directory}, {amount}")
