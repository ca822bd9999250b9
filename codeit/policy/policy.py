"""The policy: a model that writes programs for tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from codeit.language import Program
from codeit.language.program import Dialect
from codeit.parallel.processes import SINGLE_PROCESS, ProcessGroup
from codeit.policy.model.checkpoint import (
    find_device,
    load_model,
    save_checkpoint,
    use_one_thread,
)
from codeit.policy.model.growing import grow_vocabulary
from codeit.policy.model.t5 import T5
from codeit.policy.prompts import PromptWriter
from codeit.policy.sampling.constraint import check_max_tokens
from codeit.policy.sampling.counts import SamplingCounts
from codeit.policy.sampling.engine import EngineSampler
from codeit.policy.sampling.sampler import Sampler
from codeit.policy.sampling.settings import SamplingSettings
from codeit.policy.tokenizer import Tokenizer, load_tokenizer
from codeit.policy.trained import Trained
from codeit.tasks.task import Task


class Policy:
    """A model, the tokenizer that it was made with, and how programs are sampled from it.

    Examples:
        >>> import codeit
        >>> policy = codeit.Policy.load("runs/small", device="cpu")
        >>> tasks = codeit.arc.load("arc1-training", ["00d62c1b"])
        >>> samples = dict(policy.sample(tasks, seed=0))
        >>> len(samples[0]) == policy.settings.samples_per_task
        True
        >>> policy.log_probabilities(tasks[0], ["O = hmirror(I)"]).shape
        (1,)

    Args:
        model: on its device; its weights may change from call to call.
        prompts: what the model reads of a task, and the tokenizer.
        sampling: how programs are sampled.
        threads: to sample on, where the model is on a CPU. Has no influence on the samples.
    Raises:
        ValueError: samples may not be as long as the shortest program, or the mode is not for the
            tokenizer.
    """

    def __init__(
        self, model: T5, prompts: PromptWriter, sampling: SamplingSettings, threads: int = 1
    ) -> None:
        self.model = model
        self.prompts = prompts
        self.tokenizer = prompts.tokenizer
        self.settings = sampling
        check_max_tokens(sampling, self.tokenizer)
        self._sampler: Sampler = _sampler(model, self.tokenizer, sampling, threads)
        self._threads = threads

    @classmethod
    def load(
        cls,
        checkpoint: str | Path,
        sampling: SamplingSettings | None = None,
        *,
        device: str = "auto",
        threads: int = 1,
        max_demonstrations: int | None = None,
        max_prompt_tokens: int | None = None,
    ) -> Policy:
        """A policy from a run, a checkpoint, or a model of the hub.

        What is None is as the policy was trained, or has its default where nothing says how that
        was. Sums inside a product are made on one thread of torch's from now on, so that they come
        out the same on every machine.

        Args:
            checkpoint: a run directory, a directory with model and tokenizer, or the name of a
                model of the hub.
            sampling: how programs are sampled.
            threads: to sample on, where the model is on a CPU.
            device: `auto` (a GPU if there is one), `cpu`, `cuda`, `cuda:1`, ...
            max_demonstrations, max_prompt_tokens: of a prompt.
        Raises:
            ValueError: there is no such device, the directory holds no policy, it is no T5, its
                weights do not fit its config or are not finite, or the tokenizer does not fit it;
                for the rest, see Policy.
            OSError: there is no such model.
        """
        place = find_device(device)
        path = Path(checkpoint)
        trained = Trained.read(path) if path.exists() else Trained(path)
        name = str(trained.checkpoint)
        prompts = PromptWriter(
            load_tokenizer(name),
            max_demonstrations or trained.max_demonstrations,
            max_prompt_tokens or trained.max_prompt_tokens,
        )
        model = load_model(name)
        grow_vocabulary(model, prompts.tokenizer)
        model.config.check_tokenizer(prompts.tokenizer, f"model {name!r}")
        use_one_thread()
        return cls(model.to(place), prompts, sampling or trained.sampling, threads)

    def save(self, directory: Path, write_more: Callable[[Path], None] | None = None) -> None:
        """Write model and tokenizer in Hugging Face's format, whole or not at all.

        Args:
            write_more: writes what else belongs there into a directory that takes the place.
        """
        save_checkpoint(self.model, self.tokenizer, directory, write_more)

    def check(self, tasks: Sequence[Task]) -> None:
        """Raise what `sample` would raise before its first sample for these tasks."""
        self._sampler.check([self.prompts.true_prompt(task) for task in tasks])

    def sample(
        self,
        tasks: Sequence[Task],
        seed: int,
        on_progress: Callable[[int], None] | None = None,
        processes: ProcessGroup = SINGLE_PROCESS,
    ) -> Iterator[tuple[int, list[str]]]:
        """Write settings.samples_per_task programs for each task.

        Args:
            tasks: what to write for; outputs of tests are not read.
            seed: the same policy, tasks and seed give the same samples.
            on_progress: told how many samples are finished.
            processes: only this process's share of the tasks is written for.
        Returns:
            Pairs (index of the task, texts, which need not be programs), in any order; each task
            comes once.
        Raises:
            ValueError: a prompt is longer than what there is memory for.
            FloatingPointError: a weight or a score of the model is not finite.
        """
        for k, rows in self.sample_ids(tasks, seed, on_progress, processes):
            yield k, [self.tokenizer.decode_program(row) for row in rows]

    def sample_programs(
        self,
        tasks: Sequence[Task],
        seed: int,
        dialect: Dialect = "codeit",
        on_progress: Callable[[int], None] | None = None,
        processes: ProcessGroup = SINGLE_PROCESS,
    ) -> Iterator[tuple[int, list[Program | str]]]:
        """The same with programs of a dialect in place of the texts that are some.

        Args:
            tasks, seed, on_progress, processes: as in `sample`.
            dialect: that the programs mean.
        """
        for k, rows in self.sample_ids(tasks, seed, on_progress, processes):
            yield k, self.tokenizer.read_programs(rows, dialect)

    def sample_ids(
        self,
        tasks: Sequence[Task],
        seed: int,
        on_progress: Callable[[int], None] | None = None,
        processes: ProcessGroup = SINGLE_PROCESS,
    ) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
        """The same as ids [N, T], each row padded after its end, for `tokenizer.read_programs`.

        Args:
            tasks, seed, on_progress, processes: as in `sample`.
        """
        prompts = [self.prompts.true_prompt(task) for task in tasks]
        return self._sampler.sample(prompts, seed, on_progress, processes)

    @property
    def counts(self) -> SamplingCounts:
        """What the last samples have taken, once there are all of them."""
        return self._sampler.counts

    def log_probabilities(self, task: Task, programs: Sequence[str]) -> npt.NDArray[np.float64]:
        """How likely the model thinks programs are for a task: at temperature 1, all ids allowed.

        Args:
            task: whose demonstrations the model reads.
            programs: their texts.
        Returns:
            Natural logarithms [P], of a program's whole spelling, the end included.
        Raises:
            ValueError: the tokenizer cannot write a program.
            FloatingPointError: a weight or a score of the model is not finite.
        """
        if not programs:
            return np.zeros(0)
        targets = [self.tokenizer.encode_program(program).astype(np.int64) for program in programs]
        longest = max(map(len, targets))
        padding = self.tokenizer.pad_id
        rows = np.stack(
            [np.pad(ids, (0, longest - len(ids)), constant_values=padding) for ids in targets]
        )
        engine = EngineSampler(self.model, self.tokenizer, self.settings, self._threads)
        (found,) = engine.log_probabilities([self.prompts.true_prompt(task)], [rows])
        return found.sum(axis=1, dtype=np.float64)


def _sampler(model: T5, tokenizer: Tokenizer, sampling: SamplingSettings, threads: int) -> Sampler:
    if sampling.sampler == "engine":
        return EngineSampler(model, tokenizer, sampling, threads)
    from codeit.policy.sampling.generate import GenerateSampler  # loads transformers

    return GenerateSampler(model, tokenizer, sampling, threads)
