"""Answers by search and by a policy, and what is handed in of them."""

import io
import json

import numpy as np
import pytest
from rich.console import Console
from small_run import PROGRAMS
from small_search import write_tasks

import codeit
from codeit import Limits, Program, SearchSettings, run
from codeit.language import load_seed_programs
from codeit.language.corpus import SeedProgram
from codeit.searching.search import search
from codeit.solving.answer import Answer
from codeit.solving.misses import misses_of
from codeit.solving.solve_command import show_answer
from codeit.solving.solver import Solver
from codeit.solving.submission import Submission
from codeit.solving.written import MOST_LEADING, Written
from codeit.tasks.datasets import load
from codeit.tasks.scoring import RULES
from codeit.tasks.task import Example, Task

SETTINGS = SearchSettings(evaluations=300)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A few tiny tasks, and the programs that solve most of them."""
    tasks, programs = write_tasks(tmp_path_factory.mktemp("solver"))
    return load(tasks), load_seed_programs(programs)


@pytest.fixture(scope="module")
def submission(data):
    tasks, seeds = data
    return Solver(corpus=seeds, settings=SETTINGS, threads=1).solve(tasks)


class Writer:
    """In the place of a policy: writes what it was given."""

    def __init__(self, texts):
        self.texts = texts
        self.asked = []

    def sample_programs(self, tasks, seed, dialect="codeit", on_progress=None):
        self.asked.append((seed, dialect))
        for k, task in reversed(list(enumerate(tasks))):  # in any order
            assert all(test.output is None for test in task.tests)
            found = [
                p if isinstance(p, Program) else "nonsense"
                for p in Program.parse_all(self.texts.get(task.task_id, []), dialect)
            ]
            yield k, found


def answer_to(task, texts, seeds, evaluations=300, **settings):
    solver = Solver(
        Writer({task.task_id: texts}),
        seeds,
        SearchSettings(evaluations=evaluations, **settings),
        threads=1,
    )
    (answer,) = solver.solve([task]).answers
    return answer


def task_of(text, name="made", seed=3, side=(3, 4), count=4):
    """A task that a program solves, of random grids."""
    random = np.random.default_rng(seed)
    program = Program.parse(text)
    inputs = [random.integers(0, 10, side, dtype=np.uint8) for _ in range(count)]
    pairs = [Example(grid, run(program, grid).grid) for grid in inputs]
    return Task(name, pairs[:3], pairs[3:])


def without_outputs(task):
    return Task(task.task_id, task.demonstrations, [Example(t.input, None) for t in task.tests])


def wrong_outputs(task):
    zeros = np.zeros((1, 1), np.uint8)
    return Task(task.task_id, task.demonstrations, [Example(t.input, zeros) for t in task.tests])


# ---- By search alone


def test_what_is_handed_in_is_what_the_search_hands_in(data, submission):
    tasks, seeds = data
    records = search(tasks, SETTINGS, corpus=seeds)
    for answer, record in zip(submission.answers, records, strict=True):
        assert answer.record.chance == record.chance
        mine, theirs = (
            [[None if g is None else g.tolist() for g in grids] for grids in some]
            for some in (answer.record.answers, record.answers)
        )
        assert mine == theirs
        assert set(answer.origins.values()) <= {"search"}


def test_the_outputs_of_the_tests_have_no_influence(data, submission):
    tasks, seeds = data
    solver = Solver(corpus=seeds, settings=SETTINGS, threads=1)
    for change in (without_outputs, wrong_outputs):
        changed = solver.solve([change(task) for task in tasks])
        assert changed.to_json() == submission.to_json()
        for one, other in zip(changed.answers, submission.answers, strict=True):
            assert one.to_row() == other.to_row()


def test_an_answer_knows_no_verdict_on_a_test(submission):
    for answer in submission.answers:
        verdicts = {v for found in answer.record.found for v in found.candidate.tests_right}
        assert verdicts <= {None}


def test_any_number_of_threads_gives_the_same_answers(data, submission):
    tasks, seeds = data
    other = Solver(corpus=seeds, settings=SETTINGS, threads=3).solve(tasks)
    assert [a.to_row() for a in other.answers] == [a.to_row() for a in submission.answers]


def test_the_submission_has_kaggles_form(data, submission, tmp_path):
    tasks, _ = data
    path = tmp_path / "submission.json"
    submission.write(path)
    rows = json.loads(path.read_text())
    assert list(rows) == [task.task_id for task in tasks]
    for task in tasks:
        assert [set(row) for row in rows[task.task_id]] == [{"attempt_1", "attempt_2"}] * len(
            task.tests
        )
    flip = next(task for task in tasks if task.task_id == "flip1")
    assert rows["flip1"][0]["attempt_1"] == flip.tests[0].output.tolist()
    none = next(task for task in tasks if task.task_id == "none")
    assert rows["none"][0]["attempt_1"] == none.tests[0].input.tolist()


def test_the_score_counts_what_is_known(submission):
    score = submission.score()
    assert (score.num_tasks, score.num_hidden, score.num_scored) == (13, 2, 11)
    assert score.solved == {"top3": 8, "two_attempts": 8, "fits_all": 8}
    assert score.num_tests == 12  # one of `half` is known
    assert score.num_tests_right == 9
    assert (score.fitting, score.fitting_wrong) == (9, 1)


def test_the_score_is_that_of_the_search_by_every_rule(data):
    tasks, seeds = data
    records = search(tasks, SETTINGS, corpus=seeds)
    submission = Solver(corpus=seeds, settings=SETTINGS, threads=1).solve(tasks)
    for rule in RULES:
        expected = sum(record.submission.is_solved_by(rule) for record in records)
        assert submission.score().solved[rule] == expected


def test_hidden_tasks_have_no_score(data):
    tasks, seeds = data
    hidden = [without_outputs(task) for task in tasks]
    score = Solver(corpus=seeds, settings=SETTINGS, threads=1).solve(hidden).score()
    assert (score.num_scored, score.num_tests, score.num_tests_right) == (0, 0, 0)
    assert set(score.solved.values()) == {0}


def test_answers_that_are_known_are_not_looked_for(data, submission, monkeypatch):
    tasks, seeds = data
    known = {a.record.task_id: a for a in submission.answers if a.record.task_id != "flip1"}
    looked_for = []
    solver = Solver(corpus=seeds, settings=SETTINGS, threads=1)
    again = solver.solve(tasks, known=known, on_answer=lambda t, _: looked_for.append(t.task_id))
    assert looked_for == ["flip1"]
    assert again.to_json() == submission.to_json()


def test_without_any_program_to_begin_with_there_is_no_answer(data):
    tasks, _ = data
    submission = Solver(corpus=[], settings=SETTINGS).solve(tasks[:2])
    assert [answer.num_fitting for answer in submission.answers] == [0, 0]
    assert submission.to_json()["flip1"][0]["attempt_1"] == tasks[0].tests[0].input.tolist()
    answer = answer_to(tasks[0], [PROGRAMS["flip"]], [])
    assert answer.attempts[0].origin == "policy"


def test_no_tasks_are_no_answers():
    assert Solver(settings=SETTINGS).solve([]).to_json() == {}


def test_an_answer_is_what_it_was_after_it_was_in_a_file(submission):
    for answer in submission.answers:
        row = json.loads(json.dumps(answer.to_row()))
        again = Answer.from_row(row)
        assert again.to_row() == answer.to_row()
    with pytest.raises(ValueError, match="it is no answer"):
        Answer.from_row({"record": row["record"]})
    for origins in (["search"] * 99, ["magic"] * len(answer.record.found), None):
        with pytest.raises(ValueError, match='"origins" are'):
            Answer.from_row({"record": row["record"], "origins": origins})


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"settings": 5}, TypeError, "settings are 5"),
        ({"threads": 0}, ValueError, "threads"),
        ({"limits": 5}, TypeError, "limits is 5"),
    ],
)
def test_a_bad_argument_is_named(arguments, error, said):
    with pytest.raises(error, match=said):
        Solver(**arguments)


def test_bad_tasks_are_named(data):
    tasks, seeds = data
    solver = Solver(corpus=seeds, settings=SETTINGS)
    with pytest.raises(ValueError, match="'flip1' stands twice"):
        solver.solve([tasks[0], tasks[0]])
    with pytest.raises(TypeError, match="allowed: tasks"):
        solver.solve(["flip1"])


def test_the_package_has_the_solver_and_the_submission():
    assert codeit.Solver is Solver
    assert codeit.Submission is Submission


# ---- Near misses


def test_a_task_without_any_fit_has_its_nearest_misses(data, submission):
    tasks, _ = data
    by_id = dict(zip((task.task_id for task in tasks), submission.answers, strict=True))
    task = next(task for task in tasks if task.task_id == "none")
    misses = misses_of(task, by_id["none"].nearest, Limits())
    counts = [miss.num_wrong for miss in misses]
    assert 0 < len(counts) <= 3
    assert counts == sorted(counts)
    assert counts[0] > 0
    made = [[None if g is None else g.tolist() for g in miss.outputs] for miss in misses]
    assert all(one not in made[:k] for k, one in enumerate(made))
    assert by_id["flip1"].nearest == ()


def test_wrong_cells_are_counted_and_another_size_is_all_wrong():
    task = Task(
        "two",
        [Example([[1, 2], [3, 4]], [[1, 2], [3, 5]]), Example([[1, 2]], [[1, 2]])],
        [Example([[1]], None)],
    )
    programs = [Program.parse(t) for t in ("O = identity(I)", "O = rot90(I)", "O = height(I)")]
    same, turned, number = misses_of(task, programs, Limits())
    assert (same.wrong, same.num_right, same.num_wrong) == ((1, 0), 1, 1)
    assert turned.wrong == (4, 2)
    assert (number.wrong, number.makes_grids) == ((4, 2), False)


# ---- With a policy


def test_what_the_policy_wrote_is_handed_in_and_called_its_own():
    task = task_of("x1 = rot90(I)\nx2 = vconcat(x1, x1)\nO = upscale(x2, TWO)")
    text = "x1 = rot90(I)\nx2 = vconcat(x1, x1)\nO = upscale(x2, TWO)"
    seeds = [SeedProgram("other", Program.parse("O = replace(I, ONE, TWO)"))]
    answer = answer_to(task, ["nonsense(", text], seeds, 30)
    assert answer.attempts[0].origin == "policy"
    assert np.array_equal(answer.attempts[0].grids[0], task.tests[0].output)
    alone = Solver(corpus=seeds, settings=SearchSettings(evaluations=30)).solve([task])
    assert not alone.answers[0].num_fitting


def test_what_the_search_makes_of_the_policys_programs_is_told_apart():
    near = "x1 = {}mirror(I)\nx2 = vconcat(I, x1)\nx3 = upscale(x2, TWO)\nO = rot90(x3)"
    task = task_of(near.format("h"))
    seeds = [SeedProgram("other", Program.parse("O = replace(I, ONE, TWO)"))]
    answer = answer_to(task, [near.format("v")], seeds, 3_000)
    assert answer.attempts[0].origin == "policy-led search"
    assert answer.attempts[0].found.fits


def test_what_both_come_to_is_said_to_be_of_both():
    task = task_of("O = rot90(I)")
    seeds = [SeedProgram("other", Program.parse("O = rot90(I)"))]
    answer = answer_to(task, ["x1 = rot180(I)\nO = rot270(x1)"], seeds)
    assert answer.attempts[0].origin == "policy and search"
    assert answer_to(task, [], seeds).attempts[0].origin == "search"


def test_a_program_that_only_the_ordinary_machine_can_run_is_not_lost():
    """The search takes no program that shadows a name."""
    text = "ONE = rot90(I)\nx2 = vconcat(ONE, ONE)\nO = upscale(x2, TWO)"
    task = task_of(text)
    seeds = [SeedProgram("other", Program.parse("O = replace(I, ONE, TWO)"))]
    answer = answer_to(task, [text], seeds, 5)
    assert answer.attempts[0].origin == "policy"
    assert np.array_equal(answer.attempts[0].grids[0], task.tests[0].output)


def test_a_program_that_makes_no_grid_of_a_test_is_shown_as_such():
    """The search itself finds none: what fails on a test is nothing to it."""
    pairs = [Example([[0, k, 0], [0, 0, 0], [0, 0, 0]], [[k]]) for k in (1, 2)]
    task = Task("odd", pairs, [Example([[5, 5], [5, 5]], [[5]])])
    text = "x1 = objects(I, T, F, T)\nx2 = argmax(x1, size)\nO = subgrid(x2, I)"
    seeds = [SeedProgram("other", Program.parse("O = replace(I, ONE, TWO)"))]
    answer = answer_to(task, [text], seeds, 1)
    assert (answer.num_fitting, answer.attempts) == (1, [])
    console = Console(file=io.StringIO(), width=100)
    show_answer(console, task, answer, "codeit")
    out = console.file.getvalue()
    assert out.count("right 1x1") == 2
    assert "first: no grid" in out
    assert "right on both demonstrations, but makes no grid of any test; written by the pol" in out
    assert "chance" not in out
    assert out.endswith("not solved: no attempt is right\n")
    submission = Submission([task], [answer])
    assert submission.to_json()["odd"][0]["attempt_1"] == [[5, 5], [5, 5]]
    assert submission.score().solved["two_attempts"] == 0


def test_of_what_was_written_the_nearest_leads():
    task = task_of("O = hmirror(I)")
    texts = [
        "O = vmirror(I)",
        "O = hmirror(I)",
        "O = height(I)",
        *(f"x1 = canvas({n}, UNITY)\nO = upscale(x1, TWO)" for n in ("ONE", "TWO")),
    ]
    programs = [Program.parse(text) for text in texts]
    written = Written.of(task, [*programs, programs[0], "nonsense"], Limits())
    assert (written.num_samples, written.num_programs) == (7, 5)
    assert [found.program.text for found in written.right] == ["O = hmirror(I)"]
    assert [p.text for p in written.leading[:2]] == ["O = hmirror(I)", "O = vmirror(I)"]
    assert len(written.leading) == 4  # a number is no start
    more = [Program.parse(f"x1 = shift(I, {n})\nO = hmirror(I)") for n in ("ONE", "TWO")]
    many = Written.of(task, programs * 2 + more * MOST_LEADING, Limits())
    assert len(many.leading) <= MOST_LEADING


def test_a_policy_is_asked_with_the_seed_and_the_dialect_of_the_corpus():
    task = task_of("O = rot90(I)")
    writer = Writer({})
    seeds = [SeedProgram("other", Program.parse("O = rot90(I)", "arc-dsl"))]
    Solver(writer, seeds, SearchSettings(evaluations=5, seed=7)).solve([task])
    assert writer.asked == [(7, "arc-dsl")]


def test_with_a_policy_the_outputs_of_the_tests_have_no_influence_either(data):
    tasks, seeds = data
    texts = {task.task_id: [*PROGRAMS.values()] for task in tasks}
    plain, hidden = (
        Solver(Writer(texts), seeds, SETTINGS, threads=2).solve([change(task) for task in tasks])
        for change in (lambda task: task, without_outputs)
    )
    assert [a.to_row() for a in plain.answers] == [a.to_row() for a in hidden.answers]


def test_programs_that_waste_are_within_limits():
    task = task_of("O = rot90(I)")
    waste = "x1 = upscale(I, TEN)\nO = rot90(x1)"
    limits = Limits(fuel=50)
    written = Written.of(task, [Program.parse(waste)], limits)
    assert written.leading == ()
