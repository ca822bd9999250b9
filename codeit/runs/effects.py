"""Which settings have no effect beside the others, so that setting them is refused by name."""

from __future__ import annotations

from collections.abc import Collection

from codeit.runs.settings import RunSettings

_CHANGES = tuple(f"mutation.{name}" for name in ("argument", "function", "definition"))
_WEIGHTS = tuple(f"replay.{name}_weight" for name in ("demonstration", "length", "age", "distance"))


def without_effect(settings: RunSettings, device: str | None = None) -> dict[str, str]:
    """The settings that nothing reads beside the others, and why.

    Args:
        device: what the model runs on, `cpu` or `cuda`, where that is known already.
    """
    mutation, replay, sampling = settings.mutation, settings.replay, settings.sampling
    if settings.model.device.startswith("cpu"):
        device = "cpu"
    found: dict[str, str] = {}

    def add(is_so: bool, why: str, *names: str) -> None:
        for name in names if is_so else ():
            found.setdefault(name, why)

    engine_only = ("sampling.num_rows", "sampling.precision", "sampling.cuda_graphs")
    add(sampling.sampler == "generate", "sampling.sampler is 'generate'", *engine_only)
    add(sampling.sampler == "engine", "sampling.sampler is 'engine'", "sampling.batch_size")
    add(device == "cpu", "the model runs on a CPU", "sampling.cuda_graphs")
    is_static = sampling.mode in ("reference", "grammar")
    add(not is_static, f"sampling.mode is {sampling.mode!r}", "sampling.cuda_graphs")
    add(sampling.distinct, "sampling.distinct is true", "sampling.cuda_graphs")

    no_mutants = "mutation.num_tasks is 0"
    add(mutation.num_tasks == 0, no_mutants, "mutation.num_scored", "data.mutated")
    has_mutants = mutation.num_tasks > 0 or not settings.expert_iteration
    how = (*_CHANGES, "mutation.new_variable", "mutation.max_tries")
    add(not has_mutants, no_mutants, *how)
    are_made = settings.data.mutated == "" or not settings.expert_iteration
    add(not are_made, "data.mutated names the mutated tasks", *how)
    add(mutation.argument == 0, "mutation.argument is 0", "mutation.new_variable")

    is_searched = settings.search.evaluations or settings.search.iteration_evaluations
    add(not is_searched, "search.evaluations is 0", "search.memory")

    lengths, ages = "replay.length_normalizer", "replay.age_normalizer"
    add(not replay.use_priority, "replay.use_priority is false", *_WEIGHTS, lengths, ages)
    add(replay.length_weight == 0, "replay.length_weight is 0", lengths)
    add(replay.age_weight == 0, "replay.age_weight is 0", ages)
    # What a search found before the first iteration is drawn among the policy's experiences.
    is_left = settings.expert_iteration or settings.search.evaluations > 0
    add(not is_left, "expert_iteration is false", "training.num_policy")
    return found


def check_effect(settings: RunSettings, chosen: Collection[str], device: str | None = None) -> None:
    """Raise ValueError if one of the settings that somebody chose has no effect.

    Args:
        chosen: their full names.
        device: as in `without_effect`.
    """
    idle = without_effect(settings, device)
    faults = [f"{name} has no effect while {idle[name]}" for name in chosen if name in idle]
    if faults:
        raise ValueError("; ".join(faults))
