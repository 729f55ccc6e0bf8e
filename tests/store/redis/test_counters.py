"""What only shared counters have: a server's clock, keys that expire and tell nothing, many who take at once."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gateway.store.counters import Window
from gateway.store.redis import Line, RedisCounters
from tests.store.servers import RedisServer, free_port

DAY = Window("day", 1000, 86400)
HOUR = Window("hour", 5, 3600)
SECOND = Window("second", 5, 1)
HAND = "local now = tonumber(redis.call('GET', 'hand'))"
Lines = Callable[..., Awaitable[Line]]


@pytest.fixture(autouse=True)
def _empty(server: RedisServer) -> None:
    server.say("FLUSHALL")


async def test_case_35_a_race_across_replicas_lets_exactly_the_limit_through(server: RedisServer, lines: Lines):
    replicas = [RedisCounters(await lines(server.url)) for _ in range(4)]

    async def take(counters: RedisCounters, times: int) -> int:
        return sum([(await counters.take((("tenant", DAY), ("consent", DAY))))[0] for _ in range(times)])

    passed = await asyncio.gather(*(take(replicas[number % 4], 50) for number in range(40)))
    assert sum(passed) == DAY.limit


async def test_prefixes_part_gateways(server: RedisServer, lines: Lines):
    for prefix in ("one", "other"):
        counters = RedisCounters(await lines(server.url, prefix=prefix))
        assert [(await counters.take((("a", Window("w", 1, 60)),)))[0] for _ in range(2)] == [True, False]


async def test_a_key_tells_nothing_and_ends_when_nothing_is_owed(server: RedisServer, lines: Lines):
    line = await lines(server.url)
    await RedisCounters(line).take((("tenant-canary", HOUR), ("consent-canary", DAY)))
    names = [name for name in await line.ask("keys", "KEYS", "*") if b"limits" in name]
    assert len(names) == 2
    assert all(name.startswith(b"test:{limits}:") for name in names)
    held = [await line.ask("get", "GET", name) for name in names]
    assert b"canary" not in b"".join(names + held)
    lives = sorted([await line.ask("ttl", "PTTL", name) for name in names])
    assert 0 < lives[0] <= 86_400 < lives[1] <= 720_000


async def test_all_keys_of_a_call_lie_in_one_slot(tmp_path, lines: Lines, tally):
    """A server in cluster mode refuses a script whose keys lie in several."""
    cluster = RedisServer(tmp_path, "--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    try:
        assert cluster.say("CLUSTER", "ADDSLOTSRANGE", "0", "16383").startswith("+OK")
        line = await lines(cluster.url)
        await tally.until(lambda: line.there)  # a cluster takes two seconds to believe in itself
        counters = RedisCounters(line)
        takings = tuple((f"key-{number}", HOUR) for number in range(8))
        verdicts = [(await counters.take(takings))[0] for _ in range(6)]
        assert verdicts == [True] * 5 + [False]
    finally:
        cluster.close()


async def test_case_35_a_gateways_clock_makes_no_difference(server: RedisServer, lines: Lines, monkeypatch):
    counters = RedisCounters(await lines(server.url))
    window = Window("w", 2, 3600)
    monkeypatch.setattr("time.time", lambda: 4e9)
    assert [(await counters.take((("a", window),)))[0] for _ in range(3)] == [True, True, False]


async def test_case_35_a_servers_clock_that_is_set_back_costs_one_window_at_most(server: RedisServer, lines: Lines):
    line = await lines(server.url)
    counters = RedisCounters(line, HAND)

    async def take(now: int) -> bool:
        await line.ask("set", "SET", "hand", now)
        return (await counters.take((("a", SECOND),)))[0]

    hour = 3_600_000
    assert [await take(2 * hour) for _ in range(6)] == [True] * 5 + [False]
    assert not await take(hour), "what was owed is owed still"
    assert not await take(hour + 199)
    assert await take(hour + 200), "and is regained from then on"
