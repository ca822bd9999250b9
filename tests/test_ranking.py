"""The ranking of programs that fit: what speaks against one, by hand-made tasks."""

import dataclasses

import numpy as np
import pytest

from codeit import Program
from codeit.searching.found import Found
from codeit.searching.ranking import LIKELY, WEIGHTS, features, rank
from codeit.searching.votes import agreements, votes
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


SQUARE = Task("square", FLIP.demonstrations, [Example(grid("12", "34"), None)])
ALONG = found("O = hmirror(I)", grid("34", "12"), evaluations=1)
ACROSS = found(MIRROR, grid("21", "43"), evaluations=2)


def test_the_chance_shrinks_where_another_program_is_as_good():
    assert rank(SQUARE, [ALONG, ACROSS]).chance < rank(SQUARE, [ALONG]).chance


def test_the_chance_is_smaller_where_the_first_one_was_found_by_painting():
    written = found(MIRROR, grid("401"))
    painted = dataclasses.replace(written, method="cover")
    assert rank(FLIP, [painted]).chance < rank(FLIP, [written]).chance


def test_programs_agree_where_they_answer_alike_as_the_input_is_turned():
    # Flipped along or across the axis, a mirror stays what it is; on its side, it is the other one.
    vertical, turn = found(MIRROR, grid("401")), found("O = rot180(I)", grid("401"))
    horizontal = found("O = hmirror(I)", grid("104"))
    (shares,) = agreements(FLIP, [vertical, turn, horizontal])
    assert shares.tolist() == [[0.5, 1, 0.5], [0.5, 1, 0.5], [0.5, 0, 0.5]]


def test_what_fails_when_the_input_is_turned_agrees_with_nothing():
    # There is no second column in what stands on its side.
    narrow = found("x1 = index(I, RIGHT)\nx2 = shape(I)\nO = canvas(x1, x2)", grid("000"))
    (shares,) = agreements(FLIP, [narrow, found(MIRROR, None)])
    assert shares.tolist() == [[0.5, 0], [0, 0]]


def test_votes_are_shares_by_the_odds_of_those_who_agree():
    agreed = [np.array([[1, 0.5], [0, 0.25]])]
    expected = [np.log(0.75 + 0.5 * 0.25 + 0.001), np.log(0.25 * 0.25 + 0.001)]
    assert np.allclose(votes(agreed, np.log([3.0, 1.0])), expected)
    assert np.allclose(votes(agreed * 2, np.log([3.0, 1.0])), expected)
    assert votes([], np.zeros(2)).tolist() == [0, 0]


def test_an_answer_that_stays_as_the_input_is_turned_comes_before_a_shorter_program():
    turn = found("x1 = hmirror(I)\nO = vmirror(x1)", grid("43", "21"))
    assert rank(SQUARE, [ALONG, turn]).order == (turn, ALONG)
    assert rank(SQUARE, [ALONG, ACROSS]).order == (ALONG, ACROSS)


def test_the_outputs_of_the_tests_change_no_order_and_no_chance():
    some = [
        found(text, *outputs)
        for text, outputs in ((MIRROR, [grid("401")]), ("O = hmirror(I)", [grid("104")]))
    ]
    for output in (grid("401"), grid("104"), grid("9")):
        known = Task("flip", FLIP.demonstrations, [Example(grid("104"), output)])
        assert rank(known, some) == rank(FLIP, some)
