"""How a policy was trained, as its checkpoint says it: what it reads of a task, how its programs
are drawn, and what they mean. Needs no torch."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codeit.files.json_file import json_digest
from codeit.files.text_file import dead_link, read_text
from codeit.files.whole_directory import MANIFEST, Digest, read_manifest
from codeit.language.corpus import PACKAGED
from codeit.language.program import Dialect, is_arc_dsl
from codeit.policy.prompts import MAX_DEMONSTRATIONS, MAX_PROMPT_TOKENS
from codeit.policy.sampling.settings import SamplingSettings
from codeit.ranges import MAX_INT, integer

CHECKPOINT = "checkpoint"
"""The folder of a run that has its policy."""
SETTINGS = "settings.toml"
"""Beside a policy of a run: all settings that it was trained with."""
_MODEL = "config.json"


@dataclass(frozen=True)
class Trained:
    """How a policy was trained.

    Attributes:
        checkpoint: a directory with a model and its tokenizer.
        sampling: how its programs are drawn.
        max_demonstrations, max_prompt_tokens: of a prompt.
        dialect: that its programs mean.
        programs: the seed programs of its run: a file, or PACKAGED.
    """

    checkpoint: Path
    sampling: SamplingSettings = field(default_factory=SamplingSettings)
    max_demonstrations: int = MAX_DEMONSTRATIONS
    max_prompt_tokens: int = MAX_PROMPT_TOKENS
    dialect: Dialect = "codeit"
    programs: str = PACKAGED

    @classmethod
    def read(cls, directory: Path) -> Trained:
        """That of a run directory, or of a directory with a model alone, which says nothing more.

        Raises:
            ValueError: it is none, its run has no policy yet, or its settings are damaged or of
                another version.
            OSError: a file cannot be read.
        """
        if not directory.is_dir():
            what = "no directory" if directory.exists() else "there is no such directory"
            raise ValueError(f"{directory}: {dead_link(directory) or what}")
        checkpoint = directory
        if not (directory / _MODEL).is_file():
            checkpoint = directory / CHECKPOINT
            if not os.path.lexists(checkpoint):
                raise ValueError(
                    f"{directory}: it is no checkpoint, as it has no {_MODEL}, and no run with a "
                    f"policy, as it has no folder {CHECKPOINT}"
                )
            if not (checkpoint / _MODEL).is_file():
                raise ValueError(f"{checkpoint / _MODEL}: there is no such file")
        path = checkpoint / SETTINGS
        if not path.is_file():
            return cls(checkpoint)
        try:
            return cls._of(checkpoint, tomllib.loads(read_text(path)))
        except (ValueError, TypeError, AttributeError) as error:
            raise ValueError(f"{path}: {error}") from None

    @classmethod
    def _of(cls, checkpoint: Path, tables: Mapping[str, Any]) -> Trained:
        data = tables.get("data", {})
        dialect = data.get("dialect", "codeit")
        is_arc_dsl(dialect)
        names = {"max_demonstrations": MAX_DEMONSTRATIONS, "max_prompt_tokens": MAX_PROMPT_TOKENS}
        sizes = {
            name: integer(f"data.{name}", data.get(name, default), 1, MAX_INT)
            for name, default in names.items()
        }
        return cls(
            checkpoint=checkpoint,
            sampling=SamplingSettings(**tables.get("sampling", {})),
            dialect=dialect,
            programs=str(tables.get("programs") or PACKAGED),
            **sizes,
        )

    def digest(self) -> str:
        """Of all files of the checkpoint.

        Raises:
            ValueError: its manifest is damaged.
        """
        if (self.checkpoint / MANIFEST).is_file():
            return json_digest(read_manifest(self.checkpoint))
        files = sorted(path for path in self.checkpoint.iterdir() if path.is_file())
        return json_digest({path.name: Digest.of_file(path).entry() for path in files})
