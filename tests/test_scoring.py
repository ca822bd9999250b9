"""The submission rule."""

from codeit.scoring import Candidate, Scoreboard


def candidate(program, num_right, tests_right=0, task_id="a", num_tests=1):
    return Candidate(task_id, program, num_right, 4, tests_right, num_tests)


def test_the_three_best_by_demonstrations_are_submitted():
    board = Scoreboard()
    board.add([candidate(name, k) for k, name in enumerate("abcd", start=1)])
    assert [c.program for c in board.submission("a")] == ["d", "c", "b"]


def test_of_equally_good_programs_the_shorter_ones_go_first_then_by_text():
    board = Scoreboard()
    board.add([candidate(name, 2) for name in ("ccc", "bb", "aa", "d")])
    assert [c.program for c in board.submission("a")] == ["d", "aa", "bb"]


def test_a_solution_that_is_not_submitted_does_not_count():
    board = Scoreboard()
    board.add([candidate("a long solution", 1, tests_right=1)])
    assert board.solved() == ["a"]
    board.add([candidate(name, 1) for name in ("x", "y", "z")])
    assert board.solved() == []


def test_a_task_can_be_solved_by_a_program_that_misses_a_demonstration():
    board = Scoreboard()
    board.add([candidate("p", 1, tests_right=1)])
    assert board.solved() == ["a"]


def test_all_tests_of_a_task_must_be_right():
    board = Scoreboard()
    board.add([candidate("p", 4, tests_right=1, num_tests=2)])
    assert board.solved() == []


def test_a_task_without_tests_is_never_solved():
    board = Scoreboard()
    board.add([candidate("p", 4, tests_right=0, num_tests=0)])
    assert board.solved() == []


def test_a_known_program_is_not_new_again():
    board = Scoreboard()
    first = candidate("p", 1)
    assert board.add([first]) == [first]
    assert board.add([candidate("p", 1), candidate("q", 1)]) == [candidate("q", 1)]


def test_tasks_are_kept_apart_and_solved_in_order_of_their_ids():
    board = Scoreboard()
    board.add([candidate("p", 1, 1, task_id="b"), candidate("p", 1, 1, task_id="a")])
    assert board.solved() == ["a", "b"]
    assert board.submission("c") == []
