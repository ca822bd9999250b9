"""Pipelines: work behind other work."""

import threading
import time

import pytest

from codeit.parallel.pipeline import pipeline
from codeit.parallel.threads import MOST_WAITING, merged


@pytest.mark.parametrize("is_eager", [True, False])
@pytest.mark.parametrize("threads", [1, 3])
def test_results_come_in_the_order_of_the_items_whatever_takes_long(threads, is_eager):
    def work(k):
        time.sleep(0.002 * (k % 3 == 0))
        return k * k

    with pipeline(work, threads, 2, is_eager=is_eager) as line:
        for k in range(20):
            line.put(k)
        assert line.finish() == [k * k for k in range(20)]
        assert line.finish() == [k * k for k in range(20)]


def test_nothing_in_gives_nothing_out():
    with pipeline(str, 2, 2) as line:
        assert line.finish() == []


def test_who_puts_in_waits_while_the_queue_is_full():
    gate = threading.Event()
    with pipeline(lambda k: gate.wait() and k, 1, 2) as line:
        for k in range(3):  # one is worked on as soon as its thread is there, two wait
            line.put(k)
            while k == 0 and line.num_waiting:
                time.sleep(0.001)
        late = threading.Thread(target=line.put, args=(3,))
        late.start()
        late.join(0.05)
        assert late.is_alive()
        assert line.num_waiting == 2
        gate.set()
        late.join()
        assert line.finish() == [0, 1, 2, 3]
        assert line.depth.most == 2


def test_lazy_work_begins_at_the_end_and_any_number_may_wait():
    begun = []
    with pipeline(begun.append, 1, 1, is_eager=False) as line:
        for k in range(5):
            line.put(k)
        assert begun == []
        line.finish()
    assert begun == list(range(5))


def fail(k):
    raise ValueError(f"item {k} is bad")


def test_what_the_work_raises_is_raised_here():
    with pipeline(fail, 2, 4) as line:
        line.put(0)
        with pytest.raises(ValueError, match="item 0 is bad"):
            line.finish()


def test_who_waits_for_room_hears_of_a_failure():
    with pipeline(fail, 1, 1) as line:
        line.put(0)
        while line.num_waiting:
            time.sleep(0.001)
        with pytest.raises(ValueError, match="item 0 is bad"):
            put_many(line)


def put_many(line):
    for k in range(1, 100):
        line.put(k)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_leaving_by_an_error_begins_no_more_work(error):
    done = []
    gate = threading.Event()

    def work(k):
        gate.wait()
        done.append(k)

    def leave():
        with pipeline(work, 1, 10) as line:
            for k in range(10):
                line.put(k)
            while line.num_waiting == 10:
                time.sleep(0.001)
            threading.Timer(0.02, gate.set).start()
            raise error

    with pytest.raises(error):
        leave()
    gate.wait()
    time.sleep(0.02)
    assert done == [0]


def test_merged_threads_wait_for_who_takes_their_results_slowly():
    made = []

    def work(number):
        for k in range(MOST_WAITING):
            made.append(k)
            yield number

    with merged(work, 2) as results:
        next(results)
        time.sleep(0.2)
        # Each thread has at most one more in its hands.
        assert len(made) <= MOST_WAITING + 3
        assert sum(1 for _ in results) == 2 * MOST_WAITING - 1


def test_merged_threads_that_wait_end_when_nobody_takes_more():
    def work(number):
        for _ in range(3 * MOST_WAITING):
            yield number

    before = threading.active_count()
    with merged(work, 3) as results:
        next(results)
        time.sleep(0.1)
    assert threading.active_count() == before
