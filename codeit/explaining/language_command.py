"""`codeit dsl`: the language, or one of its names, types or groups; examples are run."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from codeit.execution.explained import explain
from codeit.explaining.examples import EXAMPLE_GRID, example_of
from codeit.explaining.glossary import GROUPS, TYPES
from codeit.explaining.tracing import lines_shown, print_trace
from codeit.language import CONSTANTS, current
from codeit.language.table import Primitive
from codeit.ranges import nearest_name
from codeit.tasks.blocks import Block, Panel
from codeit.tasks.render import print_blocks
from codeit.terminal import open_console, say
from codeit.terminal.arguments import Parser

if TYPE_CHECKING:
    from rich.console import Console


def language_command(words: list[str]) -> None:
    """Print what was asked about the language."""
    parser = Parser(
        prog="codeit dsl",
        description="List the language, or say what one name is, with an example that is run.",
        examples=["codeit dsl", "codeit dsl objects", "codeit dsl painting", "codeit dsl Patch"],
    )
    parser.add_argument(
        "name", nargs="?", help="a primitive, a constant, a type, a group, or types or groups"
    )
    name = parser.parse_args(words).name
    console = open_console()
    primitives = current().primitives
    groups = dict.fromkeys(primitive.group for primitive in primitives.values())
    if name is None:
        for group in groups:
            _say_group(console, group, primitives.values())
        _say_constants(console)
    elif name in primitives:
        _say_primitive(console, primitives[name])
        if name in groups:
            _say_group(console, name, primitives.values())
    elif name in CONSTANTS:
        constant = CONSTANTS[name]
        say(console, f"{name}: {constant.type} = {constant.value}")
        say(console, f"    {constant.type}: {TYPES[constant.type]}")
    elif name in TYPES:
        _say_type(console, name, primitives.values())
    elif name in groups:
        _say_group(console, name, primitives.values())
    elif name == "types":
        say(console, *(f"{kind}: {words}" for kind, words in TYPES.items()))
    elif name == "groups":
        say(console, *(f"{group}: {GROUPS.get(group, 'of your own')}" for group in groups))
    else:
        names = [*primitives, *CONSTANTS, *TYPES, *groups, "types", "groups"]
        raise ValueError(f"unknown name {name!r}{nearest_name(name, names)}")


def _say_primitive(console: Console, primitive: Primitive) -> None:
    say(console, primitive.signature, f"    {primitive.summary} (group {primitive.group})")
    kinds = dict.fromkeys([*(p.type for p in primitive.parameters), primitive.returns])
    say(console, *(f"    {kind}: {TYPES[kind]}" for kind in kinds))
    program = example_of(primitive)
    if program is None:
        return
    lines = program.text.split("\n")
    if "I" in re.findall(r"\w+", program.text):
        say(console, "", "example, where I is this grid:")
        height, width = EXAMPLE_GRID.shape
        print_blocks([Block([Panel(EXAMPLE_GRID, f"{height}x{width}")])], console, indent=4)
    else:
        say(console, "", "example:")
    frame = (len(EXAMPLE_GRID), len(EXAMPLE_GRID[0]))
    print_trace(list(lines_shown(explain(program, EXAMPLE_GRID), lines, frame, False)), console)


def _say_type(console: Console, name: str, primitives: Iterable[Primitive]) -> None:
    say(console, f"{name}: {TYPES[name]}")
    primitives = list(primitives)
    taking = [p.name for p in primitives if name in [q.type for q in p.parameters]]
    returning = [p.name for p in primitives if p.returns == name]
    for what, names in (("taken by", taking), ("returned by", returning)):
        if names:
            say(console, f"    {what} {', '.join(names)}")


def _say_group(console: Console, group: str, primitives: Iterable[Primitive]) -> None:
    say(console, "", f"{group}: {GROUPS.get(group, 'of your own')}")
    for primitive in primitives:
        if primitive.group == group:
            say(console, f"  {primitive.signature}", f"      {primitive.summary}")


def _say_constants(console: Console) -> None:
    say(console, "", "constants")
    for constant in CONSTANTS.values():
        say(console, f"  {constant.name}: {constant.type} = {constant.value}")
