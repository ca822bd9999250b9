"""The native search of one task: what it finds is true, and it keeps to its budget."""

import numpy as np
import pytest

import codeit
from codeit import Program
from codeit._native import search
from codeit.execution.executor import execute
from codeit.language import STANDARD, load_seed_programs
from codeit.language.table import NewPrimitive
from codeit.searching.engine import search_task
from codeit.searching.records import without_answers
from codeit.searching.settings import METHODS, SearchSettings
from codeit.tasks.task import Example, Task

CORPUS = [seed.program for seed in load_seed_programs()]
TASKS = {task.task_id: task for task in codeit.arc.load("arc1-training")}
SOME = sorted(TASKS)[::16]


def left_out(task):
    return [seed.program for seed in load_seed_programs() if seed.task_id != task.task_id]


def found_for(task, evaluations=30_000, corpus=None, **settings):
    corpus = left_out(task) if corpus is None else corpus
    return search_task(without_answers(task), corpus, SearchSettings(**settings), evaluations)


def as_rows(result):
    return [
        (f.program.text, f.method, f.cost, f.derivations, f.evaluations, f.num_right)
        for f in result.found
    ], result.methods


@pytest.mark.parametrize("task_id", SOME)
def test_the_ordinary_machine_confirms_every_program(task_id):
    task = TASKS[task_id]
    found = found_for(task).found
    runs = execute([f.program for f in found], [d.input for d in task.demonstrations], 1)
    right = runs.match([d.output for d in task.demonstrations]).sum(axis=1)
    assert right.tolist() == [f.num_right for f in found]


def test_it_solves_tasks_whose_own_programs_it_does_not_have():
    solved = 0
    for task_id in SOME:
        task = TASKS[task_id]
        outputs = [test.output for test in task.tests]
        for found in found_for(task).found[:3]:
            if all(map(np.array_equal, found.outputs, outputs)):
                solved += 1
                break
    assert solved >= 6


def test_the_same_is_found_again():
    task = TASKS[SOME[3]]
    assert as_rows(found_for(task)) == as_rows(found_for(task))


def test_of_the_programs_that_predict_the_same_there_is_one():
    for task_id in SOME[:8]:
        task = TASKS[task_id]
        predictions = [
            [(grid.shape, grid.tobytes()) for grid in found.outputs if grid is not None]
            for found in found_for(task).found
            if found.num_right == len(task.demonstrations)
        ]
        whole = [tuple(some) for some in predictions if len(some) == len(task.tests)]
        assert len(set(whole)) == len(whole)


@pytest.mark.parametrize("evaluations", [1, 1_000, 20_000])
def test_the_budget_holds(evaluations):
    for task_id in SOME[:4]:
        result = found_for(TASKS[task_id], evaluations)
        # The last call of a method may burn much.
        assert result.evaluations <= evaluations * 1.05 + 2_000
        assert sum(m.evaluations for m in result.methods.values()) <= result.evaluations + 1


def test_methods_that_are_left_out_do_nothing():
    result = found_for(TASKS[SOME[0]], methods=("corpus", "cover"))
    assert set(result.methods) == {"corpus", "cover"}
    assert {found.method for found in result.found} <= {"corpus", "cover"}


def noise(side, demonstrations, seed=5):
    random = np.random.default_rng(seed)

    def grid():
        return random.integers(0, 10, (side, side), dtype=np.uint8)

    pairs = [Example(grid(), grid()) for _ in range(demonstrations)]
    return Task("noise", pairs, [Example(grid(), None)])


@pytest.mark.parametrize(("side", "demonstrations"), [(1, 1), (30, 1), (30, 10)])
def test_noise_ends_within_budget_and_memory(side, demonstrations):
    result = found_for(noise(side, demonstrations), 20_000, CORPUS, memory=0.125)
    assert result.bytes <= 2**27
    assert result.evaluations <= 25_000


def test_a_task_of_many_large_examples_keeps_to_its_budget_while_pools_are_emptied():
    result = found_for(noise(30, 60), 300_000, CORPUS, memory=0.0625)
    assert result.bytes <= 2**26
    assert result.evaluations <= 330_000


def test_a_language_of_many_names_takes_no_table_of_all_pairs():
    """32,000 names: a number for each pair of them and place would take 20 GB."""
    more = [
        NewPrimitive(f"mirror{k}", (("Grid", "grid"),), "Grid", "hmirror") for k in range(32_000)
    ]
    language = STANDARD.extended(more)
    corpus = [Program.parse("O = mirror7(I)", language=language)]
    assert found_for(TASKS["68b16354"], 2_000, corpus).found[0].program.text == "O = mirror7(I)"


def test_a_pool_that_is_full_is_emptied_and_the_search_goes_on():
    task = TASKS["00d62c1b"]
    large = found_for(task, 200_000, memory=1.0)
    small = found_for(task, 200_000, memory=0.03125)
    assert small.bytes <= 2**25 < large.bytes
    assert small.methods["mutants"].evaluations > 0.5 * large.methods["mutants"].evaluations
    assert [f.outputs for f in small.found if f.num_right == 5]


def call(**changed):
    task = TASKS[SOME[0]]
    arguments = {
        "kind": Program,
        "inputs": [e.input for e in (*task.demonstrations, *task.tests)],
        "outputs": [d.output for d in task.demonstrations],
        "corpus": CORPUS[:3],
        "evaluations": 100,
        "max_bytes": 2**26,
        "methods": 1,
    } | changed
    return search.search_task(*arguments.values())


GRID = np.zeros((3, 3), np.uint8)


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        ({"inputs": []}, ValueError, "outputs for 0 inputs"),
        ({"outputs": []}, ValueError, "0 outputs for"),
        ({"inputs": [GRID], "outputs": [GRID, GRID]}, ValueError, "2 outputs for 1 inputs"),
        ({"inputs": [np.zeros((31, 3), np.uint8)], "outputs": [GRID]}, ValueError, "sides from 1"),
        ({"inputs": [np.zeros((0, 3), np.uint8)], "outputs": [GRID]}, ValueError, "a grid is"),
        ({"inputs": [np.full((3, 3), 10, np.uint8)], "outputs": [GRID]}, ValueError, "a grid is"),
        ({"inputs": [np.zeros((3, 3))], "outputs": [GRID]}, ValueError, "a grid is"),
        ({"inputs": [np.zeros(9, np.uint8)], "outputs": [GRID]}, ValueError, "a grid is"),
        ({"corpus": []}, ValueError, "corpus is empty"),
        ({"corpus": ["O = hmirror(I)"]}, TypeError, "use Program.parse"),
        ({"corpus": [Program.__new__(Program)]}, TypeError, "has no lines"),
        ({"evaluations": -1}, ValueError, "evaluations"),
        ({"max_bytes": 1}, ValueError, "max_bytes"),
        ({"methods": 2**32}, ValueError, "methods"),
    ],
)
def test_what_comes_from_outside_is_checked(changed, error, said):
    with pytest.raises(error, match=said):
        call(**changed)


def test_programs_of_two_dialects_are_refused():
    both = [Program.parse("O = hmirror(I)", dialect) for dialect in ("codeit", "arc-dsl")]
    with pytest.raises(ValueError, match="another language or dialect"):
        call(corpus=both)


def test_programs_that_no_run_survives_are_no_start():
    odd = [
        "O = hmirror(I, I, I, I, I)",
        "x1 = hmirror(x1)\nO = x1(I)",
        "I = hmirror(I)\nO = I(ONE)",
    ]
    programs = [p for p in Program.parse_all(odd) if isinstance(p, Program)]
    assert programs
    call(corpus=programs)


def test_every_method_has_a_name_of_its_own():
    assert len(set(METHODS)) == len(METHODS)
