"""The desk: everybody's item is done once, together where they come together."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from service.ingest.desk import MAX_TOGETHER, Desk


def test_each_item_of_many_threads_is_done_once_and_gets_its_own_result():
    batches: list[list[int]] = []

    def work(items: Sequence[int]) -> list[int]:
        batches.append(list(items))
        return [item * 2 for item in items]

    desk = Desk(work)
    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(desk.bring, range(2000)))

    assert results == [n * 2 for n in range(2000)]
    assert sorted(item for batch in batches for item in batch) == list(range(2000))
    assert max(map(len, batches)) <= MAX_TOGETHER


def test_who_comes_while_the_desk_is_busy_is_served_with_the_others_who_wait():
    batches: list[list[int]] = []
    is_open = threading.Event()

    def work(items: Sequence[int]) -> list[int]:
        batches.append(list(items))
        is_open.wait(10)
        return list(items)

    desk = Desk(work)
    with ThreadPoolExecutor(9) as pool:
        found = [pool.submit(desk.bring, 0)]
        while not batches:
            is_open.wait(0.001)
        found += [pool.submit(desk.bring, n) for n in range(1, 9)]
        while len(desk._waiting) < 8:
            is_open.wait(0.001)
        is_open.set()
        assert [future.result(10) for future in found] == list(range(9))

    assert [sorted(batch) for batch in batches] == [[0], list(range(1, 9))]


def test_work_that_fails_as_a_whole_gives_everybody_nothing_and_the_desk_goes_on():
    is_broken = True

    def work(items: Sequence[int]) -> list[int]:
        if is_broken:
            raise ValueError
        return list(items)

    desk = Desk(work)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(desk.bring, range(50))) == [None] * 50
    is_broken = False
    assert desk.bring(7) == 7
