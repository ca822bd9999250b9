"""The bottleneck in one sentence, by plain rules.

1. The thread that puts the stages together always does one thing. What it does for the longest is
   what the iteration waits for.
2. Where that is waiting, it is the stage that works for the longest meanwhile.
3. Where it is sampling, but programs wait in a queue that is mostly full, it is the stage behind
   the queue that is busy for the longest: sampling is made to wait for it.
4. A stage of the model stands beside the machine's ceiling. From 60% of it on, only less work or a
   faster machine helps; below, what can be set is named, if this machine has it.
5. Where other processes take the cores away, that comes first.
"""

from __future__ import annotations

from codeit.profiling.measured import Measured

NEAR = 0.6
"""Of a ceiling: what is nearer is at it."""
_FULL = 0.5
"""Of the queue's places, on average: from then on sampling waits for what is behind it."""
_FASTER = 1.25
"""Times the rate, from which on another precision is advised."""
_PADDED = 0.2
_EMPTY = 0.5

_BEHIND = ("read", "execute", "score", "relabel", "tokenise", "elsewhere")
"""What is done with samples behind the queue."""

WORDS = {
    "draw": "Drawing experiences",
    "learn": "Training",
    "sample": "Sampling",
    "read": "Reading what was sampled",
    "execute": "Running programs",
    "score": "Scoring programs",
    "relabel": "Relabelling",
    "tokenise": "Tokenising",
    "elsewhere": "Trying programs on other tasks",
    "search": "Search around what the policy wrote",
    "rank": "Ranking solutions",
    "minimise": "Minimising solutions",
    "store": "Storing experiences",
    "record": "Recording the iteration before",
    "save": "Writing the checkpoint",
    "mutate": "Mutating programs",
    "wait": "Waiting",
}
"""What a sentence calls a stage."""

_MOVED_BY = {
    "execute": ["more cores", "less fuel for each run (--limits.fuel)"],
    "elsewhere": ["more cores", "--no-elsewhere"],
    "search": ["more cores", "fewer evaluations (--search.iteration-evaluations)"],
    "save": ["a faster disk"],
    "record": ["a faster disk"],
}
_ELSE_MOVED_BY = ["more cores"]


def bottleneck(measured: Measured) -> tuple[str, float]:
    """The stage that the iteration waits for, and the share of its time."""
    own = measured.own()
    if not own:
        busiest = max(measured.stages, key=lambda name: measured.stages[name]["busy"])
        return busiest, measured.covered(busiest) / max(measured.wall, 1e-9)
    stage, seconds = next(iter(own.items()))
    share = seconds / max(measured.wall, 1e-9)
    if stage == "wait":
        return next(iter(measured.awaited()), "wait"), share
    is_full = measured.queue_mean >= _FULL * measured.queue_capacity
    behind = [name for name in _BEHIND if name in measured.stages]
    if stage == "sample" and is_full and behind:
        return max(behind, key=lambda name: measured.stages[name]["busy"]), share
    return stage, share


def sentence(measured: Measured) -> str:
    """What an iteration waits for, and what would move it."""
    stage, share = bottleneck(measured)
    use = measured.use_of_ceiling(stage)
    where = ""
    if use:
        where = f", at {use.share:.0%} of this machine's rate of {use.ceiling}"
    elif measured.on_cpu:
        where = f", with the cores {measured.cores:.0%} busy"
    name = WORDS.get(stage, stage)
    waits = f"{name} is what an iteration waits for: {share:.0%} of its time{where}"
    if measured.alone:
        waits = f"Of {measured.alone} alone, {_lowered(name)} takes {share:.0%} of the time{where}"
    return f"{waits}; {_advice(measured, stage)} would move it."


def _lowered(name: str) -> str:
    return name[:1].lower() + name[1:]


def _advice(measured: Measured, stage: str) -> str:
    found = ["cores that nobody else uses"] if measured.is_crowded else []
    use = measured.use_of_ceiling(stage)
    if stage not in ("learn", "sample") or use is None:
        return _one_of([*found, *_MOVED_BY.get(stage, _ELSE_MOVED_BY)])
    if use.share < NEAR:
        if stage == "learn":
            found += _for_training(measured)
        else:
            found += _for_sampling(measured)
    else:
        found.append("less work")
    found.append("a GPU" if measured.on_cpu else "a faster GPU")
    return _one_of(found)


def _one_of(ways: list[str]) -> str:
    return f"{', '.join(ways[:-1])} or {ways[-1]}" if len(ways) > 1 else ways[0]


def _for_training(measured: Measured) -> list[str]:
    found = []
    if measured.training_precision == "float32" and _gain(measured, "bfloat16") >= _FASTER:
        gain = _gain(measured, "bfloat16")
        found.append(f"--training.precision bfloat16 (products {gain:.1f} times as fast)")
    if measured.training.get("share_of_padding", 0.0) > _PADDED or not measured.on_cpu:
        found.append("a larger --training.micro-batch-tokens")
    elif not found:
        found.append("another --training.micro-batch-tokens")
    return found


def _for_sampling(measured: Measured) -> list[str]:
    found = []
    precision, is_read = measured.sampling_precision, measured.use_of_ceiling("sample")
    reads = is_read is not None and is_read.ceiling == "copying"
    if measured.on_cpu and precision != "int8":
        found.append("--sampling.precision int8 (fewer bytes to read)")
    elif precision == "float32" and (reads or _gain(measured, "bfloat16") >= _FASTER):
        found.append("--sampling.precision bfloat16")
    if measured.sampling.get("share_of_slots", 1.0) >= _EMPTY:
        found.append("more samples at a time (--sampling.num-rows)")
    return found


def _gain(measured: Measured, precision: str) -> float:
    return measured.products.get(precision, 0.0) / measured.products.get("float32", float("inf"))
