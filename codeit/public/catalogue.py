"""Which public data is known by name, and the revision of each that is fetched.

A revision is pinned by its Git commit, and what is taken of it by the id that Git itself gives to
that folder or file. The commit decides this id, so that nothing else can take its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal


@dataclass(frozen=True)
class PublicData:
    """Something public.

    Attributes:
        name: by which commands take it.
        kind: what it holds.
        repository: OWNER/NAME on GitHub.
        commit: of the revision.
        path: of the folder or file that is taken.
        git_id: of that path in this commit; 40 hexadecimal digits.
        is_folder: whether it is a folder, of which the whole revision is downloaded.
        inside: of a zip file, the folder in it that is taken; "" for all.
        about: one line for people.
    """

    name: str
    kind: Literal["tasks", "programs"]
    repository: str
    commit: str
    path: str
    git_id: str
    is_folder: bool
    about: str
    inside: str = ""

    @property
    def address(self) -> str:
        """Where it is, without the host."""
        if self.is_folder:
            return f"{self.repository}/archive/{self.commit}.tar.gz"
        return f"{self.repository}/raw/{self.commit}/{self.path}"


_CONCEPT_ARC = "victorvikram/ConceptARC", "b22ef526b4656679816b7811e78f55cc24d736d7"
_RE_ARC = "michaelhodel/re-arc", "e5b7f1d06362a76f9d3b8c25154ff1fafca897ce"

_ALL = (
    PublicData(
        "concept-arc",
        "tasks",
        *_CONCEPT_ARC,
        "corpus",
        "f27540db6c247961333d6d1d053eea6f5e90c321",
        True,
        "ConceptARC: 160 tasks of 16 concepts",
    ),
    PublicData(
        "concept-arc-minimal",
        "tasks",
        *_CONCEPT_ARC,
        "MinimalTasks",
        "20893d1d7effd368298e6321cd32df0f5eaf9c89",
        True,
        "ConceptARC's 16 minimal tasks, one a concept",
    ),
    PublicData(
        "1d-arc",
        "tasks",
        "khalil-research/1D-ARC",
        "542efdb83cd23c519dd2a4d0563070f1a7c9b938",
        "dataset",
        "b2227acc77be967bd552b470ef34db653e63e328",
        True,
        "1D-ARC: 901 tasks of one row, 615 of them within 30 columns",
    ),
    PublicData(
        "mini-arc",
        "tasks",
        "KSB21ST/MINI-ARC",
        "792d082c40d496f2f106f63fa7125bb115c8230b",
        "data/MiniARC",
        "ac9e7ffed7576974cb6ccb511719928d4e03e629",
        True,
        "Mini-ARC: 149 tasks of 5x5 cells",
    ),
    PublicData(
        "barc-sample",
        "tasks",
        "xu3kev/BARC",
        "a7b51a6b1ff969da3a78a71c533b6d79a93966e7",
        "synthetic_problems",
        "b95359ff19522a4826e518fe0f94030954de2af3",
        True,
        "BARC: the 346 problems in its repository, 339 of them within the limits",
    ),
    PublicData(
        "re-arc",
        "tasks",
        *_RE_ARC,
        "re_arc.zip",
        "2365d068ba4564fce626862a93794d7b6ad93fdf",
        False,
        "re-arc: 1,000 pairs for each of the 400 training tasks",
        inside="re_arc/tasks",
    ),
    PublicData(
        "arc-gen",
        "tasks",
        "google/ARC-GEN",
        "a15cbdb44c776610aeeb9f487a06af875d3d0878",
        "misc/ARC-GEN-100K.zip",
        "a19c9f79c3040c6d84b9936d0b35dfd1284a2594",
        False,
        "ARC-GEN-100K: 100,000 pairs for the 400 training tasks",
    ),
    PublicData(
        "arc-dsl-solvers",
        "programs",
        "michaelhodel/arc-dsl",
        "635de4902a5fb4e376f27333feaa396d3f5dfdcb",
        "solvers.py",
        "f19052fcd9dde122ec793c46f44a44b2916d266b",
        False,
        "arc-dsl: a solver for each of the 400 training tasks (dialect arc-dsl)",
    ),
    PublicData(
        "re-arc-verifiers",
        "programs",
        *_RE_ARC,
        "verifiers.py",
        "23bc82a6816a6c4703c4873fa37b5114ec733c9c",
        False,
        "re-arc: a verifier for each of the 400 training tasks (dialect arc-dsl)",
    ),
)

_BY_NAME = {data.name: data for data in _ALL}
PUBLIC: Mapping[str, PublicData] = MappingProxyType(_BY_NAME)
TASK_SOURCES = frozenset(data.name for data in _ALL if data.kind == "tasks")
PROGRAM_SOURCES = frozenset(data.name for data in _ALL if data.kind == "programs")
