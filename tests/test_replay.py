"""What an experience is worth, and the two halves that experiences are drawn from."""

import dataclasses
import itertools
import os
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from codeit.learning.replay import (
    PRIORITY_RANGES,
    Added,
    Origin,
    ReplayBuffer,
    ReplaySettings,
    priority,
)

# The 1 - 1e-4 quantile of the chi-square distribution with 3 degrees of freedom. Seeds are fixed.
CHI_SQUARE_LIMIT = 21.108


def flat(lists):
    """Lists of ids laid end to end, and their offsets."""
    offsets = np.cumsum([0, *(len(ids) for ids in lists)], dtype=np.int64)
    return np.array([i for ids in lists for i in ids], np.uint16), offsets


def lists_of(ids, offsets):
    return [ids[a:b].tolist() for a, b in itertools.pairwise(offsets)]


def check_fair(counts, outcomes):
    """Observed counts of four equally likely outcomes."""
    assert set(counts) <= set(outcomes)
    expected = sum(counts.values()) / 4
    assert sum((counts[o] - expected) ** 2 / expected for o in outcomes) < CHI_SQUARE_LIMIT


def value_error(message):
    return pytest.raises(ValueError, match=f"^{re.escape(message)}$")


# The priority formula


def test_by_default_the_priority_is_the_demonstration_share():
    result = priority(ReplaySettings(), [0.0, 0.25, 1.0], 10, 3)
    assert result.dtype == np.float64
    assert result.tolist() == [1e-19, 0.25, 1.0]


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({"demonstration_weight": 7.0}, 0.5),
        ({"demonstration_weight": 0.0, "length_weight": 1.0}, 0.75),  # 1 - 50 / 200
        ({"demonstration_weight": 0.0, "age_weight": 3.0}, 0.1),  # 4 / 40
        ({"length_weight": 2.0, "age_weight": 1.0}, 0.525),  # (0.5 + 2 * 0.75 + 0.1) / 4
        ({"demonstration_weight": 0.0, "distance_weight": 1.0}, 0.8),  # 1 - 0.2
        # The same at the ends of the range, where a sum leaves it.
        ({"demonstration_weight": 1e308, "length_weight": 1e308}, 0.625),
        ({"demonstration_weight": 2e-310, "length_weight": 2e-310}, 0.625),
    ],
)
def test_terms_are_weighted_and_weights_are_relative(weights, expected):
    settings = ReplaySettings(length_normalizer=200, age_normalizer=40, **weights)
    assert priority(settings, 0.5, 50, 4, 0.2) == pytest.approx(expected, abs=1e-12)


def test_length_and_age_are_capped():
    settings = ReplaySettings(demonstration_weight=0.0, length_weight=1.0, age_weight=1.0)
    result = priority(settings, 0.0, [0, 100, 101, 0], [0, 0, 0, 101])
    assert result.tolist() == [0.5, 1e-19, 1e-19, 1.0]


def test_without_priority_all_are_equal():
    settings = ReplaySettings(use_priority=False)
    assert priority(settings, [0.0, 1.0], [1, 500], 3).tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.5, 1.5], 1, 1), "demonstration_share[1] is 1.5; allowed: 0 to 1"),
        ((float("nan"), 1, 1), "demonstration_share is nan; allowed: 0 to 1"),
        ((0.5, [-2], 1), "num_target_tokens[0] is -2.0; allowed: finite, 0 or more"),
        ((0.5, 1, -1), "iteration is -1.0; allowed: finite, 0 or more"),
        ((0.5, 1, 1, [0.0, 2.0]), "distance[1] is 2.0; allowed: 0 to 1"),
    ],
)
def test_a_term_out_of_range_is_an_error(arguments, message):
    with value_error(message):
        priority(ReplaySettings(), *arguments)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"capacity": 0}, "capacity is 0; allowed: 1 to 2147483648"),
        ({"age_weight": -1.0}, "age_weight is -1.0; allowed: finite, 0 or more"),
        ({"length_normalizer": 0}, "length_normalizer is 0; allowed: 1 to 2147483647"),
        (
            {"demonstration_weight": 0.0},
            "demonstration_weight, length_weight, age_weight, distance_weight are all 0; "
            "allowed: at least one above 0, or use_priority=False",
        ),
    ],
)
def test_a_setting_out_of_range_is_an_error(settings, message):
    with value_error(message):
        ReplaySettings(**settings)


# The buffer of the loop


def add(buffer, names, origin, share=1.0, **changes):
    sources, source_offsets = flat([[k, k + 1] for k in range(len(names))])
    targets, target_offsets = flat([[100 + k] for k in range(len(names))])
    arguments = {
        "task_digests": ["task"] * len(names),
        "programs": [str(name) for name in names],
        "origin": origin,
        "iteration": 1,
        "demonstration_share": share,
        "source_ids": sources,
        "source_offsets": source_offsets,
        "target_ids": targets,
        "target_offsets": target_offsets,
    }
    return buffer.add(**(arguments | changes))


def test_each_half_gives_its_number_or_all():
    buffer = ReplayBuffer(ReplaySettings(capacity=100))
    add(buffer, "ab", Origin.seed)
    add(buffer, "cde", Origin.mutated)
    add(buffer, range(20), Origin.policy)
    assert len(buffer) == 25
    batch = buffer.draw(3, 7, seed=0)
    assert len(batch) == 10
    assert np.count_nonzero(batch.origin == Origin.policy) == 7
    assert batch.origin[3:].tolist() == [Origin.policy] * 7
    batch = buffer.draw(1000, 0, seed=0)
    assert Counter(batch.origin.tolist()) == {Origin.seed: 2, Origin.mutated: 3}
    assert len(buffer.draw(0, 0, seed=0)) == 0


def test_a_batch_holds_the_ids_of_both_halves():
    buffer = ReplayBuffer(ReplaySettings(capacity=100))
    add(buffer, "ab", Origin.mutated)
    add(buffer, "abc", Origin.policy)
    batch = buffer.draw(9, 9, seed=0)
    sources = lists_of(batch.source_ids, batch.source_offsets)
    assert sources == [[0, 1], [1, 2], [0, 1], [1, 2], [2, 3]]
    assert lists_of(batch.target_ids, batch.target_offsets) == [[100], [101], [100], [101], [102]]
    assert batch.source_ids.dtype == batch.target_ids.dtype == np.uint16


def test_seeds_have_the_priority_of_their_demonstrations():
    buffer = ReplayBuffer(ReplaySettings(capacity=100))
    add(buffer, "ab", Origin.seed, share=1.0)
    add(buffer, range(50), Origin.mutated, share=0.0)
    for seed in range(20):
        assert buffer.draw(2, 0, seed).origin.tolist() == [Origin.seed] * 2
    assert buffer.statistics().mean_mutated_priority == pytest.approx(2 / 52)


def test_a_repeat_updates_the_priority():
    buffer = ReplayBuffer(ReplaySettings(capacity=100))
    assert add(buffer, "ab", Origin.policy, share=[0.0, 0.5]) == Added(2, 0, 0, 0)
    assert add(buffer, "bc", Origin.policy, share=1.0) == Added(1, 1, 0, 0)
    statistics = buffer.statistics()
    assert statistics.num_policy == 3
    assert statistics.mean_policy_priority == pytest.approx(2 / 3)


def test_at_capacity_the_best_stay():
    buffer = ReplayBuffer(ReplaySettings(capacity=2))
    add(buffer, "ab", Origin.policy, share=[0.25, 0.75])
    assert add(buffer, "cd", Origin.policy, share=[0.5, 0.25]) == Added(0, 0, 1, 1)
    add(buffer, "ef", Origin.seed)  # The other half has its own capacity.
    statistics = buffer.statistics()
    assert (statistics.num_seed, statistics.num_policy) == (2, 2)
    assert statistics.mean_policy_priority == pytest.approx(0.625)


def priorities_of(buffer):
    """How many experiences each origin has in each range, without zeros."""
    tables = buffer.statistics().priorities
    assert {len(table) for table in tables.values()} == {len(PRIORITY_RANGES)}
    kept = {by: {n: k for n, k in table.items() if k} for by, table in tables.items()}
    return {by: table for by, table in kept.items() if table}


def test_a_buffer_says_how_many_experiences_of_each_origin_have_which_priority():
    buffer = ReplayBuffer(ReplaySettings(capacity=100))
    assert priorities_of(buffer) == {}
    add(buffer, "ab", Origin.seed, share=1.0)
    add(buffer, range(3), Origin.mutated, share=[0.0, 0.0, 1.0])
    shares = [0.0, 0.2, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 0.99, 1.0]
    add(buffer, range(9), Origin.policy, share=shares)
    add(buffer, [20], Origin.searched, share=0.5)
    expected = {
        "seed": {"1": 2},
        "mutated": {"0": 2, "1": 1},
        "policy": {"0": 1, "0-0.25": 1, "0.25-0.5": 2, "0.5-0.75": 2, "0.75-1": 2, "1": 1},
        "searched": {"0.5-0.75": 1},
    }
    assert priorities_of(buffer) == expected
    add(buffer, [0], Origin.policy, share=1.0)  # it was 0
    policy = expected["policy"] | {"1": 2}
    del policy["0"]
    assert priorities_of(buffer)["policy"] == policy


def test_without_priority_all_are_in_the_last_range():
    buffer = ReplayBuffer(ReplaySettings(capacity=100, use_priority=False))
    add(buffer, range(4), Origin.policy, share=[0.0, 0.0, 0.5, 1.0])
    assert priorities_of(buffer) == {"policy": {"1": 4}}


def test_what_is_best_by_several_weights_is_in_the_last_range():
    weights = {"demonstration_weight": 0.1, "age_weight": 0.2, "distance_weight": 0.7}
    buffer = ReplayBuffer(ReplaySettings(capacity=100, age_normalizer=1, **weights))
    add(buffer, "a", Origin.policy, share=1.0, iteration=1)
    assert priorities_of(buffer) == {"policy": {"1": 1}}


def test_without_priority_merit_does_not_count():
    buffer = ReplayBuffer(ReplaySettings(capacity=100, use_priority=False))
    add(buffer, range(4), Origin.policy, share=[0.0, 0.0, 1.0, 1.0])
    first_ids = [int(buffer.draw(0, 1, seed).source_ids[0]) for seed in range(4000)]
    check_fair(Counter(first_ids), range(4))


def test_the_same_program_is_drawn_independently_in_both_halves():
    buffer = ReplayBuffer(ReplaySettings(capacity=100))
    for origin in (Origin.mutated, Origin.policy):
        add(buffer, "ab", origin)
    ids = [buffer.draw(1, 1, seed).source_ids.tolist() for seed in range(4000)]
    counts = Counter((a, b) for a, _, b, _ in ids)
    check_fair(counts, list(itertools.product((0, 1), repeat=2)))


def test_threads_may_add_and_draw_at_once():
    buffer = ReplayBuffer(ReplaySettings(capacity=500))

    def draw_often():
        for seed in range(200):
            batch = buffer.draw(10, 300, seed)
            assert len(batch.source_ids) == batch.source_offsets[-1] == 2 * len(batch)

    with ThreadPoolExecutor(max_workers=2) as pool:
        drawing = pool.submit(draw_often)
        for begin in range(0, 20_000, 100):
            add(buffer, range(begin, begin + 100), Origin.policy)
        drawing.result()
    assert len(buffer) == 500


NO_INTEGERS = [
    *([0.0, 1.0], [True, False], ["0", "1"], [1j, 2j], [None, 1], [0, 2**70]),
    *(np.array([0, 1], "m8[s]"), np.array([0, 1], "M8[s]"), np.zeros(2, [("a", "i8")])),
    *(
        np.ma.masked_array([0, 1], [True, False]),
        [0, np.ma.masked],
        [[0, 1], [2]],
        [[0, 1]],
        np.array(1),
    ),
]


@pytest.mark.parametrize("name", ["source_ids", "source_offsets", "target_ids", "target_offsets"])
@pytest.mark.parametrize("values", NO_INTEGERS, ids=repr)
def test_ids_and_offsets_are_rows_of_plain_integers(name, values):
    buffer = ReplayBuffer(ReplaySettings(capacity=100))
    with pytest.raises(ValueError, match=f"^{name} (is|has) .*; (allowed|expected)|^{name} is no"):
        add(buffer, "ab", Origin.policy, **{name: values})
    assert len(buffer) == 0


@pytest.mark.parametrize("name", ["share", "distance"])
@pytest.mark.parametrize(
    "values",
    [
        *([True, False], ["0", "1"], [1j, 0j], [None, 1], np.array([0, 1], "m8[s]")),
        *(np.ma.masked_array([0.5, 1], [True, False]), [[0.5, 1]], [0.5, np.nan], [-0.5, 1]),
    ],
    ids=repr,
)
def test_shares_are_plain_numbers_from_0_to_1(name, values):
    buffer = ReplayBuffer(ReplaySettings(capacity=100))
    with pytest.raises(ValueError, match=r"^(demonstration_share|distance)(\[\d\])? (is|has) "):
        add(buffer, "ab", Origin.policy, **{name: values})
    assert len(buffer) == 0


@pytest.mark.parametrize("value", [1.0, 1.5, np.nan, True, "1", None, np.timedelta64(1), [1]])
def test_what_counts_is_an_integer(value):
    buffer = ReplayBuffer(ReplaySettings(capacity=100))
    add(buffer, range(4), Origin.policy)
    for name in ("num_mutated", "num_policy", "seed"):
        with pytest.raises(ValueError, match=f"^{name} is .*; allowed: integers, 0 or more"):
            buffer.draw(**({"num_mutated": 1, "num_policy": 1, "seed": 0} | {name: value}))
    with pytest.raises(ValueError, match=r"^iteration is .*; allowed: integers, 0 to"):
        add(buffer, "ab", Origin.policy, iteration=value)
    with pytest.raises(ValueError, match=r"^origin is .*; allowed: integers, 0 to 4"):
        add(buffer, "ab", value)
    for name in ("capacity", "length_normalizer", "age_normalizer"):
        with pytest.raises(ValueError, match=f"^{name} is .*; allowed: integers, 1 to"):
            ReplaySettings(**{name: value})


def test_numbers_of_numpy_and_huge_ones_count_as_well():
    buffer = ReplayBuffer(ReplaySettings(capacity=np.int16(100)))
    add(buffer, range(4), Origin.policy, iteration=np.uint8(3))
    assert len(buffer.draw(2**70, np.uint64(3), 2**70)) == 3


def test_a_file_with_too_few_offsets_is_refused(tmp_path):
    buffer = ReplayBuffer(ReplaySettings(capacity=100))
    add(buffer, range(4), Origin.policy)
    buffer.save(tmp_path / "buffer")
    arrays = dict(np.load(tmp_path / "buffer"))
    for name in ("policy/source_offsets", "policy/target_offsets", "policy/keys"):
        for few in (arrays[name][:0], arrays[name][:2]):
            np.savez(tmp_path / "few.npz", **(arrays | {name: few}))
            with pytest.raises(ValueError, match="not a replay buffer that can be read"):
                ReplayBuffer.load(tmp_path / "few.npz", ReplaySettings(capacity=100))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"programs": ["a"]}, "programs has 1 elements; expected 2"),
        ({"source_ids": [0, 1, 2, 65536]}, "source_ids[3] is 65536; allowed: 0 to 65535"),
        ({"source_ids": [0.5] * 4}, "source_ids is of float64; allowed: integers"),
        ({"target_offsets": [0, 1]}, "target_offsets has shape (2,); expected (3,)"),
        ({"iteration": 2**31}, "iteration is 2147483648; allowed: 0 to 2147483647"),
        ({"share": [1.0]}, "demonstration_share has shape (1,); expected () or (2,)"),
        ({"share": 2}, "demonstration_share is 2.0; allowed: 0 to 1"),
    ],
)
def test_a_malformed_addition_is_an_error(changes, message):
    buffer = ReplayBuffer(ReplaySettings(capacity=100))
    with value_error(message):
        add(buffer, "ab", Origin.policy, **changes)
    assert len(buffer) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, 0, 0), "num_mutated is -1; allowed: 0 or more"),
        ((0, -1, 0), "num_policy is -1; allowed: 0 or more"),
        ((0, 0, -1), "seed is -1; allowed: 0 or more"),
    ],
)
def test_a_negative_argument_of_a_draw_is_an_error(arguments, message):
    with value_error(message):
        ReplayBuffer(ReplaySettings(capacity=1)).draw(*arguments)


# The buffer in a file


def used_buffer(capacity=40, num_added=100):
    """A buffer that has updated, evicted and grown over, so that slots are in no order."""
    buffer = ReplayBuffer(ReplaySettings(capacity=capacity))
    random = np.random.default_rng(8)
    for k in range(num_added):
        add(buffer, [f"p{k % 70}"], Origin.policy, random.integers(0, 4) / 3, iteration=k // 9)
        add(buffer, [f"m{k % 50}"], Origin(k % 2), random.integers(0, 2), iteration=0)
    return buffer


def test_a_saved_buffer_comes_back_as_it_was(tmp_path):
    buffer = used_buffer()
    buffer.save(tmp_path / "buffer")
    again = ReplayBuffer.load(tmp_path / "buffer", buffer.settings)
    assert again.statistics() == dataclasses.replace(
        buffer.statistics(), num_bytes=again.statistics().num_bytes
    )
    for seed in range(5):
        ours, theirs = buffer.draw(7, 30, seed), again.draw(7, 30, seed)
        for field in dataclasses.fields(ours):
            np.testing.assert_array_equal(getattr(ours, field.name), getattr(theirs, field.name))


def test_a_saved_buffer_goes_on_as_it_would_have(tmp_path):
    """Experiences worth the same are evicted in the order of their insertion."""
    buffer = used_buffer()
    buffer.save(tmp_path / "buffer")
    again = ReplayBuffer.load(tmp_path / "buffer", buffer.settings)
    for one in (buffer, again):
        add(one, [f"n{k}" for k in range(25)], Origin.policy, 1 / 3, iteration=30)
    ours, theirs = buffer.draw(40, 40, 3), again.draw(40, 40, 3)
    np.testing.assert_array_equal(ours.target_ids, theirs.target_ids)
    np.testing.assert_array_equal(ours.source_ids, theirs.source_ids)


def test_an_empty_buffer_can_be_saved(tmp_path):
    ReplayBuffer(ReplaySettings(capacity=3)).save(tmp_path / "buffer")
    assert len(ReplayBuffer.load(tmp_path / "buffer", ReplaySettings())) == 0


def test_numpy_reads_a_saved_buffer(tmp_path):
    buffer = ReplayBuffer(ReplaySettings())
    add(buffer, ["a", "bb"], Origin.policy, [0.5, 1.0], iteration=4)
    buffer.save(tmp_path / "buffer")
    arrays = np.load(tmp_path / "buffer")
    assert arrays["version"] == 2
    assert arrays["policy/iteration"].tolist() == [4, 4]
    assert arrays["policy/priority"].tolist() == [0.5, 1.0]
    assert arrays["mutated/keys"].shape == (0, 2)


def test_damage_is_found_or_without_effect(tmp_path):
    path = tmp_path / "buffer"
    used_buffer(capacity=5, num_added=5).save(path)
    good = path.read_bytes()
    for at in range(0, len(good), 5):
        path.write_bytes(good[:at] + bytes([good[at] ^ 16]) + good[at + 1 :])
        try:
            again = ReplayBuffer.load(path, ReplaySettings())
        except ValueError:
            continue
        again.save(tmp_path / "again")  # what no checksum covers, such as a date, has no effect
        with np.load(tmp_path / "again") as ours:
            path.write_bytes(good)
            with np.load(path) as theirs:
                assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)


def test_a_file_that_is_cut_off_is_refused(tmp_path):
    path = tmp_path / "buffer"
    used_buffer(capacity=5, num_added=5).save(path)
    good = path.read_bytes()
    for size in range(0, len(good), 97):
        path.write_bytes(good[:size])
        with pytest.raises(ValueError, match="buffer: not a replay buffer that can be read"):
            ReplayBuffer.load(path, ReplaySettings())


def test_a_file_of_another_version_is_refused(tmp_path):
    np.savez(tmp_path / "buffer.npz", version=np.array(1))
    with pytest.raises(ValueError, match=r"buffer.npz: .*version 1; allowed: 2"):
        ReplayBuffer.load(tmp_path / "buffer.npz", ReplaySettings())


def test_a_file_with_more_than_the_capacity_is_refused(tmp_path):
    used_buffer(capacity=5, num_added=9).save(tmp_path / "buffer")
    with pytest.raises(ValueError, match="mutated holds 5 experiences; the capacity is 4"):
        ReplayBuffer.load(tmp_path / "buffer", ReplaySettings(capacity=4))


def test_a_buffer_that_cannot_be_written_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "buffer"
    used_buffer(capacity=5, num_added=5).save(path)
    good = path.read_bytes()
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        used_buffer(capacity=6, num_added=6).save(path)
    assert path.read_bytes() == good
