"""`codeit bench replay`: the buffer of experiences, beside plain NumPy and cpprb."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from typing import Any

import numpy as np

from codeit._native import replay as native
from codeit.benching.buffers import (
    Batches,
    PlainBuffer,
    draw_fault,
    draw_plain,
    return_memory,
    storage_fault,
    stored,
)
from codeit.benching.case import Bench, Case

_NEW = "stored, new"
_DRAWN = "drawn, none twice"
_UNIT = "experiences"


def replay_bench(num: int, drawn: int, source_ids: int, target_ids: int, seed: int) -> Bench:
    """So many experiences are stored, and some drawn by priority, on one thread.

    Raises:
        ValueError: as many are to be drawn as there are, or more.
    """
    if drawn >= num:
        raise ValueError(f"--drawn {drawn}; allowed: below --experiences {num}")
    batches = Batches(num, source_ids, target_ids, seed)
    num_bytes = 2.0 * 2 * (source_ids + target_ids)  # an id has two, which are read and written
    full = stored(native.PriorityBuffer(num), batches)
    cases = _storing(batches, num_bytes)
    cases.append(
        Case(
            _DRAWN,
            lambda: full.draw(drawn, seed),
            lambda slots: draw_fault(batches.priority, slots, drawn, seed + 1, is_distinct=True),
            drawn,
            _UNIT,
        )
    )
    generator = np.random.default_rng(seed)
    cases.append(
        Case(
            "drawn, by NumPy",
            lambda: draw_plain(batches.priority, drawn, generator),
            lambda slots: draw_fault(batches.priority, slots, drawn, seed + 1, is_distinct=True),
            drawn,
            _UNIT,
            beside=_DRAWN,
        )
    )
    slots = full.draw(drawn, seed)
    expected = np.concatenate([batches.ids_of(slot) for slot in slots[:100]])
    cases.append(
        Case(
            "the ids of a draw",
            lambda: full.gather(slots),
            lambda found: (
                ""
                if np.array_equal(found[0][: len(expected)], expected)
                else "the ids are not those that were given"
            ),
            drawn,
            _UNIT,
            amounts={"copying": num_bytes * drawn},
        )
    )
    versions, left_out = {"numpy": np.__version__}, []
    try:
        import cpprb
    except ImportError as error:
        left_out.append(f"cpprb: {error}")
    else:
        versions["cpprb"] = importlib.metadata.version("cpprb")
        cases += _cpprb(cpprb, batches, drawn, seed)
    return Bench(
        cases,
        [f"{num:,} experiences of {source_ids} + {target_ids} ids, draws of {drawn:,}"],
        {
            "experiences": num,
            "drawn": drawn,
            "prompt_tokens": source_ids,
            "program_tokens": target_ids,
            "seed": seed,
        },
        left_out,
        versions,
    )


def _storing(batches: Batches, num_bytes: float) -> list[Case]:
    """Into an empty buffer, which pays for fresh memory; and over what is there."""
    num, (source_ids, target_ids) = batches.size, batches.lengths
    amounts = {"copying": num_bytes * num}

    def fresh(make: Callable[[], Any]) -> Callable[[], Any]:
        def prepare() -> Any:
            return_memory()
            return make()

        return prepare

    def plain() -> PlainBuffer:
        return PlainBuffer(num, source_ids, target_ids)

    def plain_fault(buffer: PlainBuffer) -> str:
        last = np.array_equal(buffer.source[num - 1], batches.ids_of(num - 1))
        return "" if len(buffer.rows) == num and last else "plain NumPy stores something else"

    def store(buffer: Any) -> Any:
        return stored(buffer, batches)

    def check(buffer: Any) -> str:
        return storage_fault(buffer, batches)

    buffer = fresh(lambda: native.PriorityBuffer(num))
    known = "stored, known"
    return [
        Case(_NEW, store, check, num, _UNIT, prepare=buffer, amounts=amounts),
        Case(
            f"{_NEW}, by a dict and NumPy",
            store,
            plain_fault,
            num,
            _UNIT,
            prepare=fresh(plain),
            beside=_NEW,
        ),
        Case(known, store, check, num, _UNIT, prepare=lambda: store(buffer())),
    ]


def _cpprb(cpprb: Any, batches: Batches, n: int, seed: int) -> list[Case]:
    """It has no keys, and draws with replacement, in strata."""
    num, (source_ids, target_ids) = batches.size, batches.lengths
    shapes = {
        "source": {"shape": source_ids, "dtype": np.uint16},
        "target": {"shape": target_ids, "dtype": np.uint16},
    }

    def make(fields: Any) -> Any:
        return cpprb.PrioritizedReplayBuffer(num, fields, alpha=1.0, eps=0.0)

    def store(buffer: Any) -> Any:
        for _, priority, _, _, source, _, target, _ in batches:
            source, target = source.reshape(-1, source_ids), target.reshape(-1, target_ids)
            buffer.add(source=source, target=target, priorities=priority)
        return buffer

    numbers = make({"number": {"dtype": np.int64}})
    numbers.add(number=np.arange(num), priorities=batches.priority)

    def check(drawn: Any) -> str:
        # Its sums are in single precision: a few of the 1e-19 are drawn that never should be.
        places = drawn["number"].ravel()
        return draw_fault(batches.priority, places, n, seed + 1, is_distinct=False, least=0.05)

    return [
        Case(
            f"{_NEW}, by cpprb, without keys",
            store,
            lambda buffer: "" if buffer.get_stored_size() == num else "it does not store all",
            num,
            _UNIT,
            prepare=lambda: make(shapes),
            beside=_NEW,
        ),
        Case(
            "drawn, by cpprb, some twice",
            lambda: numbers.sample(n, beta=0.0),
            check,
            n,
            _UNIT,
            beside=_DRAWN,
        ),
    ]
