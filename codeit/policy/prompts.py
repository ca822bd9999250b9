"""Prompts: what the policy reads of a task."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from codeit.grids import Grid
from codeit.policy.tokenizer import Ids, Tokenizer
from codeit.tasks.task import Task

MAX_DEMONSTRATIONS = 10
"""Demonstrations that a prompt shows, if not said otherwise; the paper's number."""
MAX_PROMPT_TOKENS = 512
"""Tokens of a prompt for all inputs, and again for all outputs; the paper's number."""


class PromptWriter:
    """Turns tasks into token ids: inputs of the demonstrations, then outputs.

    Args:
        max_demonstrations: the first so many are shown.
        max_prompt_tokens: inputs are cut to so many ids, and outputs again.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        max_demonstrations: int = MAX_DEMONSTRATIONS,
        max_prompt_tokens: int = MAX_PROMPT_TOKENS,
    ) -> None:
        self.tokenizer = tokenizer
        self._max_demonstrations = max_demonstrations
        self._max_prompt_tokens = max_prompt_tokens
        # By a task's data and the demonstrations shown: an experience has its parent's inputs.
        self._inputs: dict[tuple[str, tuple[int, ...]], Ids] = {}

    def is_cut(self, task: Task) -> bool:
        """Whether the prompt of a task shows less of its demonstrations than it might."""
        shown = task.demonstrations[: self._max_demonstrations]
        most = self._max_prompt_tokens
        inputs = self.tokenizer.encode_inputs([d.input for d in shown], most + 1)
        outputs = [d.output for d in shown if d.output is not None]
        return max(len(inputs), len(self.tokenizer.encode_outputs(outputs, most + 1))) > most

    def prompt(self, task: Task, outputs: Sequence[Grid | None]) -> Ids:
        """The prompt of a task with these outputs; demonstrations without one are left out."""
        shown = tuple(k for k, grid in enumerate(outputs) if grid is not None)
        shown = shown[: self._max_demonstrations]
        key = (task.digest, shown)
        if key not in self._inputs:
            inputs = [task.demonstrations[k].input for k in shown]
            self._inputs[key] = self.tokenizer.encode_inputs(inputs, self._max_prompt_tokens)
        grids = [grid for grid in (outputs[k] for k in shown) if grid is not None]
        after = self.tokenizer.encode_outputs(grids, self._max_prompt_tokens)
        return np.concatenate([self._inputs[key], after])

    def true_prompt(self, task: Task) -> Ids:
        """The prompt that asks for a program: the task with its true outputs."""
        return self.prompt(task, [d.output for d in task.demonstrations])
