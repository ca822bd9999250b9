"""An answer for the eye: what its program makes of the demonstrations, the grids that it answers to
the tests, the programs, and what there is to say of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from codeit.grids import Grid
from codeit.solving.answer import Answer, Attempt
from codeit.solving.misses import Miss
from codeit.tasks.blocks import Arrow, Block, Code, Panel, Piece
from codeit.tasks.task import Example, Task

_ATTEMPTS = ("first attempt", "second attempt")
_ORIGINS = {
    "search": "found by the search ({})",
    "policy": "written by the policy",
    "policy and search": "written by the policy, and found by the search without it ({})",
    "policy-led search": "found by the search ({}), from what the policy wrote",
}


@dataclass(frozen=True, eq=False)
class Shown:
    """A program that answers a task, to be shown.

    Attributes:
        name: what it is, such as "first attempt".
        text: the program, minimised.
        grids: what it answers to the tests.
    """

    name: str
    text: str
    grids: Sequence[Grid | None]


def demonstration_blocks(task: Task, miss: Miss) -> list[Block]:
    """A block for each demonstration: input, arrow, and the output that a program makes; where it
    is wrong, beside the true one."""
    blocks = []
    pairs = zip(task.demonstrations, miss.outputs, miss.wrong, strict=True)
    for k, (example, made, num_wrong) in enumerate(pairs, 1):
        pieces: list[Piece] = [_panel("input", example.input), Arrow()]
        if num_wrong == 0:
            pieces.append(_panel("right", example.output, True))
        else:
            pieces += [_panel("expected", example.output), _wrong(example, made, num_wrong)]
        blocks.append(Block(pieces, f"demonstration {k}"))
    return blocks


def test_blocks(task: Task, shown: Sequence[Shown]) -> list[Block]:
    """A block for each test: input, arrow, and what each program answers; and the true output where
    it is known, and none of them has it."""
    blocks = []
    for i, test in enumerate(task.tests):
        pieces: list[Piece] = [_panel("input", test.input), Arrow()]
        verdicts = []
        for one in shown:
            grid = one.grids[i]
            is_right = None if test.output is None else _is_equal(grid, test.output)
            which = one.name.split()[0]
            word = one.name if is_right is None else f"{which}: {('wrong', 'right')[is_right]}"
            no_grid = Panel(None, f"{which}: no grid", False)
            pieces.append(no_grid if grid is None else _panel(word, grid, is_right))
            verdicts.append(is_right)
        if test.output is not None and True not in verdicts:
            pieces.append(_panel("expected", test.output))
        blocks.append(Block(pieces, f"test {i + 1}"))
    return blocks


def program_blocks(shown: Sequence[Shown]) -> list[Block]:
    """A block for each program."""
    return [Block([Code(one.text)], one.name) for one in shown]


def all_of(count: int) -> str:
    """So many demonstrations in words."""
    named = {1: "the demonstration", 2: "both demonstrations"}
    return named.get(count, f"all {count} demonstrations")


def attempt_names(count: int) -> Sequence[str]:
    """What the attempts are called."""
    return _ATTEMPTS[:count]


def answer_sentences(answer: Answer, attempts: Sequence[Attempt]) -> list[str]:
    """What there is to say of an answer: how right its attempts are on what is known, where they
    come from, and how likely they are right."""
    lines = []
    for name, attempt in zip(_ATTEMPTS, attempts, strict=False):
        makes_none = all(grid is None for grid in attempt.grids)
        but = ", but makes no grid of any test" if makes_none else ""
        lines.append(f"{name}: {_right_on(attempt)}{but}; {_origin(attempt)}")
    if answer.attempts and attempts[0].found.fits:
        lines.append(
            f"chance that one of the two is right: about {answer.record.chance:.0%}; so it was on "
            "training tasks, and it is less on harder ones"
        )
    return lines


def verdict_sentence(task: Task, attempts: Sequence[Attempt]) -> str:
    """Whether one of the attempts is right, as far as that is known."""
    outputs = [test.output for test in task.tests]
    if any(output is None for output in outputs):
        return "the tests' outputs are hidden: nobody here knows whether it is right"
    places = []
    for i, output in enumerate(outputs):
        right = [k for k, a in enumerate(attempts) if _is_equal(a.grids[i], output)]
        places.append(right[0] if right else None)
    if all(place == 0 for place in places):
        return "solved: the first attempt is right"
    if None not in places:
        with_second = "the second attempt is right" if 0 not in places else "with both attempts"
        return f"solved: {with_second}"
    num_right = sum(place is not None for place in places)
    part = f", but for {num_right} of {len(places)} tests" if num_right else ""
    return f"not solved: no attempt is right{part}"


def miss_sentence(task: Task, miss: Miss) -> str:
    """How far a program that misses is from the demonstrations."""
    cells = sum(d.output.size for d in task.demonstrations if d.output is not None)
    right = f", right on {miss.num_right} of {len(miss.wrong)} demonstrations"
    return (
        f"{miss.num_wrong:,} of {cells:,} cells of the demonstrations' outputs are wrong"
        f"{right if miss.num_right else ''}"
    )


def _right_on(attempt: Attempt) -> str:
    candidate = attempt.found.candidate
    num_right, count = candidate.num_right, candidate.num_demonstrations
    if num_right == count:
        return f"right on {all_of(count)}"
    return f"right on only {num_right} of {count} demonstrations"


def _origin(attempt: Attempt) -> str:
    found = attempt.found
    words = _ORIGINS[attempt.origin].format(found.method)
    if attempt.origin == "policy":
        return words
    ways = "" if found.candidate.derivations < 2 else f", in {found.candidate.derivations:,} ways"
    return f"{words} after {found.evaluations:,} evaluations{ways}"


def _wrong(example: Example, made: Grid | None, num_wrong: int) -> Panel:
    if made is None:
        return Panel(None, "no output", False)
    assert example.output is not None
    if made.shape != example.output.shape:
        return Panel(made, f"{_size(made)}, not {_size(example.output)}", False)
    return Panel(made, f"{num_wrong} {'cell' if num_wrong == 1 else 'cells'} wrong", False)


def _panel(word: str, grid: Grid | None, is_right: bool | None = None) -> Panel:
    assert grid is not None
    return Panel(grid, f"{word} {_size(grid)}", is_right)


def _size(grid: Grid) -> str:
    return f"{grid.shape[0]}x{grid.shape[1]}"


def _is_equal(grid: Grid | None, output: Grid | None) -> bool:
    return grid is not None and output is not None and np.array_equal(grid, output)
