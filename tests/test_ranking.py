"""The ranking of programs that fit: what speaks against one, by hand-made tasks."""

import dataclasses

import numpy as np
import pytest

from codeit import Program
from codeit.searching.found import Found
from codeit.searching.ranking import LIKELY, WEIGHTS, features, rank
from codeit.tasks.task import Example, Task


def grid(*rows):
    return np.array([[int(c) for c in row] for row in rows], np.uint8)


A, B = grid("120", "030"), grid("003", "210")
FLIP = Task("flip", [Example(A, A[:, ::-1]), Example(B, B[:, ::-1])], [Example(grid("104"), None)])


def found(text, *outputs, derivations=1, num_right=2, evaluations=10):
    return Found(Program.parse(text), "corpus", 10.0, derivations, evaluations, num_right, outputs)


def feature(name, task, *some):
    return features(task, some)[:, list(WEIGHTS).index(name)].tolist()


MIRROR = "O = vmirror(I)"


@pytest.mark.parametrize(
    ("name", "output", "expected"),
    [
        ("no grid", None, 1),
        ("no grid", grid("401"), 0),
        ("odd size", grid("401"), 0),
        ("odd size", grid("40"), 1),
        ("odd color", grid("401"), 0),
        ("odd color", grid("409"), 1),
        ("color of its own", grid("401"), 0),
        ("color of its own", grid("403"), 1),
        ("nothing changed", grid("104"), 1),
        ("nothing changed", grid("401"), 0),
    ],
)
def test_what_speaks_against_an_answer(name, output, expected):
    assert feature(name, FLIP, found(MIRROR, output)) == [expected]


def test_a_share_of_changed_cells_that_no_demonstration_has_is_odd():
    usual, none = feature(
        "odd change", FLIP, found(MIRROR, grid("401")), found(MIRROR, grid("104"))
    )
    assert usual < 0.5 < none


def test_a_line_that_can_be_left_out_somewhere_is_useless():
    blank = np.zeros((2, 3), np.uint8)
    fill = Task(
        "fill",
        [Example(grid("100", "020"), grid("100", "050")), Example(grid("110"), grid("110"))],
        [Example(grid("002"), None)],
    )
    program = "x1 = ofcolor(I, TWO)\nO = fill(I, FIVE, x1)"
    assert feature("useless line", fill, found(program, grid("005"))) == [0.5]
    always = Task("always", [Example(grid("2"), grid("5"))], [Example(blank, None)])
    assert feature("useless line", always, found(program, blank, num_right=1)) == [0]
    assert feature("useless line", FLIP, found(MIRROR, grid("401"))) == [0]


def test_what_reproduces_more_comes_first_whatever_its_features():
    odd = found(MIRROR, None)
    partial = found("O = hmirror(I)", grid("401"), num_right=1, derivations=1000)
    assert rank(FLIP, [partial, odd]).order == (odd, partial)


def test_of_two_that_fit_the_one_with_the_better_answer_comes_first():
    short = found(MIRROR, grid("104"))
    long = found("x1 = rot180(I)\nO = hmirror(x1)", grid("401"))
    assert rank(FLIP, [short, long]).order == (long, short)


def test_more_derivations_count_and_so_does_brevity():
    once = found("x1 = rot180(I)\nO = hmirror(x1)", grid("401"))
    often = dataclasses.replace(once, derivations=50)
    short = found(MIRROR, grid("401"))
    assert rank(FLIP, [once, often]).order[0] is often
    assert rank(FLIP, [once, short]).order[0] is short


def test_no_program_is_lost_or_made():
    some = [found(MIRROR, grid("401"), evaluations=k) for k in range(250)]
    order = rank(FLIP, some).order
    assert sorted(one.evaluations for one in order) == list(range(250))
    assert rank(FLIP, []).order == ()


def test_tasks_without_tests_are_ranked_too():
    task = Task("none", FLIP.demonstrations, [])
    assert len(rank(task, [found(MIRROR), found("x1 = rot180(I)\nO = hmirror(x1)")]).order) == 2


def test_the_chance_is_none_without_a_program_that_fits_and_grows_with_the_score():
    partial = found("O = hmirror(I)", grid("401"), num_right=1)
    assert rank(FLIP, [partial]).chance == 0
    odd, usual = (rank(FLIP, [found(MIRROR, output)]).chance for output in (None, grid("401")))
    assert 0 < odd < usual < 1
    assert usual > LIKELY


def test_the_chance_shrinks_where_another_program_is_as_good():
    alone = found(MIRROR, grid("401"))
    other = found("O = rot180(I)", grid("410"))
    assert rank(FLIP, [alone, other]).chance < rank(FLIP, [alone]).chance
