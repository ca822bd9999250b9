"""Values of a program's lines as little texts that a page draws: grids, patches, and words.

A drawing is rows of cells, divided by `/`: a digit for a color, `.` for a cell that is not in a
patch, `+` for one that is, without a color.
"""

from __future__ import annotations

from typing import Any

from codeit.grids import MAX_SIDE, Grid

_MOST_PARTS = 12
_MOST_WORDS = 160
_FAR = 2 * MAX_SIDE


def of_grid(grid: Grid) -> str:
    """A drawing of a grid."""
    digits = (grid + ord("0")).astype("uint8").tobytes().decode()
    width = grid.shape[1]
    return "/".join(digits[k : k + width] for k in range(0, len(digits), width))


def of_value(value: Any, shape: tuple[int, int]) -> list[Any]:
    """A value in canonical form (`Result.value_json`): `["g", drawing...]` for a grid, a patch or a
    set of patches, or `["w", words]`.

    Args:
        shape: of the grid that the program was given, on which patches lie.
    """
    if value is None:
        return ["w", "no value"]
    drawing = _grid(value)
    if drawing:
        return ["g", drawing]
    patch = _patch(value, shape)
    if patch:
        return ["g", patch]
    if _is_of(value) and len(value) - 1 > 0:
        parts = [_grid(part) or _patch(part, shape) for part in value[1 : _MOST_PARTS + 1]]
        if all(parts):
            left_out = len(value) - 1 - len(parts)
            return ["g", *parts, *([f"and {left_out} more"] if left_out else [])]
    words = _words(value)
    return ["w", words if len(words) <= _MOST_WORDS else words[:_MOST_WORDS] + " ..."]


def _is_of(value: Any, kinds: str = "ts") -> bool:
    return isinstance(value, list) and len(value) > 0 and value[0] in list(kinds)


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _grid(value: Any) -> str:
    if not _is_of(value, "t") or not 1 <= len(value) - 1 <= MAX_SIDE:
        return ""
    rows = value[1:]
    if not all(_is_of(row, "t") and 1 <= len(row) - 1 <= MAX_SIDE for row in rows):
        return ""
    if len({len(row) for row in rows}) != 1:
        return ""
    if not all(_is_int(cell) and 0 <= cell <= 9 for row in rows for cell in row[1:]):
        return ""
    return "/".join("".join(map(str, row[1:])) for row in rows)


def _patch(value: Any, shape: tuple[int, int]) -> str:
    """Of a set of places, or of colors and places."""
    if not _is_of(value, "s") or len(value) < 2:
        return ""
    cells: dict[tuple[int, int], str] = {}
    for item in value[1:]:
        if not _is_of(item, "t") or len(item) != 3:
            return ""
        color: Any = "+"
        place: Any = item
        if not (_is_int(item[1]) and _is_int(item[2])):
            _, color, place = item
        if not (_is_of(place, "t") and len(place) == 3 and all(map(_is_int, place[1:]))):
            return ""
        if color != "+" and not (_is_int(color) and 0 <= color <= 9):
            return ""
        if not all(-_FAR <= k < _FAR for k in place[1:]):
            return ""
        cells[place[1], place[2]] = str(color)
    top = min(0, *(i for i, _ in cells))
    left = min(0, *(j for _, j in cells))
    height = max(shape[0], *(i + 1 for i, _ in cells)) - top
    width = max(shape[1], *(j + 1 for _, j in cells)) - left
    if height > _FAR or width > _FAR:
        return ""
    return "/".join(
        "".join(cells.get((top + i, left + j), ".") for j in range(width)) for i in range(height)
    )


def _words(value: Any, depth: int = 0) -> str:
    if value is None or isinstance(value, bool):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if _is_of(value) and depth < 6:
        begin, end = ("(", ")") if value[0] == "t" else ("{", "}")
        parts = [_words(part, depth + 1) for part in value[1 : _MOST_PARTS + 1]]
        parts += ["..."] if len(value) - 1 > _MOST_PARTS else []
        return begin + ", ".join(parts) + end
    return "a function" if value == "fn" else "..."
