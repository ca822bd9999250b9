"""The native priority buffer: what it keeps, what it draws, and what it refuses.

Chi-square limits are the 1 - 1e-4 quantiles of the distribution, as tables give them; the seeds are
fixed, so a test that passes once passes always.
"""

import itertools
import random
import re
from collections import Counter

import numpy as np
import pytest

import codeit._native.replay as native

CHI_SQUARE_LIMIT = {1: 15.137, 3: 21.108, 5: 25.745}
CHUNK_BYTES = 2 << 20  # Of the id slab.


def flat(lists):
    """Lists of ids laid end to end, and their offsets."""
    offsets = np.cumsum([0, *(len(ids) for ids in lists)], dtype=np.int64)
    return np.array([i for ids in lists for i in ids], np.uint16), offsets


def keys_of(names):
    return native.make_keys(["task"] * len(names), [str(name) for name in names])


def upsert(buffer, names, priorities, iterations=0, sources=None, targets=None, origin=2):
    """Store experiences named by their program; ids default to one that the position gives."""
    size = len(names)
    default = [[k % 65536] for k in range(size)]
    return buffer.upsert(
        keys_of(names),
        np.broadcast_to(np.asarray(priorities, np.float64), size).copy(),
        np.broadcast_to(np.asarray(iterations, np.int32), size).copy(),
        np.full(size, origin, np.uint8),
        *flat(sources or default),
        *flat(targets or default),
    )


def filled(priorities, names=None):
    buffer = native.PriorityBuffer(max(len(priorities), 1))
    upsert(buffer, range(len(priorities)) if names is None else names, priorities)
    return buffer


def drawn_keys(buffer, n, seed):
    return {tuple(key) for key in buffer.columns(buffer.draw(n, seed))[0].tolist()}


def slots_of(buffer, names):
    """Where experiences are, -1 for those that are not there. No key is there twice."""
    keys = [tuple(key) for key in buffer.columns(np.arange(len(buffer)))[0].tolist()]
    assert len(set(keys)) == len(buffer)
    slots = {key: slot for slot, key in enumerate(keys)}
    return np.array([slots.get(tuple(key), -1) for key in keys_of(names).tolist()], np.int64)


def is_present(buffer, names):
    return (slots_of(buffer, names) >= 0).tolist()


def lists_of(ids, offsets):
    return [ids[a:b].tolist() for a, b in itertools.pairwise(offsets)]


def check_frequencies(counts, probabilities):
    """Observed counts of all outcomes against their exact probabilities."""
    assert abs(sum(probabilities.values()) - 1) < 1e-5
    assert set(counts) <= set(probabilities)
    total = sum(counts.values())
    expected = {outcome: total * p for outcome, p in probabilities.items()}
    chi_square = sum((counts[outcome] - e) ** 2 / e for outcome, e in expected.items())
    assert chi_square < CHI_SQUARE_LIMIT[len(probabilities) - 1]


def value_error(message):
    return pytest.raises(ValueError, match=f"^{re.escape(message)}$")


# Keys


def test_the_border_between_task_and_program_counts():
    a, b, c = native.make_keys(["ab", "a", ""], ["c", "bc", "abc"]).tolist()
    assert a != b != c != a


def test_keys_of_similar_programs_differ_in_both_halves():
    names = [f"x{i} = {'f' * j}(I)" for i in range(1000) for j in range(1, 101)]
    keys = keys_of(names)
    assert len(np.unique(keys[:, 0])) == len(np.unique(keys[:, 1])) == 100_000


def test_every_bit_of_a_key_is_fair():
    bits = np.unpackbits(keys_of(range(100_000)).view(np.uint8), axis=1)
    # Five standard deviations of a fair coin thrown 100,000 times.
    assert np.all(np.abs(bits.sum(axis=0, dtype=int) - 50_000) < 5 * np.sqrt(25_000))


def test_a_key_depends_on_text_beyond_ascii():
    a, b = native.make_keys(["é", "è"], ["ü", "ü"]).tolist()
    assert a != b


# Storing


def test_a_repeat_overwrites_every_column():
    buffer = native.PriorityBuffer(4)
    assert upsert(buffer, ["p"], 0.5, 1, [[1, 2]], [[3]]) == [native.INSERTED]
    assert upsert(buffer, ["p"], 0.25, 7, [[4, 5, 6]], [[]], origin=1) == [native.UPDATED]
    assert len(buffer) == 1
    keys, priorities, iterations, origins = buffer.columns(np.array([0]))
    assert keys.tolist() == keys_of(["p"]).tolist()
    assert (priorities[0], iterations[0], origins[0]) == (0.25, 7, 1)
    assert [a.tolist() for a in buffer.gather(np.array([0]))] == [[4, 5, 6], [0, 3], [], [0, 0]]


def test_of_a_repeat_within_one_call_the_later_stands():
    buffer = native.PriorityBuffer(4)
    fates = upsert(buffer, ["p", "q", "p"], [0.1, 0.2, 0.3])
    assert fates.tolist() == [native.INSERTED, native.INSERTED, native.UPDATED]
    assert buffer.columns(slots_of(buffer, ["p", "q"]))[1].tolist() == [0.3, 0.2]


def test_nothing_is_evicted_up_to_the_capacity():
    buffer = native.PriorityBuffer(3)
    assert upsert(buffer, "abc", [0.1, 0.2, 0.3]).tolist() == [native.INSERTED] * 3
    assert upsert(buffer, "a", 0.0).tolist() == [native.UPDATED]
    assert is_present(buffer, "abc") == [True] * 3


@pytest.mark.parametrize(
    ("priorities", "iterations", "evicted"),
    [
        ([0.3, 0.1, 0.2], [1, 2, 3], "b"),  # The lowest priority, whatever its age.
        ([0.1, 0.1, 0.2], [5, 4, 3], "b"),  # Then the oldest iteration.
        ([0.1, 0.1, 0.1], [4, 4, 4], "a"),  # Then the one inserted first.
    ],
)
def test_beyond_the_capacity_the_least_valuable_goes(priorities, iterations, evicted):
    buffer = native.PriorityBuffer(3)
    upsert(buffer, "abc", priorities, iterations)
    assert upsert(buffer, "d", 1.0, 5).tolist() == [native.REPLACED]
    assert len(buffer) == 3
    assert is_present(buffer, "abcd") == [name != evicted for name in "abcd"]


@pytest.mark.parametrize(
    ("newcomer", "fate"),
    [
        ((0.1, 9), native.REFUSED),
        ((0.2, 4), native.REFUSED),
        ((0.2, 5), native.REPLACED),  # Equal, but inserted later.
        ((0.3, 0), native.REPLACED),
    ],
)
def test_a_newcomer_worth_less_than_all_is_refused(newcomer, fate):
    buffer = native.PriorityBuffer(2)
    upsert(buffer, "ab", [0.2, 0.3], 5)
    assert upsert(buffer, "c", *newcomer).tolist() == [fate]
    assert is_present(buffer, "abc") == [fate == native.REFUSED, True, fate == native.REPLACED]


def test_a_repeat_keeps_its_place_among_equals():
    buffer = native.PriorityBuffer(2)
    upsert(buffer, "ab", 0.5)
    upsert(buffer, "a", 0.5)
    upsert(buffer, "c", 0.5)
    assert is_present(buffer, "abc") == [False, True, True]


@pytest.mark.parametrize("num_others", [0, 100])
def test_eviction_follows_a_changed_priority(num_others):
    buffer = native.PriorityBuffer(num_others + 2)
    upsert(buffer, ["a", "b", *range(num_others)], [0.1, 0.2] + [0.9] * num_others)
    upsert(buffer, "c", 0.15)
    upsert(buffer, "d", 0.05)  # Refused; "c" is the least valuable.
    upsert(buffer, "c", 0.3)
    upsert(buffer, "e", 0.25)
    assert is_present(buffer, "abcde") == [False, False, True, False, True]


def test_statistics_count_what_is_there():
    buffer = native.PriorityBuffer(10)
    upsert(buffer, "ab", [0.25, 0.5], sources=[[1, 2], [3]], targets=[[], [4]], origin=0)
    upsert(buffer, "c", 1.0, sources=[[5]], targets=[[6]], origin=255)
    statistics = buffer.statistics()
    assert statistics["size"] == 3
    assert statistics["num_live_id_bytes"] == 3 * 8 + 6 * 2
    assert statistics["num_slab_bytes"] >= CHUNK_BYTES
    assert statistics["num_bytes"] > statistics["num_slab_bytes"]
    assert statistics["priority_sum"] == 1.75
    assert (statistics["priority_min"], statistics["priority_max"]) == (0.25, 1.0)
    assert {k: n for k, n in enumerate(statistics["num_by_origin"]) if n} == {0: 2, 255: 1}


def test_priorities_are_counted_by_origin_and_by_the_bounds_that_they_reach():
    buffer = native.PriorityBuffer(10)
    just_below = np.nextafter(0.5, 0)
    upsert(buffer, "abcd", [0.25, just_below, 0.5, 1.0], origin=0)
    upsert(buffer, "ef", [0.0, 0.5], origin=255)
    counts = buffer.count_priorities(np.array([0.25, 0.5]))
    assert counts.shape == (256, 3)
    assert counts.dtype == np.int64
    assert {k: row.tolist() for k, row in enumerate(counts) if row.any()} == {
        **{0: [0, 2, 2], 255: [1, 0, 1]},
    }
    assert buffer.count_priorities(np.array([]))[[0, 255]].tolist() == [[4], [2]]
    assert not native.PriorityBuffer(1).count_priorities(np.array([0.5])).any()


def test_an_empty_buffer_answers():
    buffer = native.PriorityBuffer(1)
    assert upsert(buffer, [], []).tolist() == []
    assert buffer.draw(5, 0).tolist() == []
    assert [a.tolist() for a in buffer.gather(np.array([], np.int64))] == [[], [0], [], [0]]
    assert buffer.statistics()["priority_max"] == 0


class Model:
    """The buffer as a dict, by definition and without speed."""

    def __init__(self, capacity):
        self.capacity = capacity
        self.entries = {}
        self.num_inserted = 0

    def upsert(self, name, value, iteration, origin, source, target):
        if name in self.entries:
            sequence, fate = self.entries[name][2], native.UPDATED
        else:
            sequence, fate = self.num_inserted, native.INSERTED
            if len(self.entries) == self.capacity:
                least = min(self.entries, key=lambda other: self.entries[other][:3])
                if (value, iteration) < self.entries[least][:2]:
                    return native.REFUSED
                del self.entries[least]
                fate = native.REPLACED
            self.num_inserted += 1
        self.entries[name] = (value, iteration, sequence, origin, source, target)
        return fate


def test_buffer_agrees_with_a_dict_under_random_use():
    seed = 20240206
    print("seed", seed)
    generator = random.Random(seed)
    model, buffer = Model(150), native.PriorityBuffer(150)
    fates = Counter()
    num_ids_given = 0
    pool = np.random.default_rng(seed).integers(0, 65536, 10_000).tolist()

    def random_ids(most):
        begin = generator.randrange(5000)
        return pool[begin : begin + generator.randrange(most)]

    for _ in range(500):
        names = [generator.randrange(400) for _ in range(generator.randrange(1, 20))]
        action = generator.random()
        if action < 0.85:
            rows = [
                (
                    generator.choice([0.0, 1e-19, 0.5, 1.0]),
                    generator.randrange(4),
                    generator.randrange(3),
                    random_ids(4000),
                    random_ids(1000),
                )
                for _ in names
            ]
            num_ids_given += sum(len(row[3]) + len(row[4]) for row in rows)
        else:  # Only the priority changes, of what is known.
            names = [name for name in names if name in model.entries]
            value = generator.choice([0.0, 0.25, 0.75])
            rows = [(value, entry[1], *entry[3:]) for entry in map(model.entries.get, names)]
        values, iterations, origins, sources, targets = (
            zip(*rows, strict=True) if rows else [()] * 5
        )
        stored = buffer.upsert(
            keys_of(names),
            np.array(values, np.float64),
            np.array(iterations, np.int32),
            np.array(origins, np.uint8),
            *flat(sources),
            *flat(targets),
        )
        expected = [model.upsert(name, *row) for name, row in zip(names, rows, strict=True)]
        assert stored.tolist() == expected
        fates.update(expected)
        assert len(buffer) == len(model.entries)
    assert min(fates[fate] for fate in range(4)) > 20
    assert num_ids_given * 2 > 8 * CHUNK_BYTES

    names = list(model.entries)
    rows = list(model.entries.values())
    assert is_present(buffer, range(400)) == [name in model.entries for name in range(400)]
    slots = slots_of(buffer, names)
    assert sorted(slots) == list(range(len(names)))
    keys, priorities, iterations, origins = buffer.columns(slots)
    assert keys.tolist() == keys_of(names).tolist()
    assert priorities.tolist() == [row[0] for row in rows]
    assert iterations.tolist() == [row[1] for row in rows]
    assert origins.tolist() == [row[3] for row in rows]
    source_ids, source_offsets, target_ids, target_offsets = buffer.gather(slots)
    assert lists_of(source_ids, source_offsets) == [row[4] for row in rows]
    assert lists_of(target_ids, target_offsets) == [row[5] for row in rows]
    live_bytes = sum(8 + 2 * (len(row[4]) + len(row[5])) for row in rows)
    assert buffer.statistics()["num_live_id_bytes"] == live_bytes
    upsert(buffer, names[::3], 0.0)
    positive = {name for name in names if model.entries[name][0] > 0} - set(names[::3])
    drawn = drawn_keys(buffer, len(positive) + 1, seed)
    assert len(drawn) == len(positive) + 1
    assert drawn > {tuple(key) for key in keys_of(list(positive)).tolist()}


def test_garbage_is_bounded_when_chunks_keep_some_records():
    # One experience is overwritten with another length again and again; every twentieth stays.
    names = [f"stays {k}" if k % 20 == 0 else "changes" for k in range(4000)]
    offsets = np.cumsum([0, *(3000 + k % 2 for k in range(4000))], dtype=np.int64)
    ids = np.resize(np.arange(65536, dtype=np.uint16), offsets[-1])
    buffer = native.PriorityBuffer(1000)
    zeros = np.zeros(4000)
    buffer.upsert(
        keys_of(names),
        zeros,
        zeros.astype(np.int32),
        zeros.astype(np.uint8),
        ids,
        offsets,
        np.array([], np.uint16),
        zeros.astype(np.int64)[[0, *range(4000)]],
    )
    statistics = buffer.statistics()
    assert len(buffer) == 201
    assert len(ids) * 2 > 10 * CHUNK_BYTES
    assert statistics["num_slab_bytes"] <= 9 / 8 * statistics["num_live_id_bytes"] + 4 * CHUNK_BYTES
    source_ids, source_offsets, _, _ = buffer.gather(slots_of(buffer, names[::20]))
    expected = [ids[offsets[k] : offsets[k + 1]] for k in range(0, 4000, 20)]
    assert np.array_equal(source_ids, np.concatenate(expected))
    assert np.array_equal(source_offsets, np.cumsum([0] + [3000] * 200))


def test_the_longest_lists_come_back():
    buffer = native.PriorityBuffer(100)
    longest = list(range(65535))
    for name in range(100):
        upsert(buffer, [name], 1.0, sources=[longest], targets=[longest[::-1]])
    source_ids, source_offsets, target_ids, _ = buffer.gather(np.array([99, 0]))
    assert source_offsets.tolist() == [0, 65535, 131070]
    assert source_ids.tolist() == longest * 2
    assert target_ids.tolist() == longest[::-1] * 2


# Drawing


def test_a_draw_of_one_follows_the_priorities():
    buffer = filled([0.1, 0.2, 0.3, 0.4])
    counts = Counter(int(buffer.draw(1, seed)[0]) for seed in range(20_000))
    check_frequencies(counts, {0: 0.1, 1: 0.2, 2: 0.3, 3: 0.4})


def test_a_draw_of_two_follows_successive_sampling():
    p = [0.1, 0.2, 0.3, 0.4]
    buffer = filled(p)
    counts = Counter(tuple(buffer.draw(2, seed).tolist()) for seed in range(20_000))
    exact = {
        (a, b): p[a] * p[b] / (1 - p[a]) + p[b] * p[a] / (1 - p[b])
        for a, b in itertools.combinations(range(4), 2)
    }
    check_frequencies(counts, exact)


def test_a_draw_from_many_follows_the_priorities():
    # 4,000 of 20,000 light (weight 1) and 20,000 heavy (weight 3) entries. The clocks of the drawn
    # have rung by a time t at which 20,000 (1 - u) + 20,000 (1 - u^3) = 4,000, where u = exp(-t).
    buffer = filled(np.tile([1.0, 3.0], 20_000))
    counts = Counter((buffer.draw(4000, 11) % 2).tolist())
    u = 0.9480077
    assert abs(u + u**3 - 1.8) < 1e-6
    check_frequencies(counts, {0: (1 - u) / 0.2, 1: (1 - u**3) / 0.2})


def test_the_filtered_draw_equals_the_plain_one():
    # Above 32,768 entries a deadline is guessed and late entries are filtered out. Those of the
    # winners that are in one part of the entries must be the winners of that part alone, which is
    # small enough to be drawn from without a filter.
    # Half of the entries have priority 0, so that the longest draw takes some of them.
    priorities = np.random.default_rng(3).choice([0, 0, 0, 0, 1e-19, 1e-3, 0.5, 100], 40_000)
    everything = filled(priorities)
    parts = [(filled(priorities[begin::2], range(begin, 40_000, 2)), begin) for begin in range(2)]
    for n in (1, 50, 4000, 15_000, 25_000):
        winners = everything.draw(n, 17)
        assert len(winners) == len(set(winners.tolist())) == n
        for part, begin in parts:
            mine = winners[winners % 2 == begin] // 2
            assert part.draw(len(mine), 17).tolist() == mine.tolist()


def test_a_longer_draw_contains_the_shorter():
    buffer = filled(np.random.default_rng(4).random(40_000) + 0.01)
    draws = [set(buffer.draw(n, 29).tolist()) for n in (1, 1000, 10_000, 11_000, 39_999)]
    assert all(shorter < longer for shorter, longer in itertools.pairwise(draws))


def test_a_draw_has_no_repeats_and_at_most_all():
    buffer = filled(np.arange(1, 101) / 100)
    for n in (0, 1, 50, 99, 100, 101, 10**9):
        slots = buffer.draw(n, n)
        assert len(slots) == min(n, 100)
        assert np.all(np.diff(slots) > 0)


def test_zero_is_drawn_only_after_all_others_and_uniformly():
    buffer = filled([0.0, 1e-19, 0.0, 1.0, 0.0, 0.0])
    for seed in range(100):
        assert buffer.draw(2, seed).tolist() == [1, 3]
    draws = [set(buffer.draw(3, seed).tolist()) for seed in range(20_000)]
    assert all({1, 3} <= draw for draw in draws)
    counts = Counter((draw - {1, 3}).pop() for draw in draws)
    check_frequencies(counts, dict.fromkeys((0, 2, 4, 5), 0.25))


def test_a_priority_that_becomes_zero_counts_as_zero():
    buffer = filled([1.0] * 5)
    upsert(buffer, [1], 0.0)
    upsert(buffer, [3], 0.0)
    for seed in range(100):
        assert {0, 2, 4} < set(buffer.draw(4, seed).tolist())


def test_when_all_are_zero_draws_are_uniform():
    buffer = filled([0.0] * 4)
    counts = Counter(int(buffer.draw(1, seed)[0]) for seed in range(20_000))
    check_frequencies(counts, dict.fromkeys(range(4), 0.25))


def test_tiny_priorities_wait_for_the_large_and_are_fair():
    buffer = filled([1e-19, 1.0, 1e-19, 1.0, 1e-19, 1e-19])
    draws = [set(buffer.draw(3, seed).tolist()) for seed in range(20_000)]
    assert all({1, 3} <= draw for draw in draws)
    counts = Counter((draw - {1, 3}).pop() for draw in draws)
    check_frequencies(counts, dict.fromkeys((0, 2, 4, 5), 0.25))


def test_the_extreme_priorities_are_in_order():
    buffer = filled([native.MIN_PRIORITY, native.MAX_PRIORITY, 1.0])
    for seed in range(100):
        assert buffer.draw(1, seed).tolist() == [1]
        assert buffer.draw(2, seed).tolist() == [1, 2]


def test_the_seed_decides_the_draw():
    buffer = filled(np.arange(1, 1001))
    first = buffer.draw(100, 7).tolist()
    assert buffer.draw(100, 7).tolist() == first
    assert buffer.draw(100, 8).tolist() != first


def test_a_draw_does_not_depend_on_the_order_of_insertion():
    priorities = np.arange(1, 1001) / 1000
    names = list(range(1000))
    order = np.random.default_rng(1).permutation(1000)
    straight = filled(priorities, names)
    shuffled = native.PriorityBuffer(1000)
    upsert(shuffled, ["evicted", *order.tolist()], np.concatenate([[0.0], priorities[order]]))
    assert drawn_keys(straight, 100, 3) == drawn_keys(shuffled, 100, 3)


# A caller's mistakes


@pytest.mark.parametrize("capacity", [0, -1, 2**31 + 1])
def test_capacity_out_of_range_is_an_error(capacity):
    with value_error(f"capacity is {capacity}; allowed: 1 to 2147483648"):
        native.PriorityBuffer(capacity)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.5, 1e-251, 1e251])
def test_a_bad_priority_is_an_error_and_nothing_is_stored(value):
    buffer = native.PriorityBuffer(4)
    message = f"priority[1] is {value}; allowed: 0, or 1e-250 to 1e+250"
    with value_error(message):
        upsert(buffer, "ab", [1.0, value])
    assert len(buffer) == 0
    upsert(buffer, "ab", 1.0)
    with value_error(message):
        upsert(buffer, "ab", [0.5, value])
    assert buffer.columns(np.array([0]))[1] == [1.0]


COLUMNS = {
    "priority": np.ones(2),
    "iteration": np.zeros(2, np.int32),
    "origin": np.zeros(2, np.uint8),
    "source_ids": np.zeros(3, np.uint16),
    "source_offsets": np.array([0, 2, 3]),
    "target_ids": np.zeros(70_000, np.uint16),
    "target_offsets": np.array([0, 0, 3]),
}


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("priority", np.ones(3), "priority has 3 elements; expected 2"),
        ("origin", np.zeros(1, np.uint8), "origin has 1 elements; expected 2"),
        ("source_offsets", np.array([0, 3]), "source_offsets has 2 elements; expected 3"),
        ("source_offsets", np.array([-1, 2, 3]), "source_offsets[0] is -1; allowed: 0 to 3"),
        ("source_offsets", np.array([0, 2, 1]), "source_offsets[2] is 1; allowed: 2 to 3"),
        ("source_offsets", np.array([0, 2, 4]), "source_offsets[2] is 4; allowed: 2 to 3"),
        ("target_offsets", np.array([3, 2, 4]), "target_offsets[1] is 2; allowed: 3 to 70000"),
        ("target_offsets", np.array([0, 1, 65537]), "target[1] has 65536 ids; allowed: 0 to 65535"),
    ],
)
def test_a_malformed_column_is_an_error_and_nothing_is_stored(column, value, message):
    buffer = native.PriorityBuffer(4)
    with value_error(message):
        buffer.upsert(keys_of("ab"), **(COLUMNS | {column: value}))
    assert len(buffer) == 0


def test_a_column_of_another_type_is_an_error():
    columns = COLUMNS | {"source_ids": np.zeros(3, np.int32)}
    with pytest.raises(ValueError, match="dtype"):
        native.PriorityBuffer(4).upsert(keys_of("ab"), **columns)


@pytest.mark.parametrize("slot", [-1, 2])
def test_a_slot_out_of_range_is_an_error(slot):
    buffer = filled([0.5, 0.5])
    slots = np.array([0, slot])
    message = f"slots[1] is {slot}; allowed: at least 0, below 2"
    with value_error(message):
        buffer.gather(slots)
    with value_error(message):
        buffer.columns(slots)


@pytest.mark.parametrize(
    ("n", "seed", "message"),
    [
        (-1, 0, "n is -1; allowed: 0 or more"),
        (1, -1, "seed is -1; allowed: 0 to 18446744073709551615"),
        (1, 2**64, "seed is 18446744073709551616; allowed: 0 to 18446744073709551615"),
    ],
)
def test_a_draw_out_of_range_is_an_error(n, seed, message):
    with value_error(message):
        filled([1.0]).draw(n, seed)
