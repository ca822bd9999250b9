"""The page of a run, a search and mutants: what is on it, and what must not be."""

import json
import re
import shutil
import subprocess
import tomllib
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

pytest.importorskip("torch")

import small_mutate
import small_run
import small_search
from commands import fails_with

from codeit.cli import main
from codeit.files.json_file import read_lines
from codeit.files.sealed_lines import sealed
from codeit.learning.replay import PRIORITY_RANGES
from codeit.reporting import sections
from codeit.reporting.charts import Bar, BarChart, LineChart, Series
from codeit.reporting.page import page_of
from codeit.reporting.pieces import of_grid, of_value
from codeit.reporting.reading import read_history
from codeit.reporting.text import print_report
from codeit.tasks.scoring import RULES

WRITTEN = [
    ("--html", "page.html", "page"),
    ("--picture", "found.svg", "picture"),
    ("--picture", "found.png", "picture"),
]
VOID = {"meta", "link", "br", "input", "hr"}


class Page(HTMLParser):
    """Elements and texts, with a check that what is opened is closed."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.texts = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        # What HTML lets one leave open is not used here.
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def data(self):
        return json.loads(next(t for _, t in self.texts if t.startswith('{"colors"')))


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    return small_search.searched(tmp_path_factory.mktemp("searched"))


@pytest.fixture(scope="module")
def mutated(tmp_path_factory):
    return small_mutate.mutated(tmp_path_factory.mktemp("mutated"))


@pytest.fixture(scope="module")
def directories(finished, searched, mutated):
    return {"run": finished[0], "search": searched, "mutants": mutated}


def page_at(path):
    return Page(page_of(read_history(path)))


@pytest.mark.parametrize("kind", ["run", "search", "mutants"])
def test_a_page_is_one_file_that_asks_the_network_for_nothing(directories, kind, tmp_path):
    file = tmp_path / "page.html"
    assert main(["report", str(directories[kind]), "--html", str(file)]) == 0
    text = file.read_text()
    page = Page(text)
    for tag, attributes in page.elements:
        assert tag not in {"iframe", "img", "object", "embed", "base", "form"}
        for name in ("src", "href", "action", "xlink:href"):
            value = attributes.get(name)
            assert value is None or value.startswith("#") or value == "data:,", (tag, value)
        assert not any(name.startswith("on") for name in attributes)
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org/2000/svg)", text)
    (policy,) = [a["content"] for t, a in page.elements if "http-equiv" in a]
    assert "default-src 'none'" in policy
    assert "connect-src 'none'" in policy


@pytest.mark.parametrize("kind", ["run", "search", "mutants"])
@pytest.mark.parametrize(("option", "name", "what"), WRITTEN)
def test_a_report_that_is_written_to_a_file_is_one_line(
    capsys, directories, tmp_path, kind, option, name, what
):
    path, file = directories[kind], tmp_path / name
    assert main(["report", str(path), option, str(file)]) == 0
    size = file.stat().st_size
    printed = f"{file} is the {what} of {path}, {size / 1e3:.1f} kB\n"
    assert capsys.readouterr().out == printed
    for asked in (["--all"], ["--task", read_history(path).solving()[0][0].task_id]):
        assert main(["report", str(path), *asked]) == 0
        text = capsys.readouterr().out
        assert main(["report", str(path), *asked, option, str(file)]) == 0
        assert capsys.readouterr().out == text + printed


@pytest.mark.parametrize("kind", ["run", "search", "mutants"])
def test_the_figures_of_the_page_are_those_of_the_history_and_of_the_text(directories, kind):
    history = read_history(directories[kind])
    page, console = page_at(directories[kind]), small_run.quiet()
    print_report(directories[kind], console)
    figures = history.solved["all"] if kind == "run" else list(history.solved.values())[-1]
    shown = [text for tag, text in page.texts if tag == "b"]
    assert shown[:3] == [str(figures[rule]) for rule in RULES]
    cells = [text for tag, text in page.texts if tag == "td"]
    line = next(
        line.split()
        for line in console.file.getvalue().splitlines()
        if line.split()[-1:] == [str(history.num_scored)] and str(figures["top3"]) in line.split()
    )
    assert {str(figures[rule]) for rule in RULES} <= {word.split()[0] for word in line}
    assert any(cell.split()[0] == str(figures["top3"]) for cell in cells if cell.strip())
    tasks = page.data()["tasks"]
    solved = [task for task in tasks if RULES["top3"] in task["rules"]]
    assert (len(tasks), len(solved)) == (history.num_tasks, figures["top3"])


def test_how_samples_ended_is_the_same_on_the_page_and_in_the_text(finished):
    console = small_run.quiet()
    print_report(finished[0], console)
    (line,) = [
        s for s in console.file.getvalue().splitlines() if s.startswith("how the 48 samples")
    ]
    texts = [text for tag, text in page_at(finished[0]).texts if tag == "text"]
    shares = line.partition(": ")[2].split(", ")
    assert len(shares) > 1
    for share in shares:
        name, _, percent = share.rpartition(" ")
        assert texts[texts.index(name) + 1] == percent


def test_a_page_has_every_chart_that_the_run_recorded_something_for(directories):
    titles = {text for tag, text in page_at(directories["run"]).texts if tag == "figcaption"}
    assert titles >= {
        *("Tasks solved, by rule", "Loss"),
        "Tasks solved by three programs, by what found the program",
        "Tasks solved by two attempts, by what found the program",
        "Tasks solved by a program that fits all, by what found it",
        *("What the policy writes", "Length of programs", "Buffer", "Priority in the buffer"),
        "Priorities in the buffer, iteration 2",
        "Priorities, iteration by iteration: policy",
        *("How samples ended", "Examples of what failed", "Time of each stage"),
        *("When each stage worked, iteration 2", "First solutions"),
    }
    titles = {text for tag, text in page_at(directories["search"]).texts if tag == "figcaption"}
    assert titles >= {"Methods of the search", "Time of a task", "First solutions"}


def figures_of(text, title):
    """The rows of the figures below a chart."""
    (figure,) = [f for f in text.split("<figure") if f"<figcaption>{title}</figcaption>" in f]
    rows = re.findall(r"<tr>(.*?)</tr>", figure)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]


def test_the_priorities_of_the_page_are_those_of_the_run(finished):
    text, rows = page_of(read_history(finished[0])), read_lines(finished[0] / "metrics.jsonl")[1:]
    names, *shown = figures_of(text, "Priorities in the buffer, iteration 2")
    assert names == ["", *PRIORITY_RANGES, "all"]
    last = rows[-1]["buffer_priorities"]
    assert [row[0] for row in shown[:3]] == ["seeds", "mutants", "policy"]
    for row, origin in zip(shown, ("seed", "mutated", "policy"), strict=False):
        counts = [*last[origin].values()]
        assert row[1:] == [f"{n:,}" for n in [*counts, sum(counts)]]
    title = "Priorities, iteration by iteration: {}"
    names, *shown = figures_of(text, title.format("policy"))
    tables = [row["buffer_priorities"]["policy"] for row in rows]
    ever = [name for name in PRIORITY_RANGES if any(table[name] for table in tables)]
    assert [name.removeprefix("priority ") for name in names[1:]] == ever
    assert len(ever) > 1
    for cells, table in zip(shown, tables, strict=True):
        for cell, name in zip(cells[1:], ever, strict=True):
            share = 100 * table[name] / sum(table.values())
            assert float(cell.rstrip("%")) == pytest.approx(share, abs=0.06)
    assert title.format("seeds") not in text  # they never change


def test_what_is_new_and_how_long_programs_are_is_on_the_page_of_a_run_that_recorded_it(
    finished, tmp_path
):
    rows = read_lines(finished[0] / "metrics.jsonl")
    text = page_of(read_history(finished[0]))
    names, *shown = figures_of(text, "What the policy writes")
    assert names[-2:] == ["distinct", "new"]
    for cells, row in zip(shown, rows[1:], strict=True):
        for cell, name in zip(cells[-2:], ("num_distinct", "num_new"), strict=True):
            assert float(cell.rstrip("%")) == pytest.approx(100 * row[name] / 24, abs=0.06)
    names, *shown = figures_of(text, "Length of programs")
    assert names[1:5] == ["90%", "median", "10%", "mean"]
    for cells, row in zip(shown, rows[1:], strict=True):
        lines = row["program_lines"]
        assert cells[1:4] == [str(lines[name]) for name in ("q90", "median", "q10")]
    run = copy_of(finished[0], tmp_path)
    for row in rows[1:]:
        for name in ("num_new", "program_lines", "buffer_priorities"):
            del row[name]
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    text = page_of(read_history(run))
    assert figures_of(text, "What the policy writes")[0][-1] == "distinct"
    assert figures_of(text, "Length of programs")[0][1:] == ["mean", "found"]
    assert "Priorities" not in text


def test_a_solved_task_has_the_values_of_every_line_of_its_program(directories):
    for kind in directories:
        tasks = page_at(directories[kind]).data()["tasks"]
        task = next(task for task in tasks if task["programs"])
        program = task["programs"][0]
        assert len(program["lines"]) == len(program["text"].split("\n"))
        assert program["lines"][-1] == ["g", task["demos"][0][1]]
        assert program["by"]


def test_a_task_that_is_not_solved_has_its_nearest_misses_the_nearest_first(finished, tmp_path):
    run = copy_of(finished[0], tmp_path)
    lines = (run / "samples" / "0002.jsonl").read_text().splitlines()
    row = json.loads(lines[0])
    texts = ["O = canvas(ONE, UNITY)", "O = replace(I, ONE, TWO)", "O = height(I)"]
    row["samples"] = [{"text": text, "outcomes": ["ok"] * 3} for text in texts]
    (run / "samples" / "0002.jsonl").write_text("\n".join([json.dumps(row), *lines[1:]]) + "\n")
    (run / "solutions.jsonl").write_text("")
    tasks = page_at(run).data()["tasks"]
    (task,) = [task for task in tasks if task["id"] == row["task"]]
    assert [miss["text"] for miss in task["misses"]] == [texts[1], texts[0]]
    assert all(len(miss["made"]) == 4 for miss in task["misses"])
    near = task["misses"][0]
    differ = sum(
        a != b
        for made, (_, true) in zip(near["made"], task["demos"], strict=False)
        for a, b in zip(made, true, strict=True)
    )
    assert near["wrong"] == f"{differ} of 36"


def test_a_search_keeps_the_nearest_misses_of_a_task_that_it_does_not_solve(searched):
    history = read_history(searched)
    near = {record.task_id: record.nearest for record in history.records if record.nearest}
    tasks = page_at(searched).data()["tasks"]
    shown = [task for task in tasks if not task["rules"] and task["id"] in near]
    assert shown
    for task in shown:
        found = {
            one.candidate.shown for one in history.found if one.candidate.task_id == task["id"]
        }
        assert task["misses"]
        assert {miss["text"] for miss in task["misses"]} <= {*near[task["id"]]} | found


def test_a_search_of_an_earlier_version_has_a_page(searched, tmp_path):
    copy = copy_of(searched, tmp_path)
    lines = (copy / "tasks.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    for row in rows:
        del row["digest"], row["nearest"]
    (copy / "tasks.jsonl").write_bytes(b"".join(map(sealed, rows)))
    assert {record.nearest for record in read_history(copy).records} == {()}
    assert page_at(copy).data()["tasks"]
    rows[0]["nearest"] = [1]
    (copy / "tasks.jsonl").write_bytes(b"".join(map(sealed, rows)))
    with pytest.raises(ValueError, match='line 1: "nearest" is \\[1\\]; it is a list of programs'):
        read_history(copy)


def test_the_files_of_the_page_are_part_of_the_package():
    root = Path(__file__).parent.parent
    settings = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]
    known = {
        file for one in settings["package-data"]["codeit"] for file in (root / "codeit").glob(one)
    }
    files = {*(root / "codeit" / "reporting" / "templates").iterdir()}
    assert len(files) == 5
    assert files <= known


CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)


def opened(address, tmp_path):
    """What a browser makes of a page, and that it finds nothing wrong with it."""
    words = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu"]
    words += [f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr"]
    words += ["--virtual-time-budget=2000", "--dump-dom", address]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert "CONSOLE" not in ended.stderr
    return ended.stdout


MEASURE = """<script>
const wrong = [];
for (const figure of document.querySelectorAll("figure svg[viewBox]")) {
  const box = figure.viewBox.baseVal;
  for (const text of figure.querySelectorAll("text")) {
    const {x, y, width, height} = text.getBBox();
    if (x < 0 || y < -1 || x + width > box.width || y + height > box.height + 1)
      wrong.push(text.textContent);
  }
}
if (document.documentElement.scrollWidth > innerWidth) wrong.push("the page");
parent.postMessage(`measured at ${innerWidth}: ${wrong.join("; ")}`, "*");
</script></body>"""
FRAME = """<!doctype html><iframe src="page.html" style="width: {}px; height: 900px; border: 0">
</iframe><script>onmessage = event => document.title = event.data;</script>"""
"""A window of a browser is not as narrow as a phone."""


@pytest.mark.skipif(not CHROMIUM, reason="no chromium here: apt-get install chromium")
@pytest.mark.parametrize("kind", ["run", "search", "mutants"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_text_leaves_its_chart_and_no_page_its_window(directories, kind, width, tmp_path):
    text = page_of(read_history(directories[kind]))
    text = re.sub(r"<meta http-equiv[^>]*>", "", text).replace("</body>", MEASURE)
    (tmp_path / "page.html").write_text(text)
    (tmp_path / "frame.html").write_text(FRAME.format(width))
    dom = opened((tmp_path / "frame.html").as_uri(), tmp_path)
    assert re.search("<title>(.*)</title>", dom)[1] == f"measured at {width}: "


@pytest.mark.skipif(not CHROMIUM, reason="no chromium here: apt-get install chromium")
@pytest.mark.parametrize("kind", ["run", "search", "mutants"])
def test_a_browser_draws_the_task_that_is_asked_for_without_an_error(directories, kind, tmp_path):
    file = tmp_path / "page.html"
    history = read_history(directories[kind])
    file.write_text(page_of(history))
    task = page_at(directories[kind]).data()["tasks"][-1]
    dom = opened(f"{file.as_uri()}#task={task['id']}", tmp_path)
    assert f"<h3>Task {task['id']}</h3>" in dom
    num_pairs = len(task["demos"]) + len(task["tests"])
    assert dom.count('class="grid"') >= 2 * num_pairs - len(task["tests"])
    assert f"{history.num_tasks} of {history.num_tasks} tasks" in dom


def copy_of(path, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(path, copy, ignore=shutil.ignore_patterns("checkpoint"))
    return copy


HOSTILE = "</script><img src=x onerror=alert(1)>\"'&\x1b[31m\u202e\u2028"


def test_names_and_texts_from_outside_are_texts_on_the_page(finished, tmp_path):
    run = copy_of(finished[0], tmp_path)
    config, data = run / "config.toml", tmp_path / "evaluation.json"
    source = next(
        line.split('"')[1]
        for line in config.read_text().splitlines()
        if line.startswith("evaluation ")
    )
    tasks = json.loads(Path(source).read_text())
    name = next(iter(tasks))
    data.write_text(json.dumps({HOSTILE if k == name else k: v for k, v in tasks.items()}))
    config.write_text(config.read_text().replace(source, str(data)))
    for file in (run / "solutions.jsonl", run / "samples" / "0002.jsonl"):
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        for row in rows:
            for key in ("task", "task_id"):
                if row.get(key) == name:
                    row[key] = HOSTILE
            for sample in row.get("samples", ()):
                if "outcomes" not in sample:
                    sample["text"] = HOSTILE
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    text = page_of(read_history(run))
    page = Page(text)
    assert [tag for tag, _ in page.elements if tag == "script"] == ["script"] * 2
    assert "img" not in {tag for tag, _ in page.elements}
    assert not {"\x1b", "\u202e", "\u2028"} & {*text}
    (task,) = [task for task in page.data()["tasks"] if task["id"].startswith("</script>")]
    assert task["id"].endswith("\\x1b[31m\\u202e\\u2028")
    assert any("onerror" in text for tag, text in page.texts if tag == "pre")


def test_a_page_of_what_is_damaged_partial_or_nothing_is_one_line_and_no_file(
    capsys, directories, tmp_path
):
    file = tmp_path / "page.html"
    fails_with(capsys, ["report", tmp_path, "--html", file], "is this a directory of")
    for kind, name in (("run", "metrics.jsonl"), ("search", "tasks.jsonl"), ("run", "config.toml")):
        path = tmp_path / f"{kind}-{name}"
        shutil.copytree(directories[kind], path, ignore=shutil.ignore_patterns("checkpoint"))
        (path / name).write_bytes(b"?\n" + (path / name).read_bytes())
        fails_with(capsys, ["report", path, "--html", file], name)
    assert not file.exists()
    fails_with(
        capsys, ["report", directories["run"], "--html", tmp_path / "x.txt"], "ends in .html"
    )
    fails_with(
        capsys, ["report", directories["run"], "--html", tmp_path / "n" / "x.html"], "folder"
    )


def test_a_run_of_which_only_the_start_is_there_has_a_page(finished, tmp_path):
    run = copy_of(finished[0], tmp_path)
    lines = (run / "metrics.jsonl").read_text().splitlines()
    (run / "metrics.jsonl").write_text(lines[0] + "\n")
    (run / "solutions.jsonl").write_text("")
    shutil.rmtree(run / "samples")
    page = page_at(run)
    assert ", not finished" in "".join(text for _, text in page.texts)
    assert {task["count"] for task in page.data()["tasks"]} == {0}


def test_a_search_and_mutants_that_have_just_begun_have_a_page(searched, mutated, tmp_path):
    for path, kept in ((searched, {"search.json"}), (mutated, {"mutate.json", "curve.csv"})):
        copy = tmp_path / path.parent.name
        shutil.copytree(path, copy)
        for file in copy.iterdir():
            if file.is_file() and file.name not in kept:
                file.unlink()
        if "curve.csv" in kept:
            header = (copy / "curve.csv").read_text().splitlines()[0]
            (copy / "curve.csv").write_text(header + "\n")
            (copy / "solutions.jsonl").write_text("")
        page = page_at(copy)
        assert ", not finished" in "".join(text for _, text in page.texts)
        assert {task["count"] for task in page.data()["tasks"]} == {0}
        assert [text for tag, text in page.texts if tag == "b"][:3] == ["0"] * 3


def test_a_value_is_drawn_as_what_it_is():
    def places(*some):
        return ["s", *(["t", i, j] for i, j in some)]

    assert of_value(["t", ["t", 1, 2], ["t", 3, 4]], (2, 2)) == ["g", "12/34"]
    assert of_value(places((0, 0), (1, 2)), (2, 3)) == ["g", "+../..+"]
    cell = ["t", 7, ["t", -1, 0]]
    assert of_value(["s", cell], (1, 1)) == ["g", "7/."]
    assert of_value(["s", ["s", cell], ["s", ["t", 2, ["t", 0, 0]]]], (1, 1)) == ["g", "7/.", "2"]
    assert of_value(["s", *[["s", ["t", k % 10, ["t", 0, k]]] for k in range(14)]], (1, 14))[
        -1
    ] == ("and 2 more")
    assert of_value(5, (1, 1)) == ["w", "5"]
    assert of_value(True, (1, 1)) == ["w", "True"]
    assert of_value(["t", 1, "fn"], (1, 1)) == ["w", "(1, a function)"]
    assert of_value(None, (1, 1)) == ["w", "no value"]
    assert of_value(places((0, 10**9)), (1, 1)) == ["w", "{(0, 1,000,000,000)}"]
    assert of_value(["s"], (1, 1)) == ["w", "{}"]
    deep = 1
    for _ in range(900):
        deep = ["t", deep]
    assert len(of_value(deep, (1, 1))[1]) < 200


def test_a_grid_is_drawn_row_by_row():
    grid = small_run.run(small_run.Program.parse("O = canvas(SEVEN, TWO_BY_TWO)"), [[1]]).grid
    assert of_grid(grid) == "77/77"


def test_the_names_of_lines_do_not_stand_over_each_other_or_leave_the_chart():
    lines = [Series(f"line {k}", [(1, 0), (9, 0.01 * k)], k % 6) for k in range(8)]
    for chart in (
        LineChart("t", "x", "y", [Series("three programs", [(100, 2), (10**6, 1_118)], 1)]),
        LineChart("t", "x", "y", lines),
        LineChart("t", "x", "y", lines, is_log=True, is_share=True),
        LineChart("t", "x", "y", [Series("s", [(3, 0)], 1)]),
    ):
        ys = [label.y for label in chart.labels]
        assert all(b - a >= 15 for a, b in pairwise(ys))
        assert all(chart.top - 1 <= y <= chart.bottom + 1 for y in ys)
        assert all(chart.left <= tick.at <= chart.right for tick in chart.x_ticks)
        longest = max(len(label.text) for label in chart.labels)
        assert chart.left + 150 < chart.right + chart.name_left <= chart.width - 8 * longest
        assert len(chart.x_ticks) >= 2 or len(chart.lines) == 1
        assert len(chart.table[1]) == len({x for s in chart.lines for x, _ in s.points})


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (3_000, 25_400, ["5k", "10k", "20k"]),
        (1_000, 20_000, ["1k", "2k", "5k", "10k", "20k"]),
        (1_000, 1_000_000, ["1k", "10k", "100k", "1M"]),
        (100, 8_000_000, ["100", "1k", "10k", "100k", "1M"]),
    ],
)
def test_an_axis_by_powers_has_round_numbers_between_few_powers(low, high, texts):
    chart = LineChart("t", "x", "y", [Series("s", [(low, 1), (high, 2)], 1)], is_log=True)
    assert [tick.text for tick in chart.x_ticks] == texts


def test_the_lengths_of_all_programs_that_solve_a_task_are_counted(directories, monkeypatch):
    history = read_history(directories["run"])
    (chart,) = sections.lengths(history)
    number = len(history.solving())
    assert sum(bar.end for bar in chart.bars) == number
    monkeypatch.setattr(sections, "_MOST_BARS", 2)
    (chart,) = sections.lengths(history)
    assert [bar.name for bar in chart.bars] == ["1 line", "2 or more"]
    assert sum(bar.end for bar in chart.bars) == number


@pytest.mark.parametrize("text", ["1 s", "72.33 s busy", "12,228.86 s busy"])
def test_what_stands_behind_the_longest_bar_stays_in_the_chart(text):
    chart = BarChart("t", "x", [Bar("short", 0, 1, "1"), Bar("long", 2, 9, text)])
    assert chart.left + 100 < chart.x(9) <= chart.width - 6 - 7 * len(text)


def luminance(color):
    parts = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_texts_and_lines_can_be_read_in_light_and_dark(finished):
    text = page_of(read_history(finished[0]))
    themes = re.findall(r"\{\s*color-scheme: \w+;([^}]*)\}", text)
    assert len(themes) == 3
    for theme in themes:
        colors = dict(re.findall(r"--(\w+): (#\w{6})", theme))
        for name in ("text", "dim", "accent", "good", "bad", *(f"c{k}" for k in range(6))):
            for below in ("page", "card"):
                some = sorted((luminance(colors[name]), luminance(colors[below])))
                assert (some[1] + 0.05) / (some[0] + 0.05) >= 4.5, (name, below)


def test_an_axis_of_fractions_has_ticks_and_one_of_counts_no_fractions():
    for points, is_whole in (([(0.8, 0.5), (0.95, 1)], False), ([(1, 0.5), (2, 1)], True)):
        ticks = LineChart("t", "x", "y", [Series("s", points, 1)]).x_ticks
        assert len(ticks) >= 2
        assert all("." not in tick.text for tick in ticks) == is_whole
