"""A history as one page of HTML: all of it in one file, which asks no network for anything."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from codeit.files.whole_file import whole_file
from codeit.reporting import sections
from codeit.reporting.charts import Chart
from codeit.reporting.details import tasks_of
from codeit.reporting.history import History
from codeit.reporting.of_run import RunHistory
from codeit.reporting.of_search import SearchHistory
from codeit.reporting.sections import Table
from codeit.tasks.drawing import LINE_COLOR, PALETTE
from codeit.tasks.scoring import RULES
from codeit.terminal import visible, visible_lines
from codeit.version import __version__

_COLORS = {"palette": PALETTE, "line": LINE_COLOR}


def write_page(history: History, file: Path) -> None:
    """Write the page.

    Raises:
        ValueError: as `page_of`.
    """
    text = page_of(history)
    with whole_file(file) as out:
        out.write(text.encode("utf-8", "backslashreplace"))


def check_page_path(path: Path) -> None:
    """Raise ValueError where no page can be written."""
    if path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"--html: {path} is no name of a page; allowed: a name that ends in .html")
    if path.is_dir():
        raise ValueError(f"--html: {path} is a folder")
    if not path.parent.is_dir():
        raise ValueError(f"--html: {path}: there is no folder {path.parent}")


def page_of(history: History, version: str = "") -> str:
    """The page.

    Args:
        version: of what is on disk, where the page is served and asks for newer ones.
    Raises:
        ValueError: the tasks are gone, or a file is damaged.
    """
    tasks = tasks_of(history)
    script = _text("page.js")
    first = next(iter(RULES))
    return (
        _environment()
        .get_template("page.html")
        .render(
            history=history,
            figures=_figures(history),
            parts=_parts(history),
            data={"tasks": tasks, "first": RULES[first], "colors": _COLORS},
            style=Markup(_text("style.css")),  # ours, without anything from outside
            script=Markup(script),
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            version=version,
            codeit_version=__version__,
        )
    )


def error_page(path: Path, error: Exception, version: str) -> str:
    """What is shown where there is nothing to read yet; it asks for newer versions, too."""
    template = _environment().get_template("error.html")
    return template.render(name=path.name, error=str(error), version=version)


def _figures(history: History) -> list[tuple[str, str, str]]:
    """What stands large at the top: a number, what it is of, and what it says."""
    of = history.num_scored
    found = [
        (str(history.solved[history.by_all][rule]), f"of {of}", f"solved, {name}")
        for rule, name in RULES.items()
        if of or not history.is_done  # else every task hides the output of a test
    ]
    if isinstance(history, RunHistory):
        total = history.settings.iterations
        samples = sum(row.num_samples for row in history.iterations)
        found.append((str(len(history.iterations)), f"of {total}", "iterations"))
        found.append((f"{samples:,}", "", "programs sampled"))
    elif isinstance(history, SearchHistory):
        found.append((str(len(history.records)), f"of {history.num_tasks}", "tasks searched"))
    elif history.points:
        found.append((f"{history.points[-1].amount:,}", "", "mutants"))
    return found


def _parts(history: History) -> list[tuple[str, list[Chart | Table]]]:
    """The sections before the tasks: a title, and what is in it; nothing empty."""
    solved: list[Chart | Table] = [sections.solved_by_rule(history)]
    parts: list[tuple[str, list[Chart | Table]]]
    if isinstance(history, RunHistory):
        solved += [*sections.solved_by_origin(history), sections.solved_table(history)]
        parts = [
            ("Solved", solved),
            ("Learned", [*sections.learning_charts(history)]),
            ("Buffer", [*sections.buffer_charts(history)]),
            ("How samples ended", sections.ends_of_samples(history)),
            ("Time", [*sections.time_charts(history)]),
            ("Found", [*sections.lengths(history), sections.firsts(history)]),
        ]
    elif isinstance(history, SearchHistory):
        parts = [
            ("Solved", [*solved, sections.solved_table(history)]),
            ("The search", sections.search_tables(history)),
            ("Found", [sections.firsts(history)]),
        ]
    else:
        parts = [
            ("Solved", [*solved, sections.solved_table(history)]),
            ("Found", [*sections.lengths(history), sections.firsts(history)]),
        ]
    shown = [(title, [one for one in some if not one.is_empty]) for title, some in parts]
    return [(title, some) for title, some in shown if some]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("codeit.reporting"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"visible": visible, "visible_lines": visible_lines}
    return environment


def _text(name: str) -> str:
    """A file of ours, as it is."""
    return (resources.files("codeit.reporting") / "templates" / name).read_text("utf-8")
