"""Values of the machine for the eye: the names of their types, as text, and as pictures.

Values are in canonical form, with functions as `LineRun` of `execution/explained.py` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from codeit.execution.explained import UNBOUND
from codeit.execution.results import MAX_PRINTED_VALUES, UNREADABLE
from codeit.grids import MAX_SIDE
from codeit.tasks.blocks import EMPTY, MARKED, Block, Canvas, Panel

MAX_PANELS = 8
"""How many of a container's pictures are drawn."""
_TEXT_ROOM = 100  # letters of a container's items, about
_WHOLE_FRAME = 12  # the longest side of a grid on which each patch of a container is drawn whole


def type_of(value: Any) -> str:
    """The narrowest type of the language (language.md 3.2) that a value has.

    A tuple of rows of one length is a Grid, whatever integers they hold.
    """
    if value is None:
        return "None"
    if isinstance(value, bool):
        return "Boolean"
    if isinstance(value, int):
        return "Integer"
    if isinstance(value, dict):
        return "Callable"
    if not isinstance(value, list):
        return "Any"
    tag, *items = value
    if tag == "s":
        return _type_of_set(items)
    if _is_place(value):
        return "IntegerTuple"
    if _is_cell(value):
        return "Cell"
    if not items or not all(_is_tuple(item) for item in items):
        return "Tuple"
    is_table = len({len(row) for row in items}) == 1 and items[0] != ["t"]
    if is_table and all(isinstance(color, int) for row in items for color in row[1:]):
        return "Grid"
    return "TupleTuple"


def _type_of_set(items: list[Any]) -> str:
    kinds = {
        "IntegerSet": lambda item: isinstance(item, int),
        "Indices": _is_place,
        "Object": _is_cell,
        "IndicesSet": lambda item: _is_set_of(item, _is_place),
        "Objects": lambda item: _is_set_of(item, _is_cell),
    }
    fitting = (name for name, is_one in kinds.items() if items and all(map(is_one, items)))
    return next(fitting, "FrozenSet")


def _is_tuple(value: Any) -> bool:
    return isinstance(value, list) and value[0] == "t"


def _is_place(value: Any) -> bool:
    return _is_tuple(value) and len(value) == 3 and all(isinstance(n, int) for n in value[1:])


def _is_cell(value: Any) -> bool:
    return (
        _is_tuple(value) and len(value) == 3 and isinstance(value[1], int) and _is_place(value[2])
    )


def _is_set_of(value: Any, is_one: Any) -> bool:
    is_full = isinstance(value, list) and value[0] == "s" and len(value) > 1
    return is_full and all(map(is_one, value[1:]))


def type_in_words(value: Any) -> str:
    """The type of a value, and whether there is nothing in it."""
    if value is UNREADABLE:
        return "a value of too many parts to be shown"
    is_empty = isinstance(value, list) and len(value) == 1
    return f"empty {type_of(value)}" if is_empty else type_of(value)


def text_of(value: Any, room: int = _TEXT_ROOM) -> str:
    """A value in the notation of Python, cut where it is long: `(1, 2, and 37 more)`."""
    if value is UNREADABLE:
        return f"more than {MAX_PRINTED_VALUES:,} parts, or nested too deeply to be shown"
    if value is UNBOUND:
        return "no value"
    if isinstance(value, dict):
        return _function_text(value["fn"], room)
    if not isinstance(value, list):
        return str(value)
    tag, *items = value
    begin, end = "()" if tag == "t" else "{}"
    if tag == "t" and len(items) == 1 and room >= 4:
        end = ",)"
    return begin + _items_text(items, room) + end


def _items_text(items: Sequence[Any], room: int) -> str:
    if items and room < 4:  # so deep in others that nobody would see where it ends
        return "..."
    texts: list[str] = []
    used = 0
    for k, item in enumerate(items):
        text = text_of(item, room // 2)
        used += len(text) + 2
        if texts and used > room:
            texts.append(f"and {len(items) - k:,} more")
            break
        texts.append(text)
    return ", ".join(texts)


def _function_text(function: Any, room: int) -> str:
    if isinstance(function, str):
        return function
    name, *arguments = function
    return f"{name}({_items_text(arguments, room)})"


def in_words(value: Any) -> str:
    """What a value is, in one line: all of it where it is small, else what it consists of."""
    if isinstance(value, dict):
        return f"the function {text_of(value)}"
    if not isinstance(value, list) or type_of(value) == "IntegerTuple":
        return text_of(value)
    kind, size = type_of(value), len(value) - 1
    if kind == "Grid":
        drawn = panels_of(value, (0, 0))
        where = f"{kind} {size}x{len(value[1]) - 1}"
        return where if drawn else f"{where}: {text_of(value)}"
    if panels_of(value, (MAX_SIDE, MAX_SIDE)):
        noun = "cell" if kind in ("Indices", "Object") else "item"
        return f"{kind} of {size:,} {noun}{'' if size == 1 else 's'}"
    return f"{type_in_words(value)}: {text_of(value)}"


def panels_of(value: Any, frame: tuple[int, int]) -> list[Panel]:
    """The pictures of a value, none where text says it better.

    Grids are drawn as they are, a patch on its place in a frame, the grids and patches of a
    container side by side. A color or a place that no grid has is left to the text.

    Args:
        frame: rows and columns of the grid that the program was given.
    """
    if not isinstance(value, list):
        return []
    single = _panel_of(value, frame, frame)
    if single is not None:
        return [single]
    tight = frame if max(frame) <= _WHOLE_FRAME else (0, 0)
    panels = [_panel_of(item, frame, tight) for item in value[1:]]
    drawn = [panel for panel in panels if panel is not None]
    return drawn if len(drawn) == len(panels) else []


def _panel_of(value: Any, frame: tuple[int, int], shown: tuple[int, int]) -> Panel | None:
    kind = type_of(value)
    if kind == "Grid":
        return _grid_panel([row[1:] for row in value[1:]])
    if kind not in ("Indices", "Object"):
        return None
    cells = [(MARKED, *c[1:]) if kind == "Indices" else (c[1], *c[2][1:]) for c in value[1:]]
    places = {(i, j) for _, i, j in cells}
    are_colors = kind == "Indices" or all(0 <= color <= 9 for color, _, _ in cells)
    if not are_colors or len(places) < len(cells):
        return None
    top, bottom = min(i for i, _ in places), max(i for i, _ in places)
    left, right = min(j for _, j in places), max(j for _, j in places)
    is_inside = top >= 0 and left >= 0 and bottom < shown[0] and right < shown[1]
    if is_inside:
        top, left, (height, width) = 0, 0, shown
    else:
        height, width = bottom - top + 1, right - left + 1
    if max(height, width) > MAX_SIDE:
        return None
    grid = np.full((height, width), EMPTY, np.uint8)
    for color, i, j in cells:
        grid[i - top, j - left] = color
    caption = f"{len(cells):,} cell{'' if len(cells) == 1 else 's'}"
    return Canvas(grid, caption if is_inside else f"{caption}, from ({top}, {left})")


def _grid_panel(rows: list[list[int]]) -> Panel | None:
    height, width = len(rows), len(rows[0])
    if max(height, width) > MAX_SIDE or not all(0 <= c <= 9 for row in rows for c in row):
        return None
    return Panel(np.array(rows, np.uint8), f"{height}x{width}")


def blocks_of(value: Any, frame: tuple[int, int]) -> list[Block]:
    """The pictures of a value as blocks, at most MAX_PANELS of them."""
    return [Block([panel]) for panel in panels_of(value, frame)[:MAX_PANELS]]


def left_out(value: Any, frame: tuple[int, int]) -> str:
    """How many of a value's pictures `blocks_of` leaves out, as `and 37 more`, or nothing."""
    num_more = len(panels_of(value, frame)) - MAX_PANELS
    return f"and {num_more:,} more" if num_more > 0 else ""
