"""Prompts and keys belong to a task's data, whatever its name."""

import numpy as np

from codeit import Program
from codeit.learning.experience import Experience, ExperienceWriter
from codeit.learning.replay import Origin, ReplayBuffer, ReplaySettings
from codeit.policy.prompts import PromptWriter
from codeit.policy.tokenizer import CompactTokenizer
from codeit.tasks.datasets import load
from codeit.tasks.task import Example, Task

PROGRAM = Program.parse("O = hmirror(I)")
MANY_VARIABLES = "\n".join(
    ["x1 = hmirror(I)", *(f"x{k} = hmirror(x{k - 1})" for k in range(2, 101)), "O = hmirror(x100)"]
)


def prompts():
    return PromptWriter(CompactTokenizer(), 2, 100)


def writer(max_program_tokens=50):
    return ExperienceWriter(prompts(), max_program_tokens)


def task_of(first, second):
    return Task("same", (Example(first, [[1]]), Example(second, [[2]])), (Example([[0]], [[0]]),))


TASKS = [task_of([[3]], [[4]]), task_of([[4]], [[3]]), task_of([[3]], [[5, 5]])]


def test_tasks_of_one_id_have_prompts_of_their_own():
    one = prompts()
    for task in TASKS:
        np.testing.assert_array_equal(one.true_prompt(task), prompts().true_prompt(task))


def test_prompts_of_arc_agi_2_do_not_show_inputs_of_arc_agi_1():
    """391 ids of its training set are ids of ARC-AGI-1's, whose demonstrations stand otherwise."""
    one = prompts()
    for task in load("arc1-training"):
        one.true_prompt(task)
    for task in load("arc2-training"):
        np.testing.assert_array_equal(one.true_prompt(task), prompts().true_prompt(task))


def test_one_program_is_kept_for_each_task_of_one_id():
    buffer = ReplayBuffer(ReplaySettings(capacity=10))
    for task in TASKS:
        outputs = tuple(pair.output for pair in task.demonstrations)
        writer().store(buffer, [Experience(task, PROGRAM, outputs, 1.0)], Origin.policy, 1)
    assert len(buffer) == 3


def test_one_task_under_two_ids_is_one_task():
    buffer = ReplayBuffer(ReplaySettings(capacity=10))
    for name in ("a", "b"):
        task = Task(name, TASKS[0].demonstrations, TASKS[0].tests)
        outputs = tuple(pair.output for pair in task.demonstrations)
        writer().store(buffer, [Experience(task, PROGRAM, outputs, 1.0)], Origin.policy, 1)
    assert len(buffer) == 1


def test_a_program_is_kept_once_however_it_is_written():
    buffer = ReplayBuffer(ReplaySettings(capacity=10))
    outputs = tuple(pair.output for pair in TASKS[0].demonstrations)
    texts = [
        "x1 = size(I)\nx2 = hmirror(I)\nO = vconcat(x2, I)",
        "y = hmirror(I)\nO = vconcat(y, I)",
        "x1 = hmirror(I)\nO = vconcat(I, x1)",
    ]
    for text in texts:
        experience = Experience(TASKS[0], Program.parse(text), outputs, 1.0)
        writer().store(buffer, [experience], Origin.policy, 1)
    assert len(buffer) == 2


def test_a_program_fits_with_so_many_tokens_and_variables_that_the_tokenizer_has():
    num_tokens = len(CompactTokenizer().encode_program(PROGRAM.text))
    for most, fits in ((num_tokens, True), (num_tokens - 1, False)):
        assert writer(most).fits(PROGRAM) is fits
    assert not writer(10_000).fits(Program.parse(MANY_VARIABLES))


def test_a_prompt_is_cut_when_it_could_show_more():
    task = TASKS[0]
    half = len(CompactTokenizer().encode_outputs([d.output for d in task.demonstrations], 100))
    for most, is_cut in ((half, False), (half - 1, True)):
        assert PromptWriter(CompactTokenizer(), 2, most).is_cut(task) is is_cut
        # Demonstrations beyond the first of a prompt are left out on purpose.
        assert not PromptWriter(CompactTokenizer(), 1, most).is_cut(task)
