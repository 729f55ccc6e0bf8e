"""What may come once may come once at any of the processes, and is remembered for as long as it could come again."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gateway.errors import StoreUnavailable
from gateway.store.redis import Line, RedisReplays
from gateway.store.replays import MemoryReplays, ReplaySet
from tests.store.servers import RedisServer

Lines = Callable[..., Awaitable[Line]]
NOW = 1_900_000_000.0


@pytest.fixture(params=["memory", "redis"])
async def replays(request: pytest.FixtureRequest, lines: Lines) -> ReplaySet:
    if request.param == "memory":
        return MemoryReplays(lambda: NOW)
    server: RedisServer = request.getfixturevalue("server")
    server.say("FLUSHALL")
    return RedisReplays(await lines(server.url), lambda: NOW)


async def test_a_key_comes_once(replays: ReplaySet):
    told = [await replays.seen(key, NOW + 60) for key in (b"one", b"other", b"one", b"one\0", b"other")]
    assert told == [False, False, True, False, True]


async def test_of_many_at_one_time_one_is_first(replays: ReplaySet):
    told = await asyncio.gather(*(replays.seen(b"proof", NOW + 60) for _ in range(50)))
    assert sorted(told) == [False] + [True] * 49


async def test_a_key_seen_at_one_replica_is_seen_at_all(server: RedisServer, lines: Lines):
    server.say("FLUSHALL")
    one, other = [RedisReplays(await lines(server.url), lambda: NOW) for _ in range(2)]
    assert not await one.seen(b"jti", NOW + 60)
    assert await other.seen(b"jti", NOW + 60)


async def test_a_key_tells_nothing_and_ends_after_its_time(server: RedisServer, lines: Lines):
    server.say("FLUSHALL")
    line = await lines(server.url)
    await RedisReplays(line, lambda: NOW).seen(b"canary" * 10_000, NOW + 300)
    [name] = [name for name in await line.ask("keys", "KEYS", "*") if b"once" in name]
    assert b"canary" not in name
    assert len(name) < 64
    assert 300_000 < await line.ask("ttl", "PTTL", name) <= 360_000


async def test_what_can_not_be_remembered_is_not_taken(lines: Lines):
    with pytest.raises(StoreUnavailable):
        await RedisReplays(await lines("redis://127.0.0.1:1"), lambda: NOW).seen(b"jti", NOW + 60)
