"""The three figures: which programs are submitted, and which tasks count as solved."""

import json
from dataclasses import replace

import pytest

from codeit.tasks.scoring import RULES, Candidate, Score, Scoreboard, Submission, in_words

A = ("a", "digest of a")


def candidate(program, num_right, tests_right=(False,), task=A, predictions=None, key=None):
    """Of a task with four demonstrations; without predictions, one that no other program makes."""
    if predictions is None:
        predictions = [f"{program} {k}" for k in range(len(tests_right))]
    return Candidate(
        *task, program, key or program, num_right, 4, tuple(predictions), tuple(tests_right)
    )


def board_of(*candidates):
    board = Scoreboard()
    board.add(candidates)
    return board


def programs(group):
    return [c.program for c in group]


# ---- The paper's rule ----


def test_the_three_best_by_demonstrations_are_submitted():
    board = board_of(*(candidate(name, k) for k, name in enumerate("abcd", start=1)))
    assert programs(board.submission(A)) == ["d", "c", "b"]


def test_of_equally_good_programs_the_shorter_ones_go_first_then_by_text():
    board = board_of(*(candidate(name, 2) for name in ("ccc", "bb", "aa", "d")))
    assert programs(board.submission(A)) == ["d", "aa", "bb"]


def test_a_solution_that_is_not_submitted_does_not_count():
    board = board_of(candidate("a long solution", 1, [True]))
    assert board.solved("top3") == [A]
    board.add([candidate(name, 1) for name in ("x", "y", "z")])
    assert board.solved("top3") == []


def test_a_task_can_be_solved_by_a_program_that_misses_a_demonstration():
    board = board_of(candidate("p", 1, [True]))
    assert board.figures() == {"top3": 1, "two_attempts": 1, "fits_all": 0}


def test_all_tests_of_a_task_must_be_right():
    board = board_of(candidate("p", 4, [True, False]))
    assert board.figures() == {"top3": 0, "two_attempts": 0, "fits_all": 0}


def test_a_task_without_tests_is_never_solved():
    board = board_of(candidate("p", 4, []))
    assert board.figures() == {"top3": 0, "two_attempts": 0, "fits_all": 0}


@pytest.mark.parametrize("tests_right", [[None], [True, None]])
def test_a_task_with_a_hidden_test_is_never_solved(tests_right):
    board = board_of(candidate("p", 4, tests_right))
    assert board.figures() == {"top3": 0, "two_attempts": 0, "fits_all": 0}


# ---- Two attempts ----


def test_programs_that_predict_the_same_are_one_attempt():
    board = board_of(
        candidate("aa", 4, predictions="x"),
        candidate("b", 3, predictions="y"),
        candidate("c", 2, predictions="x"),
        candidate("d", 2, predictions="z"),
    )
    assert list(map(programs, board.attempts(A))) == [["aa", "c"], ["b"]]


def test_an_attempt_ranks_by_its_best_program_then_by_agreement_then_by_brevity():
    board = board_of(
        candidate("one of two", 2, predictions="x"),
        candidate("two of two", 2, predictions="x"),
        candidate("longer", 2, predictions="y"),
        candidate("short", 2, predictions="z"),
    )
    assert list(map(programs, board.attempts(A))) == [["one of two", "two of two"], ["short"]]
    board.add([candidate("b", 2, predictions="u"), candidate("a", 2, predictions="v")])
    assert list(map(programs, board.attempts(A)))[1] == ["a"]
    board.add([candidate("the best of all", 3, predictions="w")])
    assert next(map(programs, board.attempts(A))) == ["the best of all"]


def test_agreement_brings_a_right_attempt_before_better_ranked_programs():
    """Three shorter programs, each alone, keep two longer ones from submission, not from an
    attempt."""
    wrong = [candidate(name, 2) for name in "xyz"]
    right = [candidate(name, 2, [True], predictions="r") for name in ("long", "longer")]
    assert board_of(*wrong, *right).figures() == {"top3": 0, "two_attempts": 1, "fits_all": 0}


def test_the_third_attempt_does_not_count():
    board = board_of(candidate("x", 4), candidate("y", 3), candidate("z", 2, [True]))
    assert board.figures() == {"top3": 1, "two_attempts": 0, "fits_all": 0}


def test_each_test_may_be_right_in_either_attempt():
    board = board_of(candidate("x", 4, [True, False]), candidate("y", 3, [False, True]))
    assert board.figures() == {"top3": 0, "two_attempts": 1, "fits_all": 0}


def test_programs_without_any_grid_are_no_attempt():
    board = board_of(
        candidate("x", 4, predictions=[None]),
        candidate("y", 3, predictions=[None]),
        candidate("z", 2, predictions="z"),
    )
    assert list(map(programs, board.attempts(A))) == [["z"]]


def test_a_missing_grid_is_wrong_for_its_test_alone():
    board = board_of(
        candidate("x", 4, [True, False], predictions=["r", None]),
        candidate("y", 3, [False, True], predictions=["w", "s"]),
    )
    assert board.solved("two_attempts") == [A]


def test_truth_has_no_part_in_the_choice():
    boards = [
        board_of(*(candidate(name, 2, [verdict]) for name in ("b", "aa", "c", "dd")))
        for verdict in (True, False, None)
    ]
    assert [programs(board.submission(A)) for board in boards] == [["b", "c", "aa"]] * 3
    attempts = [list(map(programs, board.attempts(A))) for board in boards]
    assert attempts == [[["b"], ["c"]]] * 3


def test_the_order_of_arrival_has_no_influence():
    candidates = [
        candidate(n, k % 3 + 1, predictions=n[0]) for k, n in enumerate(("ab", "ba", "aa", "b"))
    ]
    ours, theirs = board_of(*candidates), board_of(*candidates[::-1])
    assert ours.submission(A) == theirs.submission(A)
    assert ours.attempts(A) == theirs.attempts(A)


# ---- Fits all ----


def test_a_program_that_fits_all_counts_only_if_it_is_submitted_and_right():
    right = candidate("right on all, but long", 4, [True])
    assert board_of(right).figures() == {"top3": 1, "two_attempts": 1, "fits_all": 1}
    others = [candidate(name, 4, predictions="w") for name in "xyz"]
    assert board_of(right, *others).figures() == {"top3": 0, "two_attempts": 1, "fits_all": 0}
    assert board_of(candidate("p", 4, [False])).figures()["fits_all"] == 0


# ---- Tasks ----


def test_a_known_program_is_not_new_again():
    board = Scoreboard()
    first = candidate("p", 1)
    assert board.add([first]) == [first]
    assert board.add([candidate("p", 1), candidate("q", 1)]) == [candidate("q", 1)]


def test_tasks_are_kept_apart_and_solved_in_order_of_their_ids():
    b = ("b", "digest of b")
    board = board_of(candidate("p", 1, [True], b), candidate("p", 1, [True]))
    assert board.solved("top3") == [A, b]
    assert board.submission(("c", "")) == []
    assert board.attempts(("c", "")) == []


def test_tasks_of_one_id_and_tasks_of_one_digest_are_two():
    tasks = [A, ("a", "another"), ("b", A[1])]
    board = board_of(*(candidate("p", 4, [True], task) for task in tasks))
    assert board.figures() == {"top3": 3, "two_attempts": 3, "fits_all": 3}


def test_figures_come_by_mutation_by_the_policy_and_by_all_with_and_without_seen_tasks():
    b, c = ("b", ""), ("c", "")
    score = Score({c})
    score.add("mutation", [candidate("p", 4, [True], task) for task in (A, c)])
    now = [candidate("q", 1, [True], task) for task in (A, b)]
    score.add("policy", [candidate("r", 1, [True], c)])
    assert score.add("policy", now) == now
    assert score.add("policy", now) == []
    solved, unseen, only = score.metrics(now).values()
    assert {by: figures["top3"] for by, figures in solved.items()} == {
        "mutation": 2,
        "search": 0,
        "policy": 3,
        "elsewhere": 0,
        "led_search": 0,
        "all": 3,
        "now": 2,
    }
    assert {by: figures["top3"] for by, figures in unseen.items()} == {
        "mutation": 1,
        "search": 0,
        "policy": 2,
        "elsewhere": 0,
        "led_search": 0,
        "all": 2,
        "now": 2,
    }
    assert {by: figures["top3"] for by, figures in only.items()} == {
        "mutation": 0,
        "search": 0,
        "policy": 1,
        "elsewhere": 0,
        "led_search": 0,
        "all": 0,
    }
    assert solved["all"] == {"top3": 3, "two_attempts": 3, "fits_all": 2}
    assert "now" not in score.metrics()["solved"]


def test_what_one_origin_solves_and_no_other_is_told_from_what_only_all_together_solve():
    """Two attempts of two origins, each right on another test, solve the task together."""
    tasks = {name: (name, "") for name in ("both", "search", "together")}
    score = Score(())
    for origin in ("mutation", "search"):
        score.add(origin, [candidate("p", 4, [True, True], tasks["both"])])
    score.add("search", [candidate("q", 4, [True, True], tasks["search"])])
    score.add("search", [candidate("r", 4, [True, False], tasks["together"], ["x", "y"])])
    score.add("policy", [candidate("s", 4, [False, True], tasks["together"], ["y", "x"])])
    only = score.solved_only()
    assert only["search"]["two_attempts"] == {tasks["search"]}
    assert only["all"]["two_attempts"] == {tasks["together"]}
    assert only["mutation"]["two_attempts"] == only["policy"]["two_attempts"] == set()
    assert only["all"]["top3"] == only["all"]["fits_all"] == set()


def test_figures_in_words_stand_side_by_side():
    words = "3 of 400 (three programs), 2 (two attempts), 1 (fits all)"
    assert in_words({"top3": 3, "two_attempts": 2, "fits_all": 1}, 400) == words
    assert list(RULES) == ["top3", "two_attempts", "fits_all"]


# ---- One program, written in several ways ----


def test_programs_of_one_key_are_one_attempt_and_one_submission():
    board = board_of(*(candidate(text, 2, key="same") for text in ("bb", "ccc")), candidate("d", 1))
    assert programs(board.submission(A)) == ["bb", "d"]
    assert [programs(group) for group in board.attempts(A)] == [["bb"], ["d"]]


def test_of_one_key_the_program_is_kept_that_is_submitted_first():
    board = Scoreboard()
    for found, is_new in (
        (candidate("ccc", 2, key="same"), True),
        (candidate("dddd", 2, key="same"), False),  # longer
        (candidate("bb", 2, key="same"), True),
        (candidate("a", 1, key="same"), False),  # right less often
        (candidate("eeeee", 3, key="same"), True),
    ):
        assert bool(board.add([found])) is is_new
    assert programs(board.submission(A)) == ["eeeee"]


# ---- In a file ----

ROW = candidate("p", 4, [True, False, None], predictions=["x", None, "y"]).to_row()


def test_a_candidate_comes_back_from_a_file():
    again = Candidate.from_row(json.loads(json.dumps(ROW)))
    assert again == candidate("p", 4, [True, False, None], predictions=["x", None, "y"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task_digest": None}, '"task_digest" is None; it is a text'),
        ({"num_right": 0}, '"num_right" is 0; it is a number from 1 to 4'),
        ({"num_right": 5}, '"num_right" is 5; it is a number from 1 to 4'),
        ({"num_right": True}, '"num_right" is True; it is a number from 1 to 4'),
        ({"num_demonstrations": "4"}, "\"num_demonstrations\" is '4'; it is a number from 1 on"),
        ({"predictions": "xyz"}, "\"predictions\" is 'xyz'; it is a list with one entry for each"),
        ({"tests_right": [1, 0, None]}, r'"tests_right" is \[1, 0, None\]; it is a list with one'),
        ({"tests_right": [True]}, '"predictions" and "tests_right" have different lengths'),
        ({"derivations": 0}, '"derivations" is 0; it is a number from 1 on'),
        ({"num_tests": 1}, 'unknown key "num_tests"'),
    ],
)
def test_a_row_that_is_no_candidate_is_refused_by_its_key(changes, message):
    with pytest.raises(ValueError, match=message):
        Candidate.from_row(ROW | changes)


@pytest.mark.parametrize("key", sorted(ROW.keys() - {"derivations"}))
def test_a_row_without_a_key_is_refused(key):
    with pytest.raises(ValueError, match=f'no key "{key}"'):
        Candidate.from_row({name: value for name, value in ROW.items() if name != key})


def test_a_row_of_before_derivations_were_kept_counts_one():
    row = {name: value for name, value in ROW.items() if name != "derivations"}
    assert Candidate.from_row(row).derivations == 1


# ---- A ranking from elsewhere ----


def test_an_order_from_elsewhere_goes_before_the_paper_s_and_the_others_stay_behind():
    board = board_of(*(candidate(name, 4, key=name) for name in ("a", "bb", "ccc", "dddd")))
    board.set_order(A, ["ccc", "dddd"])
    assert programs(board.submission(A)) == ["ccc", "dddd", "a"]
    board.add([candidate("", 4)])
    assert programs(board.ranked(A)) == ["ccc", "dddd", "", "a", "bb"]


def test_the_attempts_of_an_order_from_elsewhere_do_not_go_by_how_many_agree():
    some = [candidate(name, 4, predictions="x") for name in ("a", "b", "c")]
    board = board_of(*some, candidate("d", 4, predictions="y"), candidate("e", 4, predictions="z"))
    board.set_order(A, ["e", "d", "a"])
    assert [programs(group) for group in board.attempts(A)] == [["e"], ["d"]]


def test_an_order_of_one_task_leaves_the_others_to_the_paper_s_rule():
    other = ("b", "digest of b")
    board = board_of(*(candidate(name, 4, task=other) for name in ("bb", "a")))
    board.set_order(A, ["bb", "a"])
    assert programs(board.submission(other)) == ["a", "bb"]


def test_of_a_program_that_several_found_the_most_derivations_count():
    short = replace(candidate("p", 4, key="k"), derivations=3)
    board = Scoreboard()
    assert board.add([short]) == [short]
    assert board.add([replace(candidate("p p", 4, key="k"), derivations=9)]) == []
    assert board.ranked(A) == [replace(short, derivations=9)]


def test_a_score_asks_once_for_the_order_of_what_was_added():
    """Of tasks with a program that is right on all demonstrations, and only where an origin has
    found something that it had not found before."""
    score = Score(())
    other = candidate("q", 3, task=("b", "digest of b"))
    score.add("mutation", [candidate("pp", 4), other])
    score.add("search", [candidate("p", 4)])
    assert [programs(some) for some in score.take_changed()] == [["p", "pp"]]
    assert score.take_changed() == []
    score.add("search", [candidate("p", 4)])
    assert score.take_changed() == []
    score.add("policy", [candidate("p", 4)])
    assert [programs(some) for some in score.take_changed()] == [["p", "pp"]]


def test_what_is_to_be_ranked_does_not_depend_on_the_order_before():
    """Or a program that is longer than one found later would stay the first of those alike."""
    score = Score(())
    score.add("search", [candidate("a long one", 4), candidate("longest of all", 4)])
    (before,) = score.take_changed()
    score.set_order(A, [before[1].key, before[0].key])
    score.add("policy", [candidate("short", 4)])
    assert [programs(some) for some in score.take_changed()] == [
        ["short", "a long one", "longest of all"]
    ]


def test_an_order_changes_what_all_together_solve_and_no_origin():
    score = Score(())
    score.add("search", [candidate(name, 4) for name in ("a", "b", "c")])
    score.add("policy", [candidate("long", 4, [True])])
    assert [score.metrics()["solved"][by]["top3"] for by in ("search", "policy", "all")] == [
        0,
        1,
        0,
    ]
    score.set_order(A, ["long"])
    assert [score.metrics()["solved"][by]["top3"] for by in ("search", "policy", "all")] == [
        0,
        1,
        1,
    ]


def submitted(*ranked):
    return Submission.in_order(ranked)


def test_a_ranking_from_elsewhere_is_kept_whatever_the_programs_are():
    worst_first = [candidate("a" * (9 - k), k) for k in (1, 2, 3, 4)]
    found = submitted(*worst_first)
    assert list(found.programs) == worst_first[:3]
    assert [programs(group) for group in found.attempts] == [["aaaaaaaa"], ["aaaaaaa"]]


def test_the_attempts_of_a_ranking_are_the_first_predictions_that_differ():
    found = submitted(
        candidate("a", 4, predictions="x"),
        candidate("b", 4, predictions=[None]),
        candidate("c", 4, predictions="x"),
        candidate("d", 1, predictions="y"),
        candidate("e", 4, predictions="z"),
        candidate("f", 4, predictions="z"),
    )
    assert [programs(group) for group in found.attempts] == [["a", "c"], ["d"]]
    assert programs(found.programs) == ["a", "b", "c"]


def test_a_ranking_is_counted_by_the_same_rules():
    wrong = [candidate(name, 4) for name in "abc"]
    right = candidate("d", 4, [True])
    partly = candidate("e", 3, [True])
    expected = {
        (right, *wrong): {"top3", "two_attempts", "fits_all"},
        (*wrong[:1], partly): {"top3", "two_attempts"},
        (*wrong[:2], right): {"top3", "fits_all"},
        (*wrong, right): set(),
        (): set(),
    }
    for ranked, rules in expected.items():
        assert {rule for rule in RULES if submitted(*ranked).is_solved_by(rule)} == rules


def test_two_attempts_may_share_the_tests():
    one = candidate("a", 4, [True, False])
    two = candidate("b", 4, [False, True])
    assert submitted(one, two).is_solved_by("two_attempts")
    assert not submitted(one, two).is_solved_by("top3")


def test_an_unknown_rule_is_refused():
    with pytest.raises(ValueError, match="rule is 'top5'; allowed: top3, two_attempts, fits_all"):
        submitted().is_solved_by("top5")


# ---- Minimised programs ----


def minimised(one, program):
    return replace(one, minimised=program, minimised_key=f"key of {program}")


def test_the_order_is_that_of_the_programs_as_they_were_found():
    some = [candidate(name, 2) for name in ("aaaa", "bbb", "cc", "d")]
    board = board_of(*(minimised(one, "x" * len(some)) for one in some[::-1]))
    assert programs(board.submission(A)) == ["d", "cc", "bbb"]
    shorter = board_of(*(minimised(one, "x" * k) for k, one in enumerate(some, start=1)))
    assert programs(shorter.submission(A)) == ["d", "cc", "bbb"]


def test_a_candidate_is_written_with_the_program_to_show_beside_its_original():
    one = candidate("long", 4, key="key of long")
    row = one.to_row()
    assert (row["program"], row["key"], one.shown) == ("long", "key of long", "long")
    assert not any("original" in name or "minimised" in name for name in row)
    short = minimised(one, "s")
    assert short.to_row() == row | {
        **{"program": "s", "key": "key of s"},
        **{"original": "long", "original_key": "key of long"},
    }
    assert short.shown == "s"
    for any_one in (one, short):
        assert Candidate.from_row(json.loads(json.dumps(any_one.to_row()))) == any_one


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"original_key": None}, '"original_key" is None; it is a text'),
        ({"original": 3}, '"original" is 3; it is a text'),
        ({"minimised": "s"}, 'unknown key "minimised"'),
        ({"original": ...}, 'no key "original"'),
        ({"original_key": ...}, 'no key "original_key"'),
    ],
)
def test_a_damaged_row_of_a_minimised_program_is_refused_by_its_key(change, message):
    row = minimised(candidate("long", 4), "s").to_row() | change
    row = {name: value for name, value in row.items() if value is not ...}
    with pytest.raises(ValueError, match=message):
        Candidate.from_row(row)
