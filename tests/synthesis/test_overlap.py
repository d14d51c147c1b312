import threading
import time

import pytest

from cood.synthesis.overlap import AHEAD, overlap

WAIT = 10.0  # seconds after which a test gives up
TRIES = 10


def test_results_are_those_of_a_loop_in_order():
    batches = [range(start, start + size) for start, size in ((0, 3), (3, 0), (3, 4), (7, 1))]

    def slow_if_early(number):
        time.sleep(0.01 * (7 - number))
        return number**2

    found = list(overlap(batches, slow_if_early, threads=3))
    assert found == [[n**2 for n in batch] for batch in batches]
    assert list(overlap([], slow_if_early, threads=1)) == []


@pytest.mark.parametrize(("make", "save"), [(0.08, 0.02), (0.02, 0.08), (0.06, 0.06)])
def test_the_time_is_that_of_the_slower_part_not_of_both(make, save):
    """A stand-in that makes and one that saves, of set speeds."""
    n = 6

    def batches():
        for number in range(n):
            time.sleep(make)
            yield [number]

    def spent():
        start = time.perf_counter()
        list(overlap(batches(), lambda number: time.sleep(save), threads=1))
        return time.perf_counter() - start

    least, other = n * max(make, save), n * min(make, save)
    # A machine that is busy with other work may take longer now and then.
    assert any(least <= spent() < least + 0.6 * other for _ in range(TRIES))


def test_several_threads_save_the_images_of_a_batch_at_a_time():
    together = threading.Barrier(4, timeout=WAIT)
    assert list(overlap([range(4)], lambda _: together.wait() >= 0, threads=4)) == [[True] * 4]


def test_a_batch_is_made_while_those_before_wait_but_never_too_many():
    made, saved, free = [], [], threading.Event()

    def batches():
        for number in range(8):
            assert len(made) - len(saved) <= AHEAD
            if number == AHEAD:  # nothing is saved yet, and still this is asked for
                free.set()
            made.append(number)
            yield [number]

    def save(number):
        assert free.wait(WAIT)
        saved.append(number)

    list(overlap(batches(), save, threads=1))
    assert saved == list(range(8))


def test_an_error_of_a_writer_reaches_the_caller_and_ends_the_work():
    made, saved = [], []

    def batches():
        for number in range(100):
            made.append(number)
            yield [number]

    def save(number):
        if number == 2:
            raise OSError("no space left")
        saved.append(number)

    with pytest.raises(OSError, match="no space left"):
        list(overlap(batches(), save, threads=1))
    assert len(made) <= 2 + AHEAD + 1
    assert set(saved) <= set(made)


def test_an_error_of_what_makes_batches_leaves_no_thread_behind():
    def batches():
        yield range(3)
        raise RuntimeError("no more")

    before = threading.active_count()
    with pytest.raises(RuntimeError, match="no more"):
        list(overlap(batches(), lambda number: time.sleep(0.01), threads=2))
    assert threading.active_count() == before
