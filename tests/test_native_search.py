"""The native search of one task: what it finds is true, and it keeps to its budget."""

import threading

import numpy as np
import pytest

import codeit
from codeit import Program
from codeit._native import search
from codeit.execution.executor import execute
from codeit.language import STANDARD, load_seed_programs
from codeit.language.table import NewPrimitive
from codeit.searching.engine import SearchWatch, search_task
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


@pytest.mark.parametrize("method", METHODS)
def test_every_method_may_run_alone(method):
    """`mutants` without `corpus` ended the process: nobody had run the programs that it changes."""
    result = found_for(TASKS[SOME[0]], methods=(method,))
    assert set(result.methods) == {method}
    assert {found.method for found in result.found} <= {method}
    assert result.evaluations > 100 or method not in ("corpus", "recolor", "mutants", "objects")


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


# ---- What leads, what is near, and what another thread sees


def task_of(text, seed=3):
    """A task that a program solves, of random grids."""
    random = np.random.default_rng(seed)
    program = Program.parse(text)
    grids = [random.integers(0, 10, (3, 4), dtype=np.uint8) for _ in range(4)]
    pairs = [Example(grid, codeit.run(program, grid).grid) for grid in grids]
    return Task("made", pairs[:3], pairs[3:])


def test_programs_that_lead_come_first_in_every_method():
    """The longest program is changed before the others when it leads."""
    near = "x1 = hmirror(I)\nx2 = vconcat(I, x1)\nx3 = upscale(x2, {})\nO = rot90(x3)"
    task = task_of(near.format("TWO"))
    corpus = [p for p in CORPUS if len(p) <= 3]
    leading = [Program.parse(near.format("THREE"))]
    settings = SearchSettings(methods=("corpus", "mutants"))
    led, others = (
        search_task(without_answers(task), *some, settings, 150_000, leading=first).found[0]
        for some, first in (([corpus], leading), ([[*corpus, *leading]], []))
    )
    assert led.num_right == others.num_right == 3
    assert (led.is_led, others.is_led) == (True, False)
    assert led.evaluations < others.evaluations / 3


def test_mutants_of_what_has_the_size_of_the_outputs_come_first():
    """The only program of that size is the longest."""
    near = "x1 = {}mirror(I)\nx2 = vconcat(I, x1)\nx3 = vconcat(x2, x1)\nO = upscale(x3, TWO)"
    task = task_of(near.format("h"))
    sizes = {d.output.shape for d in task.demonstrations}
    runs = execute(CORPUS, [d.input for d in task.demonstrations], 1)
    others = [
        program
        for k, program in enumerate(CORPUS)
        if len(program) <= 3 and (int(runs.height[k, 0]), int(runs.width[k, 0])) not in sizes
    ]
    corpus = [*others, Program.parse(near.format("v"))]
    first, *_ = found_for(task, 100_000, corpus, methods=("corpus", "mutants")).found
    assert first.num_right == 3
    assert first.evaluations < 3_000


def test_what_is_nearly_right_is_changed_within_a_small_budget_too():
    assert found_for(noise(4, 3), 60_000, CORPUS).methods["beam"].evaluations > 2_000


def test_what_the_corpus_makes_by_itself_does_not_come_from_what_leads():
    task = TASKS["68b16354"]
    leading = [Program.parse("x1 = vmirror(I)\nO = hmirror(x1)")]
    corpus = [Program.parse("O = hmirror(I)"), Program.parse("O = vmirror(I)")]
    settings = SearchSettings(methods=("corpus",))
    (found,) = search_task(without_answers(task), corpus, settings, 500, leading=leading).found
    assert found.program.text == "O = hmirror(I)"
    assert not found.is_led
    alone = search_task(without_answers(task), corpus[1:], settings, 500, leading=corpus[:1])
    assert [f.is_led for f in alone.found] == [True]


def test_a_search_without_programs_that_lead_is_the_plain_one():
    task = TASKS[SOME[5]]
    plain = found_for(task)
    again = search_task(without_answers(task), left_out(task), SearchSettings(), 30_000, leading=[])
    assert as_rows(plain) == as_rows(again)
    assert not any(f.is_led for f in plain.found)


def wrong_cells(task, program):
    runs = execute([program], [d.input for d in task.demonstrations], 1)
    return sum(int((runs.grid(0, k) != d.output).sum()) for k, d in enumerate(task.demonstrations))


def test_what_is_near_is_as_large_as_the_outputs_and_the_nearest_comes_first():
    task = noise(4, 3)
    result = found_for(task, 20_000, CORPUS)
    counts = [wrong_cells(task, program) for program in result.nearest]
    assert len(counts) == 3
    assert counts == sorted(counts)
    runs = execute(list(result.nearest), [d.input for d in task.demonstrations], 1)
    made = {tuple(runs.grid(p, k).tobytes() for k in range(3)) for p in range(3)}
    assert len(made) == 3  # of those that miss alike there is one
    # Of the programs of the corpus themselves none is nearer.
    runs = execute(CORPUS, [d.input for d in task.demonstrations], 1)
    own = [
        wrong_cells(task, program)
        for p, program in enumerate(CORPUS)
        if all(
            grid is not None and grid.shape == d.output.shape
            for grid, d in zip(
                (runs.grid(p, k) for k in range(3)), task.demonstrations, strict=True
            )
        )
    ]
    assert 0 < counts[0] <= min(own)


def test_another_thread_sees_how_far_a_search_is_and_what_it_has_found():
    task, watch = TASKS["68b16354"], SearchWatch()
    assert (watch.evaluations, watch.take(task)) == (0, [])
    plain = found_for(task, 5_000)
    seen = search_task(without_answers(task), left_out(task), SearchSettings(), 5_000, watch=watch)
    assert as_rows(plain) == as_rows(seen)
    assert 0 < watch.evaluations <= seen.evaluations
    assert watch.method in METHODS
    shown = watch.take(task)
    fitting = [f for f in shown if f.num_right == len(task.demonstrations)]
    assert next(f.program for f in seen.found if f.num_right == len(task.demonstrations)) in [
        f.program for f in fitting
    ]
    misses = [wrong_cells(task, f.program) for f in shown if f not in fitting]
    assert misses == sorted(set(misses), reverse=True)
    assert watch.take(task) == []


def test_a_search_that_is_stopped_ends_soon_with_what_it_has_found():
    task, watch = TASKS["68b16354"], SearchWatch()
    watch.stop()
    result = search_task(without_answers(task), CORPUS, SearchSettings(), 10**9, watch=watch)
    assert result.evaluations < 10_000
    later = SearchWatch()
    found = []

    def look():
        while not found:
            found.extend(f for f in later.take(task) if f.num_right == len(task.demonstrations))
        later.stop()

    looking = threading.Thread(target=look)
    looking.start()
    result = search_task(without_answers(task), CORPUS, SearchSettings(), 10**9, watch=later)
    looking.join()
    assert result.evaluations < 10**8
    assert found[0].program in [f.program for f in result.found]


def test_a_watch_of_another_dialect_is_refused():
    watch = search.Watch(Program.parse("O = hmirror(I)", "arc-dsl"))
    with pytest.raises(ValueError, match="the watch is of another language or dialect"):
        call(num_leading=0, watch=watch)
    with pytest.raises(TypeError, match="has no lines"):
        search.Watch(Program.__new__(Program))
    with pytest.raises(ValueError, match="num_leading"):
        call(num_leading=4)
