"""Typed mutation and the tasks that grow from it."""

import re

import numpy as np
import pytest

from codeit import Limits, Program
from codeit._native import mutation as native_mutation
from codeit.language import CONSTANTS, PRIMITIVES
from codeit.mutation import MutationSettings, mutate
from codeit.tasks import datasets
from codeit.tasks.task import Example, Task

GRID = np.array([[0, 0, 3], [0, 5, 5], [0, 0, 0]], dtype=np.uint8)
PROGRAM = Program.parse(
    "x1 = objects(I, T, F, T)\nx2 = argmax(x1, size)\nx3 = compose(flip, even)\nO = subgrid(x2, I)"
)


def parent(program=PROGRAM, grid=GRID):
    return native_mutation.MutationParent(program, grid, Limits()._native())


def mutants(count=2000, weights=(0.5, 0.25, 0.25, 0.5), program=PROGRAM, grid=GRID):
    seeds = np.arange(count, dtype=np.uint64)
    found = native_mutation.mutate_many(Program, parent(program, grid), weights, seeds)
    return [mutant and mutant.text for mutant in found]


def changed_lines(text, program=PROGRAM):
    old, new = program.text.split("\n"), text.split("\n")
    assert len(old) == len(new)
    return [(a, b) for a, b in zip(old, new, strict=True) if a != b]


def call(line):
    name, function, arguments = re.fullmatch(r"(\w+) = (\w+)\((.*)\)", line).groups()
    return name, function, arguments.split(", ")


def test_lines_have_the_types_of_their_values():
    assert parent().types == ["Grid", "Objects", "Object", "Callable", "Grid"]


@pytest.mark.parametrize(
    ("line", "type_"),
    [
        ("even(ONE)", "Boolean"),
        ("size(I)", "Integer"),
        ("astuple(ONE, TWO)", "IntegerTuple"),
        ("palette(I)", "IntegerSet"),
        ("asindices(I)", "Indices"),
        ("asobject(I)", "Object"),
        ("fgpartition(I)", "Objects"),
        ("apply(toindices, x1)", "IndicesSet"),
        ("repeat(I, TWO)", "Tuple"),
        ("first(x1)", "Object"),
        ("extract(x1, square)", "Object"),
        ("canvas(ZERO, THREE_BY_THREE)", "Grid"),
    ],
)
def test_every_kind_of_value_has_its_type(line, type_):
    program = Program.parse(f"x1 = partition(I)\nx2 = {line}\nO = identity(I)")
    assert parent(program).types[2] == type_


def test_a_line_that_was_not_reached_has_the_type_that_is_declared():
    program = Program.parse("x1 = crop(ONE, ONE, ONE)\nx2 = objects(I, T, T, T)\nO = vmirror(I)")
    assert parent(program).types == ["Grid", "Grid", "Objects", "Piece"]


def test_a_mutant_follows_from_its_parent_and_seed():
    assert mutants(200) == mutants(200)
    assert len(set(mutants(200))) > 50


def test_one_change_is_made_and_all_mutants_are_programs():
    texts = [text for text in mutants() if text is not None]
    for text in texts:
        num_lines = text.count("\n") + 1
        assert num_lines - len(PROGRAM) in (0, 1)
        if num_lines == len(PROGRAM):
            assert len(changed_lines(text)) <= 1
        assert Program.parse(text).text == text
    assert len(texts) > 1000


def test_no_mutant_has_a_call_twice():
    # Half of the new calls are the one that stands there already.
    program = Program.parse("x1 = canvas(ONE, UNITY)\nO = hconcat(x1, x1)")
    for text in mutants(weights=(0, 0, 1, 0), program=program):
        calls = [line.split(" = ")[1] for line in (text or "").split("\n") if line]
        assert len(set(calls)) == len(calls)


@pytest.mark.parametrize(
    "text",
    [
        "ONE = identity(TWO)\nI = canvas(ONE, UNITY)\nO = hconcat(I, I)",
        "O = identity(O)",
        "x1 = compose(size, x1)\nO = x1(I, I, I, I, I, I)",
        "x1 = size(I)\nx2 = size(I) \nx3 = size(I)  \nO = canvas(x2, UNITY)",
    ],
)
def test_strange_parents_have_mutants_that_are_programs(text):
    for weights in ((1, 0, 0, 0), (1, 0, 0, 1), (0, 1, 0, 0), (0, 0, 1, 0)):
        for mutant in mutants(300, weights, Program.parse(text)):
            assert mutant is None or Program.parse(mutant).text == mutant


def test_a_parent_that_calls_a_constant_has_no_mutants_that_do():
    program = Program.parse("ONE = ONE(I)\nO = identity(I)")
    assert not any("ONE(" in (text or "") for text in mutants(500, program=program))


def test_a_parent_with_as_many_lines_as_can_be_gets_no_more():
    lines = [f"x{k} = add(x{k - 1}, ONE)" for k in range(2, 32_766)]
    program = Program.parse("\n".join(["x1 = size(I)", *lines, "O = canvas(ZERO, UNITY)"]))
    found = mutants(8, (1, 0, 0, 1), program)
    assert found == [None] * 8
    assert any(mutants(8, (1, 0, 0, 0), program))


def test_an_argument_gives_way_to_another_of_its_type():
    types = dict(zip(["I", "x1", "x2", "x3"], parent().types, strict=False))
    types |= {name: constant.type for name, constant in CONSTANTS.items()}
    seen = set()
    for text in mutants(weights=(1, 0, 0, 0)):
        if text is None:
            continue
        ((old, new),) = changed_lines(text)
        (name, function, before), (_, function_after, after) = call(old), call(new)
        assert function == function_after
        ((a, b),) = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
        seen.add((name, a, b))
        if a in PRIMITIVES:
            assert [p.type for p in PRIMITIVES[a].parameters] == [
                p.type for p in PRIMITIVES[b].parameters
            ]
            assert PRIMITIVES[a].returns == PRIMITIVES[b].returns
        else:
            assert types[a] == types[b]
    assert ("x1", "T", "F") in seen
    assert ("x3", "even", "positive") in seen
    assert ("x2", "size", "height") not in seen  # Container and Piece are two types


def test_a_function_gives_way_to_another_of_its_signature():
    functions = set()
    for text in mutants(weights=(0, 1, 0, 0)):
        if text is None:
            continue
        ((old, new),) = changed_lines(text)
        assert call(old)[2] == call(new)[2]
        functions.add((call(old)[1], call(new)[1]))
    assert ("argmax", "argmin") in functions
    assert not any(old == "objects" for old, _ in functions)  # nothing else takes what it takes


def test_a_definition_gives_way_to_a_call_that_returns_its_type():
    seen = set()
    for text in mutants(weights=(0, 0, 1, 0)):
        if text is None or not changed_lines(text):
            continue
        ((_, new),) = changed_lines(text)
        name, function, arguments = call(new)
        assert PRIMITIVES[function].arity == len(arguments)
        seen.add((name, PRIMITIVES[function].returns))
    assert seen == {("x1", "Objects"), ("x2", "Object"), ("x3", "Callable"), ("O", "Grid")}


def test_a_new_variable_is_defined_before_its_line_and_the_others_move_up():
    found = 0
    for text in mutants(weights=(1, 0, 0, 1)):
        if text is None:
            continue
        lines = text.split("\n")
        assert [line.split(" = ")[0] for line in lines] == ["x1", "x2", "x3", "x4", "O"]
        # Without the new line, and with the names moved back, all but one argument are as before.
        for at in range(len(lines) - 1):
            rest = lines[:at] + lines[at + 1 :]
            if any(f"x{at + 1}" in re.findall(r"x\d+", line.split(" = ")[1]) for line in rest[at:]):
                found += 1
                break
    assert found > 100


def test_no_argument_is_used_before_it_is_defined():
    for text in mutants():
        if text is None:
            continue
        known = {"I"}
        for line in text.split("\n"):
            name, function, arguments = call(line)
            for term in (function, *arguments):
                assert term in known or term in PRIMITIVES or term in CONSTANTS, text
            known.add(name)


def task_of(task_id="t", program=PROGRAM):
    return (
        Task(
            task_id,
            (Example(GRID, [[3]]), Example(GRID.T, [[3]])),
            (Example([[9]], [[9]]),),
        ),
        program,
    )


def test_grown_tasks_hold_what_their_program_really_returns():
    from codeit import run

    tasks = mutate([task_of()], MutationSettings(num_tasks=50), seed=1)
    assert len(tasks) == 50
    for task in tasks:
        for pair, output in zip(task.parent.demonstrations, task.outputs, strict=True):
            np.testing.assert_array_equal(run(task.program, pair.input).grid, output)


def test_grown_tasks_do_not_repeat_a_program_of_their_task_nor_their_parent():
    tasks = mutate([task_of()], MutationSettings(num_tasks=50), seed=2)
    keys = [task.program.key for task in tasks]
    assert len(set(keys)) == len(keys)
    assert PROGRAM.key not in keys


def test_tasks_of_one_id_and_other_data_do_not_take_each_others_programs():
    task, program = task_of()
    other = Task(task.task_id, task.demonstrations[::-1], task.tests)
    tasks = mutate([(task, program), (other, program)], MutationSettings(num_tasks=200), seed=2)
    texts = {
        digest: {m.program.text for m in tasks if m.parent.digest == digest}
        for digest in (task.digest, other.digest)
    }
    assert texts[task.digest] & texts[other.digest]


def test_grown_tasks_are_as_many_as_wanted_of_those_that_are():
    def is_short(program):
        return len(program) <= len(PROGRAM)

    settings = MutationSettings(num_tasks=50)
    assert not all(is_short(m.program) for m in mutate([task_of()], settings, seed=1))
    tasks = mutate([task_of()], settings, seed=1, is_wanted=is_short)
    assert len(tasks) == 50
    assert all(is_short(m.program) for m in tasks)


def test_grown_tasks_follow_from_the_seed_for_any_number_of_threads():
    def texts(seed, threads):
        settings = MutationSettings(num_tasks=60)
        tasks = mutate([task_of("a"), task_of("b")], settings, seed, threads=threads)
        return [(task.parent.task_id, task.program.text) for task in tasks]

    assert texts(3, threads=1) == texts(3, threads=4)
    assert texts(3, threads=1) != texts(4, threads=1)


def test_growing_gives_up_when_there_is_nothing_new():
    program = Program.parse("O = canvas(ZERO, UNITY)")
    settings = MutationSettings(
        num_tasks=100_000, argument=0, function=1, definition=0, max_tries=1
    )
    assert mutate([task_of(program=program)], settings, seed=1) == []


def test_growing_tells_how_far_it_is():
    told = []
    mutate([task_of()], MutationSettings(num_tasks=10), seed=1, on_progress=told.append)
    assert told[-1] == 10


def test_no_tasks_are_grown_when_none_are_wanted():
    assert mutate([], MutationSettings(num_tasks=0), seed=1) == []
    with pytest.raises(ValueError, match="no programs to mutate"):
        mutate([], MutationSettings(num_tasks=1), seed=1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"argument": -1.0}, "argument is -1.0"),
        (
            {"argument": 0, "function": 0, "definition": 0},
            "argument, function, definition are all 0",
        ),
        ({"new_variable": 1.5}, "new_variable is 1.5"),
        ({"num_tasks": -1}, "num_tasks is -1"),
        ({"max_tries": 0}, "max_tries is 0"),
    ],
)
def test_bad_settings_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        MutationSettings(**changes)


def test_the_seed_corpus_grows_tasks_of_real_grids():
    from codeit.language import load_seed_programs

    tasks = {task.task_id: task for task in datasets.load("arc1-training")}
    parents = [(tasks[seed.task_id], seed.program) for seed in load_seed_programs()]
    grown = mutate(parents, MutationSettings(num_tasks=300), seed=5)
    assert len(grown) == 300
    assert len({task.parent.task_id for task in grown}) > 100
