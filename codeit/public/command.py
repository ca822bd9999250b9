"""The command `codeit data`: what public data there is, and how it comes here."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence

from codeit.public.cache import cache_folder, is_here
from codeit.public.catalogue import PUBLIC, TASK_SOURCES, PublicData
from codeit.public.fetching import fetch
from codeit.terminal import add_row, open_console, plain, say
from codeit.terminal.arguments import Parser

_DESCRIPTION = """\
List the data that commands know by name; fetch some that is not in the package; or check tasks: how
many there are, and all that is left out, with the reason. What is fetched is a pinned revision: its
content is compared with the id that Git gives to it.
"""
_PLACES = """\

CODEIT_CACHE is where fetched data is kept (default ~/.cache/codeit, or XDG_CACHE_HOME), and
CODEIT_MIRROR another host that has GitHub's paths. After a break, the same command goes on.
BARC's large sets are on the Hugging Face hub: a .jsonl file of them, downloaded by hand, is taken
by its path.
"""


_COLUMNS = ("name", "where", "revision", "what")
_LEAST_WIDTH = 75
"""Of a terminal in which the list is a table."""


def data_command(
    words: Sequence[str], packaged: Mapping[str, str], check: Callable[[str], list[str]]
) -> None:
    """Run `codeit data` with these words.

    Args:
        packaged: what is there without being fetched: the name, and a line for people.
        check: what there is to say of a source of tasks.
    """
    parser = Parser(
        prog="codeit data",
        description=_DESCRIPTION + _PLACES,
        examples=[
            "codeit data list",
            "codeit data fetch concept-arc",
            "codeit data check arc1-training,my-tasks.json",
        ],
    )
    parser.add_argument("action", choices=("list", "fetch", "check"), help="what to do")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="what to fetch, or what tasks to check"
    )
    parsed = parser.parse_args(words)
    if parsed.action == "list":
        if parsed.names:
            raise ValueError("list takes no NAME; `codeit data fetch NAME` fetches one")
        _print_list(packaged)
        return
    if parsed.action == "check":
        if not parsed.names:
            raise ValueError("check needs a SOURCE: a data set, a file or a folder of tasks")
        for source in parsed.names:
            say(open_console(), *check(source))
        return
    if not parsed.names:
        raise ValueError("fetch needs a NAME; `codeit data list` has them")
    for data in [_named(name, packaged) for name in parsed.names]:
        _fetch(data)


def _named(name: str, packaged: Mapping[str, str]) -> PublicData:
    if name in packaged:
        raise ValueError(f"{name} is in the package; there is nothing to fetch")
    if name not in PUBLIC:
        near = difflib.get_close_matches(name, PUBLIC, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else "; `codeit data list` has the names"
        raise ValueError(f"no public data is named {name!r}{hint}")
    return PUBLIC[name]


def _fetch(data: PublicData) -> None:
    console = open_console()
    if is_here(data):
        say(console, f"{data.name} is here already")
        return
    with console.status("") as status:

        def report(done: int, total: int | None) -> None:
            of = f" of {total / 1e6:.1f}" if total else ""
            status.update(plain(f"{data.name}: {done / 1e6:.1f}{of} MB"))

        path = fetch(data, report)
    option = "--tasks" if data.name in TASK_SOURCES else "--programs"
    say(
        console,
        f"{data.name}: {data.repository} at {data.commit[:12]}, as pinned, in {path}; "
        f"{option} {data.name} takes it",
    )


def _print_list(packaged: Mapping[str, str]) -> None:
    from rich.table import Table

    console = open_console()
    rows = [(name, "package", "", about) for name, about in packaged.items()]
    for data in PUBLIC.values():
        where = "here" if is_here(data) else "fetch"
        rows.append((data.name, where, data.commit[:12], f"{data.about}; {data.repository}"))
    table = Table(box=None, pad_edge=False)
    for column in _COLUMNS:
        table.add_column(column)
    for row in rows:
        add_row(table, *row)
    if console.is_terminal and console.width >= _LEAST_WIDTH:
        console.print(table)
    else:  # a line each, for `grep`, and so that no name is cut
        rows.insert(0, _COLUMNS)
        width = max(len(name) for name, *_ in rows)
        say(console, *(f"{n:<{width}}  {w:<7}  {r:<12}  {what}" for n, w, r, what in rows))
    say(console, "", f"fetched data is kept in {cache_folder()}")
