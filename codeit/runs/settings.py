"""All settings of a run: presets, TOML files, and the checks that name what is wrong.

Needs no torch, so that the command line starts at once.
"""

from __future__ import annotations

import dataclasses
import json
import operator
import os
import tomllib
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Annotated, Any, Literal, TypeGuard, cast, get_type_hints

from pydantic import Field

from codeit.execution.executor import MAX_THREADS, Limits
from codeit.files.sources import split_source
from codeit.files.text_file import read_text
from codeit.language.corpus import PACKAGED
from codeit.language.program import Dialect
from codeit.learning.replay import ReplaySettings
from codeit.learning.training import TrainingSettings
from codeit.mutation import MutationSettings
from codeit.policy.model import ModelSettings
from codeit.policy.prompts import MAX_DEMONSTRATIONS, MAX_PROMPT_TOKENS
from codeit.policy.sampling import SamplingSettings
from codeit.primitives.file import loaded
from codeit.public.catalogue import PROGRAM_SOURCES, TASK_SOURCES
from codeit.ranges import MAX_IDS, MAX_SEED, nearest_name
from codeit.searching.settings import MAX_EVALUATIONS, MAX_MEMORY, MIN_MEMORY
from codeit.tasks import datasets
from codeit.validation import Count, PositiveCount, Real, Whole, validated


@validated
class DataSettings:
    """Which tasks there are, and how much of them the policy reads."""

    training: str = "arc1-training"
    """Tasks of the seed programs: a data set name (arc1-training, arc1-evaluation, arc2-training,
    arc2-evaluation, or one of `codeit data list`), a file or directory of tasks, or several of
    these with commas between them. Seed programs of other tasks are left out."""
    evaluation: str = "arc1-evaluation"
    """Tasks to solve, likewise."""
    mutated: str = ""
    """Mutated tasks that were made before: a directory of `codeit mutate`, a folder of JSONL files
    or one file of {"task", "program"}, or the paper's files of mutated tasks; the first
    `mutation.num_tasks` are taken. Empty to make them at the start."""
    num_evaluation: Count = 0
    """Only so many of the tasks to solve, spread evenly over them; 0 for all."""
    dialect: Dialect = "codeit"
    """Which variant of the primitives programs mean."""
    max_demonstrations: PositiveCount = MAX_DEMONSTRATIONS
    """Demonstrations of a task that its prompt shows (1: ablation A5)."""
    max_prompt_tokens: Annotated[Whole, Field(ge=1, le=MAX_IDS // 2)] = MAX_PROMPT_TOKENS
    """Tokens of a prompt for all inputs, and again for all outputs."""


@validated
class LoopSearchSettings:
    """Search of the tasks to solve: without a model, before the first iteration, and around what
    the policy writes.

    The former begins with the seed programs of the training tasks, but for those of a task's own.
    The programs of the two attempts at a task take part in the score.
    """

    evaluations: Annotated[Whole, Field(ge=0, le=MAX_EVALUATIONS)] = 0
    """How many calls of a primitive or closure, each on all examples of a task, a task is given; 0
    for no search."""
    iteration_evaluations: Annotated[Whole, Field(ge=0, le=MAX_EVALUATIONS)] = 0
    """The same for a search in every iteration, which begins with the programs that the policy
    wrote for the task in the iteration before, and works in the time that learning and sampling
    leave; 0 for none. What it finds is learned from."""
    memory: Annotated[Real, Field(ge=MIN_MEMORY, le=MAX_MEMORY)] = 1.0
    """GiB that the search of one task may use; every thread searches one task at a time."""


@validated
class RunSettings:
    """All settings of a run. What is not said is as in the paper; PRESETS has other starts."""

    iterations: PositiveCount = 99
    """Meta-iterations: each learns from the buffer, samples, executes, relabels and stores."""
    seed: Annotated[Whole, Field(ge=0, le=MAX_SEED)] = 17
    """Everything random follows from it."""
    programs: str = ""
    """Seed programs: a JSONL file of {"task", "program"}, a Python file of solve_TASK functions, a
    folder of such files, `packaged` for the corpus in the package, or several of these with commas
    between them; empty for the corpus in the package."""
    primitives: str | None = None
    """Primitives of one's own: a Python file, which is run (docs/primitives.md)."""
    expert_iteration: bool = True
    """Whether the policy learns from what it wrote; if not, as many fresh mutants of the seed
    programs take the place of its programs each iteration (ablation A1)."""
    relabel: bool = True
    """Whether every program that runs teaches the task that it solves; if not, only programs that
    are right on all demonstrations are learned from (ablation A2)."""
    elsewhere: bool = False
    """Whether each program that the policy writes for a task is tried on all other tasks, too: on
    the first demonstration, and where it is right, on the others."""
    overlap: bool = True
    """Whether programs are run while others are sampled, and tasks searched beside both; if not,
    one after the other. Has no influence on the results."""
    threads: Annotated[Whole, Field(ge=0, le=MAX_THREADS)] = 0
    """Threads that execute programs and, on a CPU, run the model; 0 for all cores. Has no influence
    on the results."""
    tracking: Literal["", "wandb", "trackio"] = ""
    """The package that gets the metrics of every iteration, too, if it is installed; empty for
    none. Has no influence on the results."""
    data: DataSettings = field(default_factory=DataSettings)
    mutation: MutationSettings = field(default_factory=MutationSettings)
    search: LoopSearchSettings = field(default_factory=LoopSearchSettings)
    replay: ReplaySettings = field(default_factory=ReplaySettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    sampling: SamplingSettings = field(default_factory=SamplingSettings)
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if self.training.num_mutated == 0 and not self.expert_iteration:
            raise ValueError(
                "training.num_mutated is 0; allowed without expert_iteration: 1 or more, as the "
                "policy's own programs are not learned from"
            )


PRESETS: Mapping[str, RunSettings] = {
    "demo": RunSettings(
        iterations=7,
        elsewhere=True,
        data=DataSettings(max_demonstrations=3, max_prompt_tokens=48),
        mutation=MutationSettings(num_tasks=3000, num_scored=3000),
        search=LoopSearchSettings(evaluations=100_000, iteration_evaluations=10_000),
        model=ModelSettings(name="tiny", pretrained=False, dropout=0.0),
        training=TrainingSettings(
            num_policy=2000,
            num_mutated=4000,  # more than there are: all are learned in every iteration
            learning_rate=1e-3,
            batch_size=16,
            micro_batch_tokens=1024,
            precision="float32",
        ),
        sampling=SamplingSettings(samples_per_task=8, max_tokens=30, batch_size=100),
        limits=Limits(fuel=2_500_000),
    ),
    "small": RunSettings(
        iterations=20,
        elsewhere=True,
        mutation=MutationSettings(num_tasks=9600),
        search=LoopSearchSettings(evaluations=100_000, iteration_evaluations=50_000),
        model=ModelSettings(name="Salesforce/codet5-small"),
        training=TrainingSettings(num_policy=9000, num_mutated=3000, batch_size=128),
        sampling=SamplingSettings(samples_per_task=8, batch_size=16),
    ),
    "paper": RunSettings(),
}
"""demo: a tiny model from scratch, minutes on two cores. small: CodeT5-small, hours on one GPU.
paper: the values of the paper, days on one GPU."""


_PATHS = (
    *("primitives", "programs", "data.training", "data.evaluation", "data.mutated"),
    *("model.name", "model.tokenizer"),
)
"""Settings that can be a path, or the name of something that is no file."""
_SOURCES = "programs", "data.training", "data.evaluation"
"""Those that can be several, with commas between them."""
_NAMES = frozenset(
    {"", "tiny", "compact", PACKAGED, *datasets.DATA_SETS, *TASK_SOURCES, *PROGRAM_SOURCES}
)
"""What is never a path, even where there is a file of that name."""


_HAS_ALL = "# All settings of a run"
"""The first line of a file in which a setting that is missing was lost."""
_ENDS = "# The end of all settings"
"""Its last line: where it is missing, something was cut off."""


def with_absolute_paths(settings: RunSettings) -> RunSettings:
    """The settings with every path that exists made absolute, so that they hold in any folder."""
    changed: Any = settings
    for name in _PATHS:
        section, _, key = name.rpartition(".")
        table = getattr(changed, section) if section else changed
        value = getattr(table, key)
        if value is None:
            continue
        table = dataclasses.replace(table, **{key: _absolute(name, value, Path())})
        changed = dataclasses.replace(changed, **{section: table}) if section else table
    return cast(RunSettings, changed)


def with_loaded_primitives(settings: RunSettings) -> RunSettings:
    """The settings with the file of primitives that this process has run, if it has run one."""
    source = loaded()
    return settings if source is None else dataclasses.replace(settings, primitives=source.path)


def load_settings(path: Path, base: RunSettings) -> RunSettings:
    """The settings of a TOML file over those of `base`, for what the file leaves out.

    A relative path in it that exists beside the file becomes absolute.

    Raises:
        ValueError: no TOML, no setting at all, an unknown name (the nearest known one is
            suggested), or a bad value; a setting is left out of a file that says that it has all.
            The message names the file and the setting.
        OSError: the file cannot be read.
    """
    tables, text = _read_toml(path)
    if not tables:
        raise ValueError(f"{path}: there is no setting in it")
    if text.startswith(_HAS_ALL):
        if _ENDS not in text.splitlines():
            raise ValueError(f"{path}: the line {_ENDS!r} is missing or damaged")
        _check_all_are_there(path, tables, "without its first line, the preset has what is missing")
    _make_paths_absolute(tables, path.parent)
    try:
        return _override(base, tables)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def names_in(path: Path) -> list[str]:
    """The full names that somebody wrote into a file; none for a run's own, which has all."""
    tables, text = _read_toml(path)
    if text.startswith(_HAS_ALL):
        return []
    names = [[f"{key}.{k}" for k in t] if _is_table(t) else [key] for key, t in tables.items()]
    return [name for some in names for name in some]


def load_all_settings(path: Path) -> RunSettings:
    """The settings of a run's own file, in which none is left out.

    Raises:
        ValueError, OSError: as for load_settings.
    """
    _check_all_are_there(path, _read_toml(path)[0], "a run needs all of them")
    return load_settings(path, RunSettings())


def _read_toml(path: Path) -> tuple[dict[str, Any], str]:
    """The tables of a file, and its text."""
    try:
        text = read_text(path)
        return tomllib.loads(text), text
    except RecursionError:
        raise ValueError(f"{path}: it is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _check_all_are_there(path: Path, tables: Mapping[str, Any], remedy: str) -> None:
    """Raise ValueError for settings that a file leaves out, unless they need not be set."""
    missing = []
    for name, value in setting_values(RunSettings()).items():
        section, _, key = name.rpartition(".")
        table = tables.get(section) if section else tables
        if value is not None and not (_is_table(table) and key in table):
            missing.append(name)
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        verb = "is" if len(missing) == 1 else "are"
        raise ValueError(f"{path}: {', '.join(missing[:3])}{more} {verb} missing; {remedy}")


def settings_to_toml(settings: RunSettings) -> str:
    """All settings as a TOML file that load_settings reads back to equal ones."""
    values = dataclasses.asdict(settings)
    lines = [_toml_line(key, value) for key, value in values.items() if not _is_table(value)]
    for name, table in values.items():
        if _is_table(table):
            lines += ["", f"[{name}]", *(_toml_line(k, v) for k, v in table.items())]
    return "\n".join([_HAS_ALL, *lines, "", _ENDS]) + "\n"


def setting_types(settings_type: type = RunSettings, prefix: str = "") -> dict[str, Any]:
    """What every setting is declared as, by its full name, such as `sampling.top_k`."""
    found: dict[str, Any] = {}
    for name, hint in get_type_hints(settings_type).items():
        if dataclasses.is_dataclass(hint):
            found |= setting_types(hint, f"{prefix}{name}.")  # type: ignore[arg-type]
        else:
            found[prefix + name] = hint
    return found


def setting_names() -> list[str]:
    """Every setting by its full name."""
    return list(setting_types())


def override(settings: RunSettings, values: Mapping[str, Any]) -> RunSettings:
    """The settings with other values for some full names.

    Raises:
        ValueError: an unknown name or a bad value.
    """
    tables: dict[str, Any] = {}
    for full_name, value in values.items():
        section, _, name = full_name.rpartition(".")
        (tables.setdefault(section, {}) if section else tables)[name] = value
    return cast(RunSettings, _override(settings, tables))


def setting_values(settings: RunSettings) -> dict[str, Any]:
    """Every setting's value, by its full name."""
    return {name: operator.attrgetter(name)(settings) for name in setting_names()}


def _make_paths_absolute(tables: dict[str, Any], folder: Path) -> None:
    for name in _PATHS:
        section, _, key = name.rpartition(".")
        table = tables.get(section) if section else tables
        if _is_table(table) and isinstance(table.get(key), str):
            table[key] = _absolute(name, table[key], folder)


def _absolute(name: str, value: str, folder: Path) -> str:
    """The path, if the folder has what such a setting can name; else the value as it is."""
    if name in _SOURCES:
        parts = split_source(value, folder)
        if len(parts) > 1:
            return ",".join(_absolute(name, part, folder) for part in parts)
    path = folder / value
    exists = os.path.isdir if name.startswith("model.") else os.path.exists
    return str(path.absolute()) if value not in _NAMES and exists(path) else value


def _is_table(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _toml_line(name: str, value: Any) -> str:
    if value is None:
        return f"# {name} is not set"
    if isinstance(value, str):
        # As JSON, but for what TOML forbids: a half of a character, and DEL as it is.
        if any("\ud800" <= c <= "\udfff" for c in value):
            raise ValueError(f"{name} is {value!r}; allowed: a text of Unicode")
        return f"{name} = {json.dumps(value, ensure_ascii=False)}".replace("\x7f", "\\u007f")
    return f"{name} = {json.dumps(value)}"


def _override(settings: Any, values: Mapping[str, Any], prefix: str = "") -> Any:
    kinds = get_type_hints(type(settings))
    changes = dict(values)
    for name, value in values.items():
        full_name = prefix + name
        if name not in kinds:
            known = setting_names()
            raise ValueError(f"unknown setting {full_name}{nearest_name(full_name, known)}")
        if dataclasses.is_dataclass(kinds[name]):
            if not _is_table(value):
                raise ValueError(f"{full_name} is {value!r}; a table of settings is needed")
            changes[name] = _override(getattr(settings, name), value, full_name + ".")
        elif isinstance(value, float) and value.is_integer() and kinds[name] in (int, int | None):
            changes[name] = int(value)  # TOML has 1e6 for numbers with a point alone
    try:
        return dataclasses.replace(settings, **changes)
    except ValueError as error:
        raise ValueError(f"{prefix}{error}") from None
