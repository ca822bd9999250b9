"""Grids and tasks in the terminal, and pictures of them as SVG and PNG."""

import io
import re
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from codeit.tasks import render
from codeit.tasks.blocks import Arrow, Block, Code, Panel, Picture
from codeit.tasks.drawing import picture_to_png, picture_to_svg
from codeit.tasks.task import Example, Task

FRAME = "#555555"
SVG = "{http://www.w3.org/2000/svg}"
TASK = Task(
    "ab12",
    (Example([[1, 2]], [[2, 1]]), Example([[3, 4]], [[4, 3]])),
    (Example([[5, 6]], [[6, 5]]),),
)
HIDDEN = Task("cd34", (Example([[1]], [[2]]),), (Example([[3]], None),))


def fails(text):
    """A ValueError whose whole message is the text."""
    return pytest.raises(ValueError, match="^" + re.escape(text) + "$")


def spans(text):
    """(characters, style) of each styled run of a rich text, line by line."""
    return [[(s.plain[p.start : p.end], str(p.style)) for p in s.spans] for s in text.split("\n")]


def printed(task, outputs=None, **settings):
    settings = {"width": 80, "color_system": None, "file": io.StringIO(), **settings}
    console = Console(**settings)
    render.print_task(task, console, outputs)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def svg_elements(svg, name):
    return ElementTree.fromstring(svg).findall(f"{SVG}{name}")


def svg_of(grid, **settings):
    return picture_to_svg(Picture([[Block([Panel(grid)])]], **settings))


def cell_rects(svg):
    """(x, y, width, height, fill) of the square-cornered rectangles."""
    return [
        (*(int(r.get(key)) for key in ("x", "y", "width", "height")), r.get("fill"))
        for r in svg_elements(svg, "rect")
        if r.get("rx") is None
    ]


def svg_texts(svg):
    return [text.text for text in svg_elements(svg, "text")]


# ---- Terminal ----


def test_a_line_of_half_blocks_shows_two_rows_of_pixels_inside_a_frame():
    black, blue, red = "#000000", "#0074D9", "#FF4136"
    assert spans(render.grid_to_text([[1, 1, 2], [0, 0, 0]])) == [
        [
            ("▀", f"{FRAME} on {FRAME}"),
            ("▀▀", f"{FRAME} on {blue}"),
            ("▀", f"{FRAME} on {red}"),
            ("▀", f"{FRAME} on {FRAME}"),
        ],
        [
            ("▀", f"{FRAME} on {FRAME}"),
            ("▀▀▀", f"{black} on {FRAME}"),
            ("▀", f"{FRAME} on {FRAME}"),
        ],
    ]


def test_an_odd_last_row_of_pixels_leaves_the_lower_half_alone():
    assert spans(render.grid_to_text([[0]]))[-1] == [("▀▀▀", FRAME)]


@pytest.mark.parametrize(
    ("side", "scale", "columns", "lines"), [(1, 1, 3, 2), (30, 1, 32, 16), (10, 2, 22, 11)]
)
def test_a_grid_takes_its_cells_and_the_frame(side, scale, columns, lines):
    text = render.grid_to_text(np.zeros((side, side), int), scale)
    assert [len(line) for line in text.split("\n")] == [columns] * lines


def test_without_color_a_grid_is_digits():
    assert render.grid_to_text([[0, 1], [9, 5]], color=False).plain == "01\n95"


def test_the_scale_sets_digits_apart():
    assert render.grid_to_text([[0, 1], [9, 5]], scale=2, color=False).plain == "0 1\n9 5"


def test_a_malformed_grid_is_not_drawn():
    with fails("grid: color 10 at row 1, column 1; colors are integers 0 to 9"):
        render.grid_to_text([[10]])


def test_a_scale_under_1_is_refused():
    with fails("scale is 0; it is a whole number from 1"):
        render.grid_to_text([[1]], scale=0)


def test_a_task_prints_its_examples_side_by_side():
    assert printed(TASK) == [
        "task ab12",
        "demonstration 1            demonstration 2            test 1",
        "1 2          2 1           3 4          4 3           5 6          6 5",
        "input 1x2 -> output 1x2    input 1x2 -> output 1x2    input 1x2 -> output 1x2",
        "",
    ]


def test_a_narrower_console_continues_in_the_next_line():
    assert printed(TASK, width=50)[1::4] == [
        "demonstration 1            demonstration 2",
        "test 1",
    ]


def test_a_console_too_narrow_for_a_pair_stacks_its_grids():
    lines = printed(HIDDEN, width=15)
    assert lines[1:8] == ["demonstration 1", "1", "input 1x1", "", "->", "2", "output 1x1"]
    assert all(len(line) <= 15 for line in lines)


def test_outputs_are_printed_beside_the_expected_grids_with_a_verdict():
    assert printed(TASK, [[[2, 1]], [[4, 4]], None], width=40) == [
        "task ab12",
        "demonstration 1",
        "1 2          2 1          2 1",
        "input 1x2 -> expected 1x2 right 1x2",
        "",
        "demonstration 2",
        "3 4          4 3          4 4",
        "input 1x2 -> expected 1x2 wrong 1x2",
        "",
        "test 1",
        "5 6          6 5          ?",
        "input 1x2 -> expected 1x2 no output",
        "",
    ]


def test_a_hidden_output_is_a_question_mark_and_has_no_verdict():
    assert printed(HIDDEN, [None, [[7]]])[1:4] == [
        "demonstration 1                        test 1",
        "1            2            ?            3            ?      7",
        "input 1x1 -> expected 1x1 no output    input 1x1 -> hidden program 1x1",
    ]


@pytest.mark.parametrize(("side", "row"), [(10, "0 " * 9 + "0"), (11, "0" * 11)])
def test_cells_are_larger_in_tasks_of_grids_up_to_10_a_side(side, row):
    grid = np.zeros((side, side), int)
    task = Task("a", (Example(grid, [[1]]),), ())
    assert printed(task)[3] == f"{row} -> output 1x1"


@pytest.mark.parametrize("system", ["256", "truecolor"])
def test_a_console_with_enough_colors_gets_blocks(system):
    lines = printed(TASK, color_system=system, force_terminal=True)
    assert "▀" in lines[2]


@pytest.mark.parametrize(
    "settings",
    [
        {"color_system": "standard", "force_terminal": True},
        {"color_system": "truecolor", "force_terminal": True, "no_color": True},
        {
            "color_system": "truecolor",
            "force_terminal": True,
            "file": io.TextIOWrapper(io.BytesIO(), encoding="ascii"),
        },
    ],
)
def test_a_console_without_enough_colors_or_unicode_gets_digits(settings):
    console = Console(width=80, **{"file": io.StringIO(), **settings})
    with console.capture() as capture:
        render.print_task(TASK, console)
    assert "▀" not in capture.get()
    assert "1 2          2 1" in re.sub("\x1b[^m]*m", "", capture.get())


@pytest.mark.parametrize("num_outputs", [2, 4])
def test_outputs_must_be_as_many_as_examples(num_outputs):
    with fails(f"{num_outputs} outputs; task ab12 has 3 examples"):
        render.task_blocks(TASK, [None] * num_outputs)


def test_a_malformed_output_is_refused_with_its_example():
    with fails("output of test 1: 0 rows; a grid has 1 to 30"):
        render.task_blocks(TASK, [None, None, []])


# ---- SVG ----


def test_runs_of_one_color_are_one_rectangle_on_the_most_frequent_color():
    assert cell_rects(svg_of([[0, 0, 0], [0, 4, 4], [1, 0, 4]])) == [
        (20, 20, 60, 60, "#000000"),
        (40, 40, 40, 20, "#FFDC00"),
        (20, 60, 20, 20, "#0074D9"),
        (60, 60, 20, 20, "#FFDC00"),
    ]


def test_lines_separate_all_cells_and_surround_the_grid():
    (path,) = svg_elements(svg_of([[1, 2]]), "path")
    assert path.get("d") == "M20 20H60M20 40H60M20 20V40M60 20V40M40 20V40"
    assert path.get("stroke") == FRAME


def test_the_view_box_is_the_size_of_the_picture():
    root = ElementTree.fromstring(svg_of([[1, 2]]))
    assert root.get("viewBox") == "0 0 80 60"
    assert (root.get("width"), root.get("height")) == ("80", "60")


@pytest.mark.parametrize(("side", "cell"), [(1, 20), (8, 20), (9, 17), (20, 8), (30, 5)])
def test_cells_are_as_large_as_the_longest_side_allows(side, cell):
    rect = cell_rects(svg_of(np.zeros((1, side), int)))[0]
    assert rect[2:4] == (side * cell, cell)


def test_cells_never_shrink_under_4_units():
    assert cell_rects(svg_of(np.zeros((1, 30), int), max_grid=30))[0][2:4] == (120, 4)


def test_all_grids_of_a_row_have_cells_of_one_size():
    blocks = [Block([Panel([[1]])]), Block([Panel(np.zeros((16, 16), int))])]
    one, other = cell_rects(picture_to_svg(Picture([blocks])))
    assert (one[2:4], other[2:4]) == ((10, 10), (160, 160))


@pytest.mark.parametrize(("max_width", "num_lines"), [(112, 1), (111, 2)])
def test_a_row_wider_than_the_picture_continues_in_the_next_line(max_width, num_lines):
    # Two grids of 20 units, 32 between them, 20 on either side.
    blocks = [Block([Panel([[1]])]), Block([Panel([[2]])])]
    rects = cell_rects(picture_to_svg(Picture([blocks], max_width=max_width)))
    assert len({y for _, y, *_ in rects}) == num_lines


def test_text_is_escaped():
    block = Block([Panel([[1]], "a < b"), Code("x1 = f(<I> & 'x')")], '"label"')
    svg = picture_to_svg(Picture([[block]], "R&D </svg>"))
    assert svg_texts(svg) == ["R&D </svg>", '"label"', "a < b", "x1 = f(<I> & 'x')"]
    assert svg_elements(svg, "title")[0].text == "R&D </svg>"


def test_what_is_not_printable_stands_as_its_escape_in_a_picture():
    hostile = "a\x00b\x1bc\ud800\u202e"
    shown = r"a\x00b\x1bc\ud800\u202e"
    block = Block([Panel([[1]], hostile), Code(hostile)], hostile)
    picture = Picture([[block]], hostile)
    assert svg_texts(picture_to_svg(picture)) == [shown] * 4
    picture_to_png(picture)


def test_program_text_keeps_its_spaces_and_lines():
    svg = picture_to_svg(Picture([[Block([Code("def solve(I):\n    return I\n")])]]))
    assert svg_texts(svg) == ["def solve(I):", "    return I"]


@pytest.mark.parametrize(("length", "num_lines"), [(72, 1), (73, 2)])
def test_program_lines_are_wrapped_after_72_characters(length, num_lines):
    svg = picture_to_svg(Picture([[Block([Code("x" * length)])]]))
    assert len(svg_texts(svg)) == num_lines


def test_a_task_becomes_labels_captions_arrows_and_program():
    svg = render.task_to_svg(TASK, [[[2, 1]], [[1, 1]], None], program="O = vmirror(I)")
    assert svg_texts(svg) == [
        "Task ab12",
        *("demonstration 1", "input 1x2", "expected 1x2", "right 1x2"),
        *("demonstration 2", "input 1x2", "expected 1x2", "wrong 1x2"),
        *("test 1", "input 1x2", "expected 1x2", "?", "no output"),
        *("program", "O = vmirror(I)"),
    ]
    # Eight grids, an empty box and three arrows.
    assert len(svg_elements(svg, "path")) == 12


def test_a_title_replaces_the_name_of_the_task():
    assert svg_texts(render.task_to_svg(TASK, title="Mirror"))[0] == "Mirror"
    assert svg_texts(render.task_to_svg(TASK, title=""))[0] == "demonstration 1"


@pytest.mark.parametrize("rows", [[], [[]], [[Block([])]], [[Block([Code("")])]]])
def test_a_picture_of_nothing_is_still_a_picture(rows):
    ElementTree.fromstring(picture_to_svg(Picture(rows)))
    assert picture_to_png(Picture(rows))


def test_a_malformed_grid_cannot_become_a_panel():
    with fails("grid of a panel: color 11 at row 1, column 1; colors are integers 0 to 9"):
        Panel([[11]])


# ---- PNG ----


def png_of(picture, scale):
    return Image.open(io.BytesIO(picture_to_png(picture, scale))).convert("RGBA")


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_a_png_has_scale_pixels_along_each_unit(scale):
    assert png_of(Picture([[Block([Panel([[1, 2]])])]]), scale).size == (80 * scale, 60 * scale)


@pytest.mark.parametrize(
    ("color", "rgb"),
    [
        (0, (0, 0, 0)),
        (1, (0, 116, 217)),
        (2, (255, 65, 54)),
        (3, (46, 204, 64)),
        (4, (255, 220, 0)),
        (5, (170, 170, 170)),
        (6, (240, 18, 190)),
        (7, (255, 133, 27)),
        (8, (127, 219, 255)),
        (9, (135, 12, 37)),
    ],
)
def test_the_middle_of_a_cell_has_the_official_color(color, rgb):
    image = png_of(Picture([[Block([Panel([[0, color]])])]]), 2)
    assert image.getpixel((100, 60)) == (*rgb, 255)


def test_the_corners_of_a_png_are_transparent():
    image = png_of(Picture([[Block([Panel([[1]])])]]), 2)
    assert image.getpixel((0, 0))[3] == 0
    assert image.getpixel((20, 20)) == (0xF6, 0xF6, 0xF3, 255)


def test_text_leaves_dark_pixels_in_a_png():
    block = Block([Arrow(), Code("O = I")], "two\nlines")
    image = png_of(Picture([[block]], "title"), 2).convert("L")
    assert image.getextrema()[0] < 64


def test_a_png_scale_under_1_is_refused():
    with fails("scale is 0; it is a whole number from 1"):
        picture_to_png(Picture([]), 0)


# ---- Files ----


def test_the_suffix_svg_writes_the_svg(tmp_path):
    picture = render.task_to_picture(TASK)
    render.save(tmp_path / "a.svg", picture)
    assert (tmp_path / "a.svg").read_text() == picture_to_svg(picture)


def test_the_suffix_png_writes_a_png_of_the_scale(tmp_path):
    render.save(str(tmp_path / "a.PNG"), Picture([[Block([Panel([[1, 2]])])]]), scale=3)
    with Image.open(tmp_path / "a.PNG") as image:
        assert (image.format, image.size) == ("PNG", (240, 180))


@pytest.mark.parametrize(("name", "suffix"), [("a.jpg", ".jpg"), ("a", "")])
def test_another_suffix_is_refused(tmp_path, name, suffix):
    path = tmp_path / name
    with fails(f"{path}: suffix {suffix!r}; a picture is saved as .svg or .png"):
        render.save(path, Picture([]))


def test_a_missing_folder_is_refused(tmp_path):
    path = tmp_path / "no" / "a.svg"
    with fails(f"{path}: there is no folder {path.parent}"):
        render.save(path, Picture([]))


def test_saving_replaces_the_file_and_leaves_nothing_else(tmp_path):
    (tmp_path / "a.svg").write_text("old")
    render.save(tmp_path / "a.svg", Picture([]))
    assert (tmp_path / "a.svg").read_text().startswith("<svg ")
    assert [file.name for file in tmp_path.iterdir()] == ["a.svg"]


def test_a_failed_save_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    def fail(descriptor):
        raise OSError("disk full")

    (tmp_path / "a.svg").write_text("old")
    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        render.save(tmp_path / "a.svg", Picture([]))
    assert (tmp_path / "a.svg").read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.svg"]


def test_importing_render_leaves_pillow_alone():
    code = "import sys, codeit.tasks.render; sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_two_grids_of_digits_beside_each_other_stand_apart():
    panels = [Panel(np.full((2, 9), k, np.uint8), "short") for k in (1, 2)]
    console = Console(file=io.StringIO(), width=80, color_system=None)
    render.print_blocks([Block(panels, "two")], console)
    ones, twos = ("1 " * 9).strip(), ("2 " * 9).strip()
    assert console.file.getvalue().splitlines()[1].rstrip() == f"{ones}    {twos}"
    console = Console(file=io.StringIO(), width=80, color_system="truecolor", force_terminal=True)
    render.print_blocks([Block(panels, "two")], console)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", console.file.getvalue())
    assert "▀ ▀" in plain  # frames do it
