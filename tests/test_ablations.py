"""The paper's six ablations: each setting changes what it says, and nothing else."""

import dataclasses
import json

import numpy as np
import pytest

pytest.importorskip("torch")

import small_run
import torch
from small_run import PROGRAMS, quiet, without_seconds

from codeit.language import Program
from codeit.learning.experience import ExperienceWriter, Lessons
from codeit.learning.replay import Origin
from codeit.learning.samples import Samples
from codeit.policy.model.checkpoint import build_model, save_checkpoint
from codeit.policy.tokenizer import CompactTokenizer
from codeit.runs.loop import Loop
from codeit.runs.running import train
from codeit.runs.settings import LoopSearchSettings
from codeit.runs.stages import harvest
from codeit.tasks import datasets


def changed(settings, **sections):
    """The settings with some of a section's, such as replay={"use_priority": False}."""
    return dataclasses.replace(
        settings,
        **{
            name: dataclasses.replace(getattr(settings, name), **changes)
            for name, changes in sections.items()
        },
    )


def settings_for(data, **changes):
    """Without what can be learned from besides samples."""
    return small_run.settings_for(
        data, **({"elsewhere": False, "search": LoopSearchSettings()} | changes)
    )


def written(self, _, timeline):
    """What a policy might write: for each task its own program, and another one."""
    samples = []
    for number, task in enumerate(self._tasks):
        texts = [PROGRAMS[task.task_id[:-1]], "O = dmirror(I)"]
        samples.append(Samples(number, task, [Program.parse(text) for text in texts]))
    return harvest(samples, self._harvester, self._workers, timeline)


@pytest.fixture(scope="module", autouse=True)
def _policy():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Loop, "_write", written)
        yield


@pytest.fixture(scope="module")
def plain(data, tmp_path_factory):
    """The metrics of a run without an ablation."""
    out = tmp_path_factory.mktemp("plain") / "run"
    train(settings_for(data), out, quiet())
    return without_seconds(out)


@pytest.fixture
def stored(monkeypatch):
    """What goes into the buffer: (iteration, origin, experiences) in order."""
    calls = []
    known = {}
    lessons, store = ExperienceWriter.lessons, Lessons.store

    def noted(self, experiences):
        experiences = list(experiences)
        made = lessons(self, experiences)
        for row in made.rows:
            same = (row.task_digest, row.key)
            (known[row],) = (e for e in experiences if (e.task.digest, e.program.key) == same)
        return made

    def recorded(self, buffer, origin, iteration):
        if self.rows:
            calls.append((iteration, origin, [known[row] for row in self.rows]))
        store(self, buffer, origin, iteration)

    monkeypatch.setattr(ExperienceWriter, "lessons", noted)
    monkeypatch.setattr(Lessons, "store", recorded)
    return calls


def contents(experiences):
    """Experiences in a form that can be compared."""
    return [
        (
            *(one.task.task_id, one.program.text, one.share_right),
            [None if grid is None else grid.tolist() for grid in one.outputs],
        )
        for one in experiences
    ]


def check_equal_but_for(ours, theirs, names):
    assert {k for k in ours.keys() | theirs.keys() if ours.get(k) != theirs.get(k)} == set(names)


def is_right(one):
    pairs = zip(one.outputs, one.task.demonstrations, strict=True)
    return all(np.array_equal(grid, pair.output) for grid, pair in pairs)


PRIORITIES = ["buffer_mean_policy_priority", "buffer_priorities"]
OF_POLICY = ["buffer_num_policy", *PRIORITIES]


def test_a1_without_expert_iteration_mutants_take_the_place_of_samples(
    plain, data, tmp_path, stored
):
    train(settings_for(data, expert_iteration=False), tmp_path / "run", quiet())
    ours = without_seconds(tmp_path / "run")
    assert ours[0] == plain[0]
    more = ["num_experiences", "buffer_num_mutated"]
    check_equal_but_for(ours[1], plain[1], [*OF_POLICY, *more])
    assert [row["buffer_num_policy"] for row in ours[1:]] == [0, 0]

    tasks = {task.task_id for task in datasets.load(data / "evaluation.json")}
    later = [call for call in stored if call[0] > 0]
    assert [(iteration, origin) for iteration, origin, _ in later] == [
        (1, Origin.mutated),
        (2, Origin.mutated),
    ]
    first, second = (contents(experiences) for _, _, experiences in later)
    assert {one[0] for one in first} == tasks
    assert 8 <= len(first) <= 8 * settings_for(data).sampling.samples_per_task
    assert first != second


def test_a2_without_relabelling_only_right_programs_are_learned_from(data, tmp_path, stored):
    settings = settings_for(data, iterations=1)
    train(settings, tmp_path / "plain", quiet())
    num_calls = len(stored)
    train(dataclasses.replace(settings, relabel=False), tmp_path / "run", quiet())
    theirs, ours = stored[:num_calls], stored[num_calls:]
    for one, other in zip(ours[:-1], theirs[:-1], strict=True):
        assert contents(one[2]) == contents(other[2])
    with_all, with_right = theirs[-1][2], ours[-1][2]
    assert len(with_all) == 16
    assert contents(with_right) == contents(one for one in with_all if is_right(one))
    assert len(with_right) == 8
    check_equal_but_for(
        without_seconds(tmp_path / "run")[1],
        without_seconds(tmp_path / "plain")[1],
        ["num_experiences", *OF_POLICY],
    )


def test_a3_without_priority_every_experience_is_worth_the_same(plain, data, tmp_path):
    """All are drawn here, so that nothing else can differ; test_replay.py looks at the draws."""
    settings = changed(settings_for(data), replay={"use_priority": False})
    train(settings, tmp_path / "run", quiet())
    ours = without_seconds(tmp_path / "run")
    assert ours[0] == plain[0]
    for one, other in zip(ours[1:], plain[1:], strict=True):
        check_equal_but_for(one, other, PRIORITIES)
        assert one["buffer_mean_policy_priority"] == 1
        assert all(t["1"] == sum(t.values()) for t in one["buffer_priorities"].values())


def test_a4_without_pretraining_weights_are_drawn(data, tmp_path):
    settings = settings_for(data)
    pretrained = build_model(settings.model, CompactTokenizer(), seed=99)
    save_checkpoint(pretrained, CompactTokenizer(), tmp_path / "model")
    model = {"name": str(tmp_path / "model"), "tokenizer": "compact"}
    loaded, drawn = (
        Loop(changed(settings, model=model | {"pretrained": is_pretrained}), quiet())
        for is_pretrained in (True, False)
    )
    assert torch.equal(loaded._policy.model.embedding, pretrained.embedding)
    assert not torch.equal(drawn._policy.model.embedding, pretrained.embedding)
    assert loaded._policy.model.config == drawn._policy.model.config
    for one in (loaded, drawn):
        task = one._tasks[0]
        np.testing.assert_array_equal(
            one._policy.prompts.true_prompt(task), loaded._policy.prompts.true_prompt(task)
        )


def test_a5_with_one_demonstration_prompts_are_shorter_but_scores_are_not(
    plain, data, tmp_path, stored
):
    settings = changed(settings_for(data, iterations=1), data={"max_demonstrations": 1})
    train(settings, tmp_path / "run", quiet())
    ours, theirs = without_seconds(tmp_path / "run"), plain
    cut, *others = theirs[0]["notes"]
    assert "data.max_prompt_tokens" in cut  # three demonstrations do not fit, one does
    assert ours[0] == theirs[0] | {"notes": others}
    assert ours[1]["num_trained"] == theirs[1]["num_trained"]
    assert ours[1]["num_target_tokens"] == theirs[1]["num_target_tokens"]
    assert ours[1]["num_source_tokens"] < theirs[1]["num_source_tokens"]
    for line in (tmp_path / "run" / "solutions.jsonl").read_text().splitlines():
        assert json.loads(line)["num_demonstrations"] == 3

    tokenizer = CompactTokenizer()
    loop = Loop(settings, quiet())
    for _, _, experiences in stored:
        for one in experiences:
            shown = next(k for k, grid in enumerate(one.outputs) if grid is not None)
            size = settings.data.max_prompt_tokens
            prompt = [
                tokenizer.encode_inputs([one.task.demonstrations[shown].input], size),
                tokenizer.encode_outputs([one.outputs[shown]], size),
            ]
            np.testing.assert_array_equal(
                loop._policy.prompts.prompt(one.task, one.outputs), np.concatenate(prompt)
            )


def test_a6_without_mutated_tasks_seeds_are_all_there_is_at_first(plain, data, tmp_path, stored):
    settings = changed(settings_for(data, iterations=1), mutation={"num_tasks": 0})
    train(settings, tmp_path / "run", quiet())
    ours, theirs = without_seconds(tmp_path / "run"), plain
    assert (ours[0]["num_mutated"], ours[0]["num_mutants_scored"]) == (0, 0)
    assert ours[0]["solved"]["mutation"] == {"top3": 0, "two_attempts": 0, "fits_all": 0}
    assert ours[1]["buffer_num_mutated"] == 0
    for name in ("num_tasks", "num_seeds", "num_too_long"):
        assert ours[0][name] == theirs[0][name]
    (_, origin, seeds), (_, _, of_policy) = stored
    assert origin == Origin.seed
    assert sorted(one.program.text for one in seeds) == sorted(PROGRAMS.values())
    assert of_policy
