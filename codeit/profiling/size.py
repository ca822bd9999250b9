"""Which part of an iteration is profiled, so that it takes about a minute."""

from __future__ import annotations

from dataclasses import replace

from codeit.runs.settings import RunSettings

_EFFICIENCY = 0.2
"""The part of a large product's rate that training and sampling are taken to reach."""
_SOURCE, _TARGET = 300, 60
"""Tokens of a prompt and of a program, roughly; settings that allow fewer count."""
_LEAST = 16
"""Tasks, or experiences of a kind, however large the model is; where there are so many."""

NOT_READ = {
    "iterations": "two are run, of which the first warms up",
    "search.evaluations": "nothing is searched before the first iteration",
    "tracking": "a profile is handed to nobody",
}
"""Settings that have no effect in a profile, and why."""


def share_for(
    settings: RunSettings, num_weights: int, num_tasks: int, rate: float, seconds: float
) -> float:
    """The part of an iteration that learns and samples in about so many seconds, at most 1.

    Args:
        num_weights: of the model, those that a token is multiplied by.
        num_tasks: that there are to solve.
        rate: operations a second of a large product.
    """
    source = min(_SOURCE, 2 * settings.data.max_prompt_tokens)
    target = min(_TARGET, settings.sampling.max_tokens)
    training = settings.training
    num_learned = (training.num_policy + training.num_mutated) * training.epochs
    operations = 6 * num_weights * num_learned * (source + target) / 2
    operations += num_weights * num_tasks * (source + settings.sampling.samples_per_task * target)
    return min(1.0, seconds * rate * _EFFICIENCY / operations)


def scaled(settings: RunSettings, share: float, num_tasks: int) -> RunSettings:
    """Settings of two iterations, the first of which warms up, of a part of all that they do.

    See NOT_READ for the others.
    """

    def part(count: int) -> int:
        return min(count, max(_LEAST, round(count * share)))

    training, mutation = settings.training, settings.mutation
    return replace(
        settings,
        iterations=2,
        tracking="",
        data=replace(settings.data, num_evaluation=part(num_tasks)),
        mutation=replace(
            mutation, num_tasks=part(mutation.num_tasks), num_scored=part(mutation.num_scored)
        ),
        search=replace(settings.search, evaluations=0),
        training=replace(
            training,
            num_policy=part(training.num_policy),
            num_mutated=part(training.num_mutated),
        ),
    )


def in_words(before: RunSettings, after: RunSettings, num_tasks: int) -> str:
    """What was scaled, for a person."""
    return (
        f"{after.data.num_evaluation} of {num_tasks} tasks to solve, "
        f"{after.training.num_policy + after.training.num_mutated:,} of "
        f"{before.training.num_policy + before.training.num_mutated:,} experiences to learn, "
        f"{after.mutation.num_tasks:,} of {before.mutation.num_tasks:,} mutated tasks to begin with"
    )
