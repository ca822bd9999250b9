"""Pictures as SVG and PNG. The layout of a picture is computed once, as a list of shapes; the two
back ends only paint shapes. One unit is one pixel of an SVG shown at its own size; y points down.
"""

import io
import itertools
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias
from xml.sax.saxutils import escape

import numpy as np

from codeit.grids import Grid
from codeit.tasks.blocks import Arrow, Block, Code, Panel, Picture, Piece

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

# The official ARC colors, 0 to 9.
PALETTE = (
    "#000000", "#0074D9", "#FF4136", "#2ECC40", "#FFDC00",
    "#AAAAAA", "#F012BE", "#FF851B", "#7FDBFF", "#870C25",
)  # fmt: skip
CELL_COLORS = (*PALETTE, "#E4E4DF", "#7A52CC")  # and those of EMPTY and MARKED in a Canvas
LINE_COLOR = "#555555"  # Between cells, and around a grid: black cells show on a black page.

# ---- Layout ----


def flow(widths: Sequence[int], gap: int, max_width: int) -> list[list[int]]:
    """Break things of these widths into lines, as words are; the lines hold their positions."""
    lines: list[list[int]] = []
    used = 0
    for k, width in enumerate(widths):
        if not lines or used + gap + width > max_width:
            lines.append([])
            used = -gap
        lines[-1].append(k)
        used += gap + width
    return lines


def longest_side(blocks: Sequence[Block]) -> int:
    pieces = [piece for block in blocks for piece in block.pieces]
    grids = [p.grid for p in pieces if isinstance(p, Panel) and p.grid is not None]
    return max((max(grid.shape) for grid in grids), default=1)


_BACKGROUND = "#F6F6F3"
_BORDER = "#D5D5CF"
_INK = "#1F2328"
_PALE_INK = "#656D76"
_CAPTION_INKS = {None: _PALE_INK, True: "#1A7F37", False: "#CF222E"}

_MARGIN = 20
_PIECE_GAP = 10
_BLOCK_GAP = 32
_ROW_GAP = 20
_TITLE_SIZE = 18
_LABEL_SIZE = 13
_LABEL_HEIGHT = 21
_CAPTION_SIZE = 11
_CODE_SIZE = 12
_CODE_PITCH = 0.6  # Width of a monospaced character, in sizes: the same in all usual fonts.
_CODE_LEADING = 17
_CODE_PADDING = 10
_CODE_COLUMNS = 72
_LETTER_WIDTH = 0.62  # Mean over text in a wide sans-serif font, in sizes.
_MIN_CELL, _MAX_CELL = 4, 20
_EMPTY_SIDE = 44
_ARROW_WIDTH = 26


@dataclass(frozen=True)
class _Rect:
    x: int
    y: int
    width: int
    height: int
    color: str
    radius: int = 0


@dataclass(frozen=True)
class _Lines:
    segments: Sequence[tuple[int, int, int, int]]  # x and y of one end, then of the other.
    color: str
    width: float


@dataclass(frozen=True)
class _Words:
    x: int
    y: int  # Of the baseline.
    text: str
    size: int
    color: str = _INK
    is_bold: bool = False
    is_code: bool = False
    is_centered: bool = False


_Shape: TypeAlias = _Rect | _Lines | _Words


def _lay_out(picture: Picture) -> tuple[int, int, list[_Shape]]:
    """Return the width and height of the picture, and its shapes from back to front."""
    shapes: list[_Shape] = []
    y = _MARGIN
    right = 0
    if picture.title:
        y_title = y + _TITLE_SIZE - 4
        shapes.append(_Words(_MARGIN, y_title, picture.title, _TITLE_SIZE, is_bold=True))
        right = _MARGIN + _text_width(picture.title, _TITLE_SIZE)
        y += _TITLE_SIZE + _ROW_GAP // 2
    for row in picture.rows:
        cell = min(max(picture.max_grid // longest_side(row), _MIN_CELL), _MAX_CELL)
        widths = [_block_width(block, cell) for block in row]
        for positions in flow(widths, _BLOCK_GAP, picture.max_width - 2 * _MARGIN):
            line = [row[k] for k in positions]
            if any(block.label for block in line):
                y += _LABEL_HEIGHT
            pieces = [piece for block in line for piece in block.pieces]
            sizes = [_piece_size(piece, cell) for piece in pieces]
            # Pieces are centered on one line, captions hang below them.
            y_mid = y + max((height for _, height, _ in sizes), default=0) // 2
            x = _MARGIN
            for block in line:
                if block.label:
                    y_label = y - _LABEL_HEIGHT + _LABEL_SIZE - 2
                    shapes.append(_Words(x, y_label, block.label, _LABEL_SIZE, is_bold=True))
                x_piece = x
                for piece in block.pieces:
                    shapes += _piece_shapes(piece, x_piece, y_mid, cell)
                    x_piece += _piece_size(piece, cell)[0] + _PIECE_GAP
                x += _block_width(block, cell) + _BLOCK_GAP
            right = max(right, x - _BLOCK_GAP)
            y = y_mid + max((h - h // 2 + c for _, h, c in sizes), default=0) + _ROW_GAP
    width, height = max(right, _MARGIN) + _MARGIN, y - _ROW_GAP + _MARGIN
    return width, height, [*_card(0, 0, width, height, _BACKGROUND), *shapes]


def _card(x: int, y: int, width: int, height: int, color: str) -> list[_Shape]:
    inner = _Rect(x + 1, y + 1, width - 2, height - 2, color, radius=6)
    return [_Rect(x, y, width, height, _BORDER, radius=7), inner]


def _block_width(block: Block, cell: int) -> int:
    pieces = sum(_piece_size(piece, cell)[0] + _PIECE_GAP for piece in block.pieces)
    return max(pieces - _PIECE_GAP, _text_width(block.label, _LABEL_SIZE))


def _piece_size(piece: Piece, cell: int) -> tuple[int, int, int]:
    """Width, height without the caption, and height of the caption."""
    match piece:
        case Panel(grid, caption, _):
            width, height = _panel_size(grid, cell)
            caption_height = _CAPTION_SIZE + 6 if caption else 0
            return max(width, _text_width(caption, _CAPTION_SIZE)), height, caption_height
        case Arrow():
            return _ARROW_WIDTH, 0, 0
        case Code(text):
            lines = _code_lines(text)
            width = math.ceil(max(map(len, lines)) * _CODE_PITCH * _CODE_SIZE)
            height = len(lines) * _CODE_LEADING
            return width + 2 * _CODE_PADDING, height + 2 * _CODE_PADDING, 0


def _panel_size(grid: Grid | None, cell: int) -> tuple[int, int]:
    if grid is None:
        return _EMPTY_SIDE, _EMPTY_SIDE
    return grid.shape[1] * cell, grid.shape[0] * cell


def _text_width(text: str, size: int) -> int:
    return math.ceil(len(text) * size * _LETTER_WIDTH)


def _code_lines(text: str) -> list[str]:
    lines: list[str] = []
    for line in text.removesuffix("\n").split("\n"):
        lines += textwrap.wrap(line, _CODE_COLUMNS, subsequent_indent="    ") or [""]
    return lines or [""]


def _piece_shapes(piece: Piece, x: int, y_mid: int, cell: int) -> list[_Shape]:
    width, height, _ = _piece_size(piece, cell)
    y = y_mid - height // 2
    shapes: list[_Shape] = []
    match piece:
        case Panel(grid, caption, is_right):
            grid_width, _ = _panel_size(grid, cell)
            shapes += _grid_shapes(grid, x + (width - grid_width) // 2, y, cell)
            if caption:
                at = (x + width // 2, y + height + _CAPTION_SIZE + 4)
                ink = _CAPTION_INKS[is_right]
                shapes.append(_Words(*at, caption, _CAPTION_SIZE, ink, is_centered=True))
        case Arrow():
            tip = x + width - 2
            arrow = [(x + 2, y, tip, y), (tip - 6, y - 6, tip, y), (tip - 6, y + 6, tip, y)]
            shapes.append(_Lines(arrow, _PALE_INK, 2))
        case Code(text):
            shapes += _card(x, y, width, height, "#FFFFFF")
            for k, line in enumerate(_code_lines(text)):
                y_line = y + _CODE_PADDING + k * _CODE_LEADING + _CODE_SIZE
                shapes.append(_Words(x + _CODE_PADDING, y_line, line, _CODE_SIZE, is_code=True))
    return shapes


def _grid_shapes(grid: Grid | None, x: int, y: int, cell: int) -> list[_Shape]:
    width, height = _panel_size(grid, cell)
    right, bottom = x + width, y + height
    lines = [(x, y, right, y), (x, bottom, right, bottom)]
    lines += [(x, y, x, bottom), (right, y, right, bottom)]
    if grid is None:
        mark = _Words(x + width // 2, y + height // 2 + 6, "?", 18, _PALE_INK, is_centered=True)
        return [_Lines(lines, _PALE_INK, 1), mark]
    # The most frequent color is one rectangle; runs of the others lie on it.
    base = int(np.bincount(grid.ravel()).argmax())
    shapes: list[_Shape] = [_Rect(x, y, width, height, CELL_COLORS[base])]
    for i, row in enumerate(grid.tolist()):
        j = 0
        for color, run in itertools.groupby(row):
            length = len(list(run))
            if color != base:
                at = (x + j * cell, y + i * cell)
                shapes.append(_Rect(*at, length * cell, cell, CELL_COLORS[color]))
            j += length
    lines += [(x, y + k, right, y + k) for k in range(cell, height, cell)]
    lines += [(x + k, y, x + k, bottom) for k in range(cell, width, cell)]
    shapes.append(_Lines(lines, LINE_COLOR, 1 if cell >= 10 else 0.5))
    return shapes


# ---- Back ends ----

_SANS = "system-ui,-apple-system,'Segoe UI',Helvetica,Arial,'DejaVu Sans',sans-serif"
_MONO = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"


def picture_to_svg(picture: Picture) -> str:
    """Return the picture as an SVG document of its own, without external fonts or styles."""
    width, height, shapes = _lay_out(picture)
    title = f"<title>{escape(picture.title)}</title>\n" if picture.title else ""
    body = "\n".join(_svg_shape(shape) for shape in shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" font-family="{_SANS}" shape-rendering="crispEdges">\n'
        f"{title}{body}\n</svg>\n"
    )


def _svg_shape(shape: _Shape) -> str:
    match shape:
        case _Rect(x, y, width, height, color, radius):
            # Only straight edges are better off without anti-aliasing.
            extra = f' rx="{radius}" shape-rendering="auto"' if radius else ""
            at = f'x="{x}" y="{y}" width="{width}" height="{height}"'
            return f'<rect {at} fill="{color}"{extra}/>'
        case _Lines(segments, color, width):
            path = "".join(
                f"M{x} {y}" + (f"H{x2}" if y == y2 else f"V{y2}" if x == x2 else f"L{x2} {y2}")
                for x, y, x2, y2 in segments
            )
            extra = ' shape-rendering="auto"' if "L" in path else ""
            extra += f' stroke="{color}" stroke-width="{width}" stroke-linecap="square"'
            return f'<path d="{path}"{extra}/>'
        case _Words(x, y, text, size, color):
            extra = ' font-weight="600"' if shape.is_bold else ""
            if shape.is_centered:
                extra += ' text-anchor="middle"'
            if shape.is_code:
                extra += f' font-family="{_MONO}" xml:space="preserve"'
            at = f'x="{x}" y="{y}" font-size="{size}"'
            return f'<text {at} fill="{color}"{extra}>{escape(text)}</text>'


def picture_to_png(picture: Picture, scale: int = 2) -> bytes:
    """Return the picture as a PNG file's bytes, `scale` pixels along the side of a unit."""
    from PIL import Image, ImageDraw  # Slow to import, and only this format needs it.

    if scale < 1:
        raise ValueError(f"scale is {scale}; it is a whole number from 1")
    width, height, shapes = _lay_out(picture)
    # Painted at twice the size, then halved: that smooths slanted lines and round corners.
    zoom = 2 * scale
    image = Image.new("RGBA", (width * zoom, height * zoom), _BORDER + "00")
    draw = ImageDraw.Draw(image)
    for shape in shapes:
        _paint(draw, shape, zoom)
    stream = io.BytesIO()
    image.reduce(2).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def _paint(draw: "ImageDraw.ImageDraw", shape: _Shape, zoom: int) -> None:
    match shape:
        case _Rect(x, y, width, height, color, radius):
            # Pillow counts the last pixel in.
            box = (x * zoom, y * zoom, (x + width) * zoom - 1, (y + height) * zoom - 1)
            draw.rounded_rectangle(box, radius * zoom, fill=color)
        case _Lines(segments, color, width):
            half = width * zoom / 2
            for x, y, x2, y2 in segments:
                if x == x2 or y == y2:
                    near = (x * zoom - half, y * zoom - half)
                    far = (x2 * zoom + half - 1, y2 * zoom + half - 1)
                    draw.rectangle((near, far), fill=color)
                else:
                    ends = (x * zoom, y * zoom, x2 * zoom, y2 * zoom)
                    draw.line(ends, fill=color, width=round(width * zoom))
        case _Words(x, y, text, size, color):
            font = _font(size * zoom, shape.is_code)
            if shape.is_code:
                # One by one, so that the columns line up in any font.
                for k, letter in enumerate(text):
                    at = ((x + (k + 0.5) * size * _CODE_PITCH) * zoom, y * zoom)
                    draw.text(at, letter, color, font, anchor="ms")
            else:
                anchor = "ms" if shape.is_centered else "ls"
                stroke = round(size * zoom / 40) if shape.is_bold else 0
                draw.text((x * zoom, y * zoom), text, color, font, anchor, stroke_width=stroke)


def _font(size: int, is_code: bool) -> "ImageFont.FreeTypeFont | ImageFont.ImageFont":
    from PIL import ImageFont

    for name in _MONO_FILES if is_code else ():
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)


# Looked up among the system's fonts; without any of them Pillow's own font does.
_MONO_FILES = ("DejaVuSansMono.ttf", "LiberationMono-Regular.ttf", "Menlo.ttc", "consola.ttf")
