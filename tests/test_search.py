"""The search of many tasks: what it hands out, what it is told, what it keeps."""

import dataclasses
import subprocess
import sys
import threading

import numpy as np
import pytest
from small_search import write_tasks

import codeit
from codeit.language import load_seed_programs
from codeit.searching import engine
from codeit.searching.corpus import Corpus
from codeit.searching.found import Found, MethodFigures, TaskSearch
from codeit.searching.records import TaskRecord, confirm, without_answers
from codeit.searching.search import search
from codeit.searching.settings import METHODS, SearchSettings
from codeit.tasks.task import Example, Task

FLIP = codeit.Program.parse("O = vmirror(I)")
FEW = SearchSettings(evaluations=2000)
TURN = codeit.Program.parse("O = rot90(I)")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Tasks, and a corpus that solves most of them."""
    tasks, programs = write_tasks(tmp_path_factory.mktemp("tasks"))
    return codeit.arc.load(tasks), load_seed_programs(programs)


def flip_task(test_output=((4, 3),)):
    demonstrations = (Example([[1, 2]], [[2, 1]]), Example([[5, 6]], [[6, 5]]))
    return Task("flip", demonstrations, (Example([[3, 4]], test_output),))


def found(program, num_right=2, outputs=([[4, 3]],), method="corpus", cost=1.0):
    grids = tuple(None if o is None else np.array(o, dtype=np.uint8) for o in outputs)
    return Found(program, method, cost, 1, 1, num_right, grids)


def search_of(*some):
    return TaskSearch(some, 0.5, 9, 9, 0, 0, {"corpus": MethodFigures(9, len(some))})


def rows(records):
    return [record.to_row() for record in records]


# ---- What the engine sees ----


def test_the_engine_is_never_handed_the_output_of_a_test(small, monkeypatch):
    seen = []
    plain = engine.search_task

    def watch(task, *rest):
        seen.append(task)
        return plain(task, *rest)

    monkeypatch.setattr(engine, "search_task", watch)
    tasks, corpus = small
    search(tasks, FEW, corpus=corpus)
    assert {task.task_id for task in seen} == {task.task_id for task in tasks}
    assert all(test.output is None for task in seen for test in task.tests)
    by_id = {task.task_id: task for task in tasks}
    assert all(task.digest == by_id[task.task_id].digest for task in seen)


def test_what_is_found_and_its_order_do_not_depend_on_the_outputs_of_the_tests(small):
    tasks, corpus = small
    hidden = [without_answers(task) for task in tasks]
    for known, unknown in zip(
        search(tasks, FEW, corpus=corpus), search(hidden, FEW, corpus=corpus), strict=True
    ):
        assert [f.candidate.program for f in known.found] == [
            f.candidate.program for f in unknown.found
        ]
        assert known.to_row()["answers"] == unknown.to_row()["answers"]


def test_the_programs_of_the_task_itself_can_be_left_out(small):
    tasks, corpus = small
    named = [dataclasses.replace(task, task_id="flip") for task in tasks if task.task_id == "flip1"]
    assert search(named, FEW, corpus=corpus)[0].solutions
    settings = SearchSettings(methods=("corpus",), leave_own_out=True)
    assert search(named, settings, corpus=corpus)[0].solutions == []


def test_a_task_is_known_by_its_demonstrations_under_any_id():
    """Evaluation task 070dd51e is training task 40853293."""
    corpus = Corpus.load()
    (task,) = codeit.arc.load("arc1-evaluation", ["070dd51e"])
    (own,) = [seed.program for seed in corpus.seeds if seed.task_id == "40853293"]
    kept, left_out = SearchSettings(), SearchSettings(leave_own_out=True)
    assert own in corpus.programs_for(task, kept)
    assert own not in corpus.programs_for(task, left_out)
    assert len(corpus.programs_for(task, left_out)) == len(corpus.seeds) - 1
    assert corpus.seen([task, flip_task()], kept) == [task]
    assert corpus.seen([task, flip_task()], left_out) == []


def test_the_engine_gets_the_evaluations_of_the_settings(small):
    tasks, corpus = small
    record = search(tasks[:1], SearchSettings(evaluations=2), corpus=corpus)[0]
    assert record.evaluations <= 2


# ---- Threads ----


@pytest.mark.parametrize("budget", [3, 300, 30_000])
def test_a_search_spends_no_more_than_its_budget_and_one_evaluation(budget):
    # One that takes all of its fuel counts as a hundred for each grid.
    seeds = Corpus.load()
    for task in codeit.arc.load("arc1-training")[::40]:
        programs = seeds.programs_for(task, SearchSettings(leave_own_out=True))
        spent = engine.search_task(without_answers(task), programs, FEW, budget).evaluations
        num_grids = len(task.demonstrations) + len(task.tests)
        assert spent - budget <= 1 + 100 * num_grids, task.task_id


def test_the_records_are_the_same_for_any_number_of_threads(small):
    tasks, corpus = small
    alone = rows(search(tasks, FEW, corpus=corpus, threads=1))
    assert rows(search(tasks, FEW, corpus=corpus, threads=2)) == alone
    assert rows(search(tasks, FEW, corpus=corpus, threads=64)) == alone
    assert [row["task_id"] for row in alone] == [task.task_id for task in tasks]


def test_several_tasks_are_searched_at_a_time(small, monkeypatch):
    """Each of two waits until the other has begun."""
    barrier = threading.Barrier(2, timeout=60)
    plain = engine.search_task

    def meet(*arguments):
        barrier.wait()
        return plain(*arguments)

    monkeypatch.setattr(engine, "search_task", meet)
    tasks, corpus = small
    assert len(search(tasks[:4], FEW, corpus=corpus, threads=2)) == 4


def test_an_error_on_a_thread_ends_the_search(small, monkeypatch):
    def fail(*_):
        raise MemoryError("no more")

    monkeypatch.setattr(engine, "search_task", fail)
    tasks, corpus = small
    with pytest.raises(MemoryError, match="no more"):
        search(tasks, FEW, corpus=corpus, threads=2)


# ---- What is told ----


def test_each_task_with_a_program_that_fits_is_told_once_on_the_thread_that_asked(small):
    tasks, corpus = small
    told = []
    search(
        tasks,
        FEW,
        corpus=corpus,
        threads=2,
        on_solution=lambda task, record: told.append(
            (task.task_id, record.task_id, threading.current_thread())
        ),
    )
    fitting = {task.task_id for task in tasks} - {"some", "none"}
    assert sorted(name for name, _, _ in told) == sorted(fitting)
    assert all(name == other for name, other, _ in told)
    assert {thread for _, _, thread in told} == {threading.main_thread()}


def test_the_package_has_the_search_and_loads_it_when_asked():
    code = (
        "import sys, codeit; assert 'codeit.searching' not in sys.modules;"
        "assert codeit.search is sys.modules['codeit.searching.search'].search;"
        "assert codeit.SearchSettings().seed == 0; assert 'torch' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    with pytest.raises(AttributeError, match="no attribute 'serch'"):
        codeit.serch  # noqa: B018


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([flip_task(), flip_task()],), ValueError, "task 'flip' stands twice"),
        ((["flip"],), TypeError, "tasks has 'flip'"),
        ((5,), TypeError, "tasks is 5"),
        (([flip_task()], {"seed": 1}), TypeError, "settings are {'seed': 1}"),
    ],
)
def test_what_is_no_task_or_setting_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        search(*arguments)


@pytest.mark.parametrize("threads", [0, -1, 1.5, "2"])
def test_a_number_of_threads_is_checked(threads):
    with pytest.raises(ValueError, match="threads is"):
        search([flip_task()], threads=threads)


# ---- What is confirmed ----


def test_what_the_ordinary_machine_confirms_is_kept_in_the_order_of_the_search():
    record = confirm(flip_task(), search_of(found(FLIP, cost=2.0)))
    assert [f.candidate.program for f in record.found] == [FLIP.text]
    assert (record.found[0].cost, record.found[0].method, record.num_unconfirmed) == (
        2,
        "corpus",
        0,
    )
    assert record.found[0].candidate.tests_right == (True,)
    assert record.submission.is_solved_by("fits_all")


@pytest.mark.parametrize(
    "wrong",
    [
        found(FLIP, num_right=3),
        found(FLIP, outputs=[[[3, 4]]]),
        found(TURN, num_right=1, outputs=[[[3], [4]]]),
        found(TURN, num_right=0, outputs=[None]),
    ],
    ids=["fewer demonstrations", "another answer", "no demonstration", "nothing at all"],
)
def test_what_the_ordinary_machine_does_not_confirm_is_dropped_and_counted(wrong):
    record = confirm(flip_task(), search_of(wrong))
    assert (record.found, record.answers, record.num_unconfirmed) == ((), (), 1)


@pytest.mark.parametrize("less", [found(FLIP, num_right=1), found(FLIP, outputs=[None])])
def test_what_the_search_had_no_fuel_for_is_no_difference(less):
    record = confirm(flip_task(), search_of(less))
    assert record.num_unconfirmed == 0
    assert record.found[0].candidate.num_right == 2
    assert [[g.tolist() for g in grids] for grids in record.answers] == [[[[4, 3]]]]


def test_of_one_key_the_first_counts():
    longer = codeit.Program.parse("x1 = hmirror(I)\nO = vmirror(I)")
    assert longer.key == FLIP.key
    record = confirm(flip_task(), search_of(found(longer), found(FLIP)))
    assert [f.candidate.program for f in record.found] == [longer.text]
    assert record.num_unconfirmed == 0


def test_the_answers_are_those_of_the_first_programs_that_differ():
    demonstrations = (Example([[1, 1]], [[1, 1]]),)
    task = Task("same", demonstrations, (Example([[3, 4]], None),))
    same = codeit.Program.parse("O = hmirror(I)")
    again = codeit.Program.parse("x1 = vmirror(I)\nO = vmirror(x1)")
    some = [found(p, 1, [o]) for p, o in ((same, [[3, 4]]), (again, [[3, 4]]), (FLIP, [[4, 3]]))]
    record = confirm(task, search_of(*some))
    assert [[g.tolist() for g in grids] for grids in record.answers] == [[[[3, 4]]], [[[4, 3]]]]
    record = confirm(task, search_of(*reversed(some)))
    assert [[g.tolist() for g in grids] for grids in record.answers] == [[[[4, 3]]], [[[3, 4]]]]


# ---- What is kept is minimised ----


def test_what_fits_is_minimised_and_the_order_is_that_of_what_was_found():
    longest = codeit.Program.parse("x1 = rot90(I)\nx2 = rot90(x1)\nO = hmirror(x2)")
    record = confirm(flip_task(), search_of(found(longest), found(FLIP), found(TURN, 1, (None,))))
    assert [f.candidate.program for f in record.found] == [longest.text, FLIP.text]
    assert [f.program for f in record.found] == ["O = vmirror(I)", "O = vmirror(I)"]
    assert [f.candidate.minimised_key for f in record.found] == [FLIP.key] * 2


def test_of_what_fits_some_demonstrations_what_is_submitted_is_minimised():
    """The first three, and the first of each attempt: here, the fourth makes another grid."""
    test = Example([[1, 2, 3]], None)
    task = Task("one", (Example([[1, 2]], [[2, 1]]), Example([[5, 6]], [[7]])), (test,))
    texts = [
        "x1 = rot90(I)\nx2 = rot90(x1)\nO = hmirror(x2)",
        "x1 = rot270(I)\nx2 = rot270(x1)\nO = hmirror(x2)",
        "x1 = rot90(I)\nx2 = rot180(x1)\nx3 = rot270(x2)\nx4 = rot90(x3)\nO = dmirror(x4)",
        "x1 = width(I)\nx2 = equality(x1, TWO)\nx3 = vmirror(I)\nO = branch(x2, x3, I)",
        "x1 = rot180(I)\nx2 = hmirror(x1)\nx3 = vmirror(x2)\nO = vmirror(x3)",
    ]
    programs = [codeit.Program.parse(text) for text in texts]
    outputs = [[[3, 2, 1]]] * 3 + [[[1, 2, 3]], [[3, 2, 1]]]
    some = [found(p, 1, (o,)) for p, o in zip(programs, outputs, strict=True)]
    record = confirm(task, search_of(*some))
    assert record.num_unconfirmed == 0
    is_minimised = [f.candidate.minimised is not None for f in record.found]
    assert is_minimised == [True, True, True, True, False]
    assert [f.program for f in record.found[:2]] == ["O = vmirror(I)"] * 2
    assert [f.candidate.program for f in record.found] == texts
    plain = confirm(task, search_of(*some), minimises=False)
    assert [f.program for f in plain.found] == texts


def test_a_solution_is_the_minimised_program_beside_its_original():
    longer = codeit.Program.parse("x1 = rot90(I)\nx2 = rot90(x1)\nO = hmirror(x2)")
    solution = confirm(flip_task(), search_of(found(longer))).solutions[0].to_row()
    assert solution["program"] == FLIP.text
    assert solution["key"] == FLIP.key
    assert solution["original"] == longer.text
    assert solution["original_key"] == longer.key
    assert "minimised" not in solution


# ---- Records and settings ----


def test_a_record_is_read_as_it_was_written(small):
    tasks, corpus = small
    for record in search(tasks, FEW, corpus=corpus):
        assert TaskRecord.from_row(record.to_row()).to_row() == record.to_row()


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("nodes", None, '"nodes" is None; it is a number'),
        ("answers", [[[[77]]]], "attempt 1, test 1: color 77"),
        ("found", [{"method": 3}], '"method" is 3'),
        ("found", [{"method": None}], '"method" is None'),
        ("more", 1, '"more" is unknown'),
    ],
)
def test_a_record_that_is_none_is_refused_by_its_key(key, value, message):
    row = confirm(flip_task(), search_of(found(FLIP))).to_row()
    with pytest.raises(ValueError, match=message):
        TaskRecord.from_row({**row, key: value})
    del row["nodes"]
    with pytest.raises(ValueError, match='"nodes" is missing'):
        TaskRecord.from_row(row)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"seed": -1}, "seed is -1; allowed: 0 to"),
        ({"evaluations": 0}, "evaluations is 0; allowed: 1 to"),
        ({"memory": 0.03}, "memory is 0.03; allowed: 0.03125 to 1024"),
        ({"methods": ("corpse",)}, "method 'corpse' is unknown; allowed: corpus"),
        ({"methods": ()}, "at least one"),
        ({"methods": (METHODS[0], METHODS[0])}, "each at most once"),
        ({"minutes": 1}, "minutes is no setting"),
    ],
)
def test_a_setting_is_checked(values, message):
    with pytest.raises(ValueError, match=message):
        SearchSettings(**values)
