"""Where a run stands, and which settings may differ when it goes on.

A setting that every iteration reads takes effect from the next iteration on. One that the start of
the run has read, or that a part of the checkpoint was made with, could have half an effect at most:
it is refused. Of tasks and seed programs the content counts, not the place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeit.files.json_file import read_object
from codeit.files.whole_file import whole_file
from codeit.language import current
from codeit.policy.trained import SETTINGS
from codeit.primitives.file import load_primitives
from codeit.runs.effects import without_effect
from codeit.runs.settings import RunSettings, load_settings, setting_values, settings_to_toml

TAKES_EFFECT = ""
BY_CONTENT = "the run was made with others"

DECISIONS: Mapping[str, tuple[str, ...]] = {
    TAKES_EFFECT: (
        *("iterations", "expert_iteration", "relabel", "elsewhere", "overlap", "threads"),
        "tracking",
        *("replay.capacity", "model.dropout", "model.device"),
        *("training.num_policy", "training.num_mutated", "training.epochs"),
        *("training.learning_rate", "training.batch_size", "training.micro_batch_tokens"),
        *("training.precision", "training.max_gradient_norm", "training.checkpoint_activations"),
        *("training.compile", "training.reset_optimizer"),
        *("sampling.samples_per_task", "sampling.mode", "sampling.temperature", "sampling.top_k"),
        *("sampling.top_p", "sampling.max_tokens", "sampling.sampler", "sampling.precision"),
        *("sampling.num_rows", "sampling.cuda_graphs", "sampling.batch_size", "sampling.distinct"),
        *("limits.fuel", "limits.max_bytes", "limits.max_depth", "limits.max_len"),
        "limits.kept_bytes",
    ),
    BY_CONTENT: ("primitives", "programs", "data.training", "data.evaluation"),
    "all that was drawn follows from it": ("seed",),
    "the checkpoint holds the model": ("model.name", "model.pretrained", "model.tokenizer"),
    "every iteration is scored on the same tasks": ("data.num_evaluation",),
    "the programs in the buffer are written in it": ("data.dialect",),
    "the prompts in the buffer were written with it": (
        *("data.max_demonstrations", "data.max_prompt_tokens"),
    ),
    "the mutated tasks were made with it": (
        *("mutation.num_tasks", "mutation.argument", "mutation.function", "mutation.definition"),
        *("mutation.new_variable", "mutation.num_scored", "mutation.max_tries", "data.mutated"),
    ),
    "the tasks were searched with it before the first iteration": (
        *("search.evaluations", "search.memory"),
    ),
    "the checkpoint holds what the next search begins with, or does not": (
        "search.iteration_evaluations",
    ),
    "the experiences in the buffer were rated with it": (
        *("replay.demonstration_weight", "replay.length_weight", "replay.age_weight"),
        *("replay.distance_weight", "replay.use_priority"),
        *("replay.length_normalizer", "replay.age_normalizer"),
    ),
}
"""What becomes of a setting that has changed: it takes effect, or why it is refused. Each setting
stands here once."""

_REFUSED = {
    name: reason
    for reason, names in DECISIONS.items()
    for name in names
    if reason not in (TAKES_EFFECT, BY_CONTENT)
}

# In a checkpoint, beside the model.
_POSITION = "position.json"

WITHOUT_INFLUENCE = {*DECISIONS[BY_CONTENT], "iterations", "overlap", "threads", "tracking"}
"""Settings whose change leaves the results of an iteration as they would have been."""

Changes = dict[str, tuple[Any, Any]]
"""What a setting was, and what it is."""


@dataclass(frozen=True)
class Position:
    """Where a run stands when an iteration is done."""

    iteration: int
    settings: RunSettings
    digests: Mapping[str, str]
    """Of what the settings named in BY_CONTENT led to."""

    def write(self, checkpoint: Path) -> None:
        """Add it to a checkpoint that is being made."""
        position = {"iteration": self.iteration, "data": dict(self.digests)}
        for name, text in (
            (_POSITION, json.dumps(position)),
            (SETTINGS, settings_to_toml(self.settings)),
        ):
            with whole_file(checkpoint / name) as file:
                file.write(text.encode())

    @classmethod
    def read(cls, checkpoint: Path) -> Position:
        """That of a checkpoint.

        Raises:
            ValueError: a file of it is missing or damaged.
        """
        path = checkpoint / _POSITION
        position = read_object(path)
        iteration, digests = position.get("iteration"), position.get("data")
        if type(iteration) is not int or iteration < 0 or not isinstance(digests, dict):
            raise ValueError(f"{path}: it names no iteration, or no data")
        return cls(iteration, load_settings(checkpoint / SETTINGS, RunSettings()), digests)

    def changes(self, settings: RunSettings) -> Changes:
        """What differs in the settings that the run is to go on with.

        Raises:
            ValueError: one of them cannot take effect any more.
        """
        before, now = setting_values(self.settings), setting_values(settings)
        idle = without_effect(settings)
        changes = {name: (before[name], now[name]) for name in now if before[name] != now[name]}
        reasons = {name: f"it has no effect while {why}" for name, why in idle.items()} | _REFUSED
        refused = [
            f"{name} was {before[name]!r} and is {now[name]!r}, but {reasons[name]}"
            for name in changes.keys() & reasons
        ]
        if refused:
            raise ValueError(f"{'; '.join(sorted(refused))}; only a new run can have it otherwise")
        return changes

    def check_primitives(self, settings: RunSettings) -> None:
        """Raise ValueError unless the file of primitives is the one of before, wherever it is."""
        before = self.digests.get("primitives")
        now = load_primitives(Path(settings.primitives)).digest if settings.primitives else None
        if before != now:
            was = "none" if before is None else f"a file of digest {before}"
            has = "none" if now is None else f"{settings.primitives!r} of digest {now}"
            raise ValueError(
                f"the run was made with {was} as its primitives, and is to go on with {has}; only "
                "a new run can have another"
            )

    def check_data(self, digests: Mapping[str, str], settings: RunSettings) -> None:
        """Raise ValueError unless tasks and programs are those of before, wherever they are now."""
        values = setting_values(settings)
        for name, digest in digests.items():
            if self.digests.get(name) != digest:
                raise ValueError(
                    f"{name} is {values[name]!r}, whose content is not the one that the run was "
                    "made with; only a new run can have another"
                )


def describe(changes: Changes) -> str:
    """One line for the console."""
    return ", ".join(f"{name} from {old!r} to {new!r}" for name, (old, new) in changes.items())


def inputs(settings: RunSettings, digests: Mapping[str, str]) -> dict[str, Any]:
    """What all processes of a run must have been given alike, by name.

    Args:
        digests: of a `Loop`.
    """
    values = setting_values(settings)
    named = {name: value for name, value in values.items() if name not in WITHOUT_INFLUENCE}
    contents = {f"the content of {name}": digest for name, digest in digests.items()}
    more = {
        "iterations": settings.iterations,
        "the digest of the language with primitives of one's own": current().digest,
    }
    return named | contents | more
