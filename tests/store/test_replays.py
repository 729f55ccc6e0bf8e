import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Overloaded
from gateway.store.replays import MemoryReplays


class Now:
    def __init__(self):
        self.at = 1_000_000.0

    def __call__(self):
        return self.at


async def test_a_key_is_new_once():
    replays = MemoryReplays(Now())
    assert [await replays.seen(key, 1_000_060.0) for key in (b"one", b"two", b"one", b"two")] == [
        False,
        False,
        True,
        True,
    ]


async def test_a_key_counts_up_to_its_end_and_is_then_forgotten():
    now = Now()
    replays = MemoryReplays(now)
    await replays.seen(b"one", 1_000_060.0)
    now.at = 1_000_060.0
    assert await replays.seen(b"one", 1_000_120.0)
    now.at = 1_000_060.1
    assert not await replays.seen(b"one", 1_000_120.0)
    assert len(replays) == 1


async def test_a_full_set_refuses_and_forgets_nothing_that_counts():
    now = Now()
    replays = MemoryReplays(now, most=3)
    for number in range(3):
        await replays.seen(bytes([number]), 1_000_010.0 + number)
    with pytest.raises(Overloaded) as caught:
        await replays.seen(b"new", 1_000_060.0)
    assert dict(caught.value.headers)["Retry-After"] == "1"
    assert await replays.seen(b"\0", 1_000_060.0), "what it holds is still told"
    now.at = 1_000_010.5
    assert not await replays.seen(b"new", 1_000_060.0)
    assert len(replays) == 3


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(0, 4)), max_size=40))
def test_it_agrees_with_the_rule_said_slowly(steps):
    now, slow = Now(), {}
    replays = MemoryReplays(now)

    async def walk():
        for passes, name, keeps in steps:
            now.at += passes
            until = now.at + keeps
            expected = slow.get(name, -1.0) >= now.at
            if not expected:
                slow[name] = until
            assert await replays.seen(bytes([name]), until) is expected

    asyncio.run(walk())
