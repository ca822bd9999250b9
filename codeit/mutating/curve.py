"""How many tasks are solved by so many mutants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from codeit.tasks.scoring import RULES, Candidate, Figures, Scoreboard, TaskKey


@dataclass(frozen=True)
class CurvePoint:
    """The figures of the first mutants.

    Attributes:
        num_valid: draws that gave a valid mutant, new or not, until there were so many.
    """

    num_programs: int
    num_valid: int
    figures: Figures


class Curve:
    """Takes in candidates by the numbers of their programs, and counts the tasks that are solved.

    Args:
        step: of the numbers of programs after which is counted; 0 for never.
    """

    def __init__(self, step: int) -> None:
        self._step = step
        self._board = Scoreboard()
        self._changed: set[TaskKey] = set()
        self._solved: dict[str, set[TaskKey]] = {rule: set() for rule in RULES}

    def solved(self) -> dict[str, set[TaskKey]]:
        """The tasks that are solved by now, by each rule."""
        for task in self._changed:
            rules = self._board.rules_solving(task)
            for rule, tasks in self._solved.items():
                (tasks.add if rule in rules else tasks.discard)(task)
        self._changed.clear()
        return self._solved

    def figures(self) -> Figures:
        """How many these are."""
        return {rule: len(tasks) for rule, tasks in self.solved().items()}

    def remember(self, found: Iterable[tuple[int, Candidate]]) -> None:
        """Take in what was found before."""
        for _, candidate in found:
            self._board.add([candidate])
            self._changed.add(candidate.task)

    def add(
        self,
        found: Iterable[tuple[int, Candidate]],
        begin: int,
        valid: Sequence[int],
        is_last: bool,
    ) -> Iterator[CurvePoint]:
        """Take in what the programs from one number on have found, by number.

        Args:
            valid: of each program, the `num_valid` of a point that ends with it.
            is_last: whether there are no programs behind them, of which a point tells in any case.
        """
        waiting = iter(found)
        candidate = next(waiting, None)
        at, end = begin, begin + len(valid)
        while at < end:
            at = min(end, (at // self._step + 1) * self._step) if self._step else end
            while candidate is not None and candidate[0] < at:
                self._board.add([candidate[1]])
                self._changed.add(candidate[1].task)
                candidate = next(waiting, None)
            is_step = self._step > 0 and at % self._step == 0
            if is_step or (is_last and at == end):
                yield CurvePoint(at, valid[at - begin - 1], self.figures())
