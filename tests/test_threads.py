"""Work on threads whose results come as they are made."""

import threading
import time

import pytest

from codeit.parallel.threads import merged, unordered_map


@pytest.mark.parametrize("threads", [1, 3])
def test_every_item_is_worked_on_once_and_never_on_this_thread(threads):
    seen = []
    with unordered_map(lambda k: (k, threading.get_ident()), range(50), threads) as results:
        seen = list(results)
    assert sorted(k for k, _ in seen) == list(range(50))
    assert threading.get_ident() not in {thread for _, thread in seen}
    assert len({thread for _, thread in seen}) <= threads


def test_a_result_comes_before_the_others_are_made():
    gate = threading.Event()

    def work(k):
        if k == 1:
            assert gate.wait(60)
        return k

    with unordered_map(work, range(2), 2) as results:
        assert next(results) == 0
        gate.set()
        assert list(results) == [1]


def test_an_error_is_raised_here_and_no_more_is_started():
    started = []

    def work(k):
        started.append(k)
        if k == 3:
            raise OSError("broken")
        time.sleep(0.001)
        return k

    with pytest.raises(OSError, match="broken"), unordered_map(work, range(1000), 2) as results:
        list(results)
    count = len(started)
    assert count < 100
    time.sleep(0.05)
    assert len(started) == count


def test_leaving_early_waits_for_what_was_started_and_starts_no_more():
    done = []

    def work(k):
        time.sleep(0.01)
        done.append(k)
        return k

    with unordered_map(work, range(1000), 2) as results:
        next(results)
    count = len(done)
    assert count < 100
    time.sleep(0.05)
    assert len(done) == count


def test_an_interrupt_waits_for_nothing():
    gate = threading.Event()
    try:
        with (
            pytest.raises(KeyboardInterrupt),
            unordered_map(lambda _: gate.wait(60), range(2), 2),
        ):
            raise KeyboardInterrupt
    finally:
        gate.set()


def test_an_error_of_the_items_is_raised_here():
    def items():
        yield 1
        raise ValueError("no more")

    with (
        pytest.raises(ValueError, match="no more"),
        unordered_map(lambda k: k, items(), 1) as results,
    ):
        list(results)


@pytest.mark.parametrize("odd", [None, ValueError("a value")])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_result_may_be_nothing_or_an_error(odd, threads):
    with merged(lambda _: iter([odd, odd]), threads) as results:
        assert list(results) == [odd] * 2 * threads
    with unordered_map(lambda _: odd, range(4), threads) as mapped:
        assert list(mapped) == [odd] * 4


def test_what_is_raised_before_the_first_result_is_raised_here():
    def work(number):
        raise OSError(f"broken {number}")

    with pytest.raises(OSError, match="broken"), merged(work, 2) as results:
        list(results)
