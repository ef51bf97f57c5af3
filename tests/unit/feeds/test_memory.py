"""What is kept in memory: bounded, and what readers use outlasts a flood."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from service.feeds.memory import OVERHEAD, Memory


def test_a_flood_of_keys_pushes_out_one_another_and_not_what_is_used():
    memory = Memory(1_000_000)
    for number in range(20):
        memory.put(("hot", number), number, 10_000)
        memory.get(("hot", number))

    for number in range(50_000):
        memory.put(("flood", number), b"", 2_000)
        assert memory.held <= 1_000_000

    assert [memory.get(("hot", number)) for number in range(20)] == list(range(20))
    assert memory.get(("flood", 0)) is None
    assert memory.get(("flood", 49_999)) == b""


def test_a_flood_that_comes_twice_is_bounded_too():
    memory = Memory(100_000)
    for number in range(5_000):
        memory.put(number, number, 1_000)
        assert memory.get(number) == number
        assert memory.held <= 100_000


def test_what_would_leave_room_for_little_else_is_not_kept():
    memory = Memory(10_000)
    memory.put("small", 1, 100)
    memory.put("large", 2, 9_000)
    assert (memory.get("small"), memory.get("large")) == (1, None)


@given(
    st.lists(
        st.tuples(st.sampled_from(["put", "get", "drop"]), st.integers(0, 9), st.integers(0, 900))
    )
)
def test_its_count_of_bytes_is_that_of_what_it_gives_back(steps):
    memory, sizes = Memory(8_000), {}
    for act, key, size in steps:
        if act == "put":
            memory.put(key, size, size)
            sizes[key] = size
        elif act == "drop":
            memory.drop(key)
            sizes.pop(key, None)
        else:
            assert memory.get(key) in (None, sizes.get(key))
        assert memory.held <= 8_000
    found = {key: value for key in range(10) if (value := memory.get(key)) is not None}
    assert memory.held == sum(size + OVERHEAD for size in found.values())
    assert found.items() <= sizes.items()
