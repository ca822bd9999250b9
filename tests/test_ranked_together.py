"""The order in which a run submits what all of its origins have found."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from small_run import quiet, settings_for

from codeit import Limits, Program
from codeit.candidates import find_candidates
from codeit.execution.executor import execute
from codeit.files.json_file import read_lines
from codeit.parallel.processes import SINGLE_PROCESS
from codeit.reporting.of_run import read_run
from codeit.runs.running import train
from codeit.runs.settings import LoopSearchSettings
from codeit.runs.stages import Workers, rank
from codeit.searching.found import Found
from codeit.searching.ranking import rank as rank_of_search
from codeit.tasks.scoring import Scoreboard
from codeit.tasks.task import Example, Task

PLAIN = np.array([[3, 3], [3, 3]], np.uint8)
ODD = np.array([[1, 2], [3, 4]], np.uint8)
TASK = Task("odd", (Example(PLAIN, PLAIN), Example(PLAIN[:1], PLAIN[:1])), (Example(ODD, ODD),))
"""All programs that turn a grid are right on its demonstrations, as far as they keep the shape."""

TEXTS = [
    "O = identity(I)",
    "O = hmirror(I)",
    "O = vmirror(I)",
    "x1 = vmirror(I)\nO = rot180(x1)",  # as hmirror
    "x1 = hmirror(I)\nO = switch(x1, ONE, TWO)",
    "O = tophalf(I)",  # right on no demonstration, or on one
]


def candidates(derivations):
    """By the paper's rule, each with so many derivations."""
    programs = [Program.parse(text) for text in TEXTS]
    results = execute(programs, [d.input for d in TASK.demonstrations])
    board = Scoreboard()
    found = find_candidates(TASK, programs, results, 1, Limits())
    counts = dict(zip(TEXTS, derivations, strict=True))
    board.add([replace(one, derivations=counts[one.program]) for one in found])
    return board.ranked((TASK.task_id, TASK.digest))


def ranked(some, threads=1):
    workers = Workers(SINGLE_PROCESS, threads, Limits(), quiet())
    return rank([some], [TASK], "codeit", workers)[0]


def found(text, derivations):
    program = Program.parse(text)
    outputs = execute([program], [ODD])
    return Found(program, "", 0.0, derivations, 0, 2, (outputs.grid(0, 0),))


@pytest.mark.parametrize(
    "derivations", [(1, 1, 1, 1, 1, 1), (1, 1, 900, 1, 1, 1), (1, 1, 1, 900, 1, 1)]
)
def test_all_together_are_in_the_order_of_the_search_s_ranking(derivations):
    """One program for each way to answer the tests, the first by the paper's rule, with the most
    derivations of those that answer alike."""
    first, second, third, alike, other, _ = derivations
    expected = [
        *(found(TEXTS[0], first), found(TEXTS[1], max(second, alike))),
        *(found(TEXTS[2], third), found(TEXTS[4], other)),
    ]
    order = [one.program.key for one in rank_of_search(TASK, expected).order]
    assert len(order) == 4
    for threads in (1, 2):
        assert ranked(candidates(derivations), threads) == order


def test_many_ways_to_an_answer_put_its_program_first():
    texts = {Program.parse(text).key: text for text in TEXTS}
    for place in range(3):
        derivations = [1] * len(TEXTS)
        derivations[place] = 10**6
        assert texts[ranked(candidates(derivations))[0]] == TEXTS[place]


def test_no_output_of_a_test_has_an_influence_on_the_order(monkeypatch):
    some = candidates([1] * len(TEXTS))
    order = ranked(some)
    hidden = replace(TASK, tests=(Example(ODD, None),))
    monkeypatch.setitem(globals(), "TASK", hidden)
    unknown = [replace(one, task_digest=hidden.digest, tests_right=(None,)) for one in some]
    assert ranked(unknown) == order


def test_a_run_keeps_the_order_by_which_its_figures_count(data, tmp_path):
    out = tmp_path / "run"
    settings = settings_for(data, iterations=2, search=LoopSearchSettings(evaluations=300))
    train(settings, out, quiet())
    rows, history = read_lines(out / "submitted.jsonl"), read_run(out)
    keys = {
        (s["task_id"], s.get("original_key", s["key"])) for s in read_lines(out / "solutions.jsonl")
    }
    assert {(row["task_id"], key) for row in rows for key in row["keys"]} <= keys
    orders = {(row["task_id"], row["task_digest"]): row["keys"] for row in rows}
    assert len(orders) == 8
    for task, order in orders.items():
        first = [one.candidate.key for one in history.stories[task].found]
        assert first[: len(order)] == order
    for rule, count in history.rows[-1].solved["all"].items():
        assert count == sum(rule in story.rules for story in history.stories.values())
