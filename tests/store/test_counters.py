"""Counting is one thing wherever it is kept: every test but those of memory's bounds is run on both stores."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.store.counters import Counters, MemoryCounters, Standing, Window
from gateway.store.redis import Line, RedisCounters
from tests.store.servers import RedisServer

SECOND = Window("second", 3, 1)
MINUTE = Window("minute", 5, 60)
HAND = "local now = tonumber(redis.call('GET', 'hand'))"
"""What stands in the script where the server's clock is read, so that a test can move it."""


class Store:
    """Counters with a clock that a test moves, in milliseconds; each test has keys of its own."""

    def __init__(self, line: Line | None) -> None:
        self.now = 50_000
        self.line = line
        self.counters: Counters = MemoryCounters(self._seconds) if line is None else RedisCounters(line, HAND)
        self._mark = f"{next(_MARKS)}:"

    def _seconds(self) -> float:
        return (self.now + 0.25) / 1000

    async def take(self, *takings: tuple[str, Window]) -> tuple[bool, tuple[Standing, ...]]:
        if self.line is not None:
            await self.line.ask("set", "SET", "hand", self.now)
        return await self.counters.take([(self._mark + key, window) for key, window in takings])


_MARKS = itertools.count()


@pytest.fixture(params=["memory", "redis"])
async def store(request: pytest.FixtureRequest, lines: Callable[..., Awaitable[Line]]) -> AsyncIterator[Store]:
    if request.param == "memory":
        yield Store(None)
        return
    server: RedisServer = request.getfixturevalue("server")
    server.say("FLUSHALL")
    yield Store(await lines(server.url))


async def test_a_window_is_spent_and_regained_evenly(store: Store):
    outcomes = [await store.take(("a", SECOND)) for _ in range(4)]
    assert [allowed for allowed, _ in outcomes] == [True, True, True, False]
    assert [standing.remaining for _, (standing,) in outcomes] == [2, 1, 0, 0]
    refused = outcomes[3][1][0]
    assert (refused.wait, refused.full) == (0.334, 1.0)
    store.now += 333
    assert not (await store.take(("a", SECOND)))[0]
    store.now += 1
    assert (await store.take(("a", SECOND)))[0]
    assert not (await store.take(("a", SECOND)))[0]


async def test_keys_do_not_share(store: Store):
    for key in ("a", "b"):
        assert [(await store.take((key, SECOND)))[0] for _ in range(4)] == [True, True, True, False]


async def test_of_several_windows_all_are_taken_or_none(store: Store):
    both = (("a", SECOND), ("b", MINUTE))
    for _ in range(3):
        assert (await store.take(*both))[0]
    allowed, (second, minute) = await store.take(*both)
    assert not allowed
    assert (second.remaining, minute.remaining) == (0, 2)
    assert second.wait > 0
    assert minute.wait == 0


async def test_a_large_limit_at_one_instant_is_exact(store: Store):
    window = Window("large", 1000, 86400)
    verdicts = [(await store.take(("a", window)))[0] for _ in range(1001)]
    assert verdicts == [True] * 1000 + [False]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    limit=st.integers(1, 50),
    seconds=st.sampled_from([1, 7, 60, 86400]),
    pauses=st.lists(st.integers(0, 30_000), min_size=1, max_size=60),
)
async def test_no_window_ever_lets_more_through(store: Store, limit: int, seconds: int, pauses: list[int]):
    """Never more than the limit at one instant, never more than twice that in any window, always what was told."""
    key, window = f"example-{next(_MARKS)}", Window("w", limit, seconds)
    passed = []
    told = None
    for pause in pauses:
        store.now += pause
        allowed, (standing,) = await store.take((key, window))
        if told is not None:
            assert allowed == (pause >= told), "whether one more is let in is what was told"
        if allowed:
            passed.append(store.now)
        told = round(standing.wait * 1000)
        assert 0 <= standing.remaining < limit
    for instant, together in itertools.groupby(passed):
        assert len(list(together)) <= limit, instant
    for start in passed:
        within = sum(1 for instant in passed if start <= instant < start + seconds * 1000)
        assert within <= 2 * limit


@pytest.fixture
async def line(server: RedisServer, lines: Callable[..., Awaitable[Line]]) -> Line:
    return await lines(server.url)


WINDOWS = st.builds(Window, st.just("w"), st.integers(1, 200), st.sampled_from([1, 2, 60, 3600, 86400 * 30]))
CALLS = st.lists(
    st.tuples(st.integers(0, 5_000), st.lists(st.integers(0, 3), min_size=1, max_size=4)), min_size=1, max_size=40
)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(windows=st.lists(WINDOWS, min_size=4, max_size=4), calls=CALLS)
async def test_both_come_to_the_same_verdict(
    line: Line,
    windows: list[Window],
    calls: list[tuple[int, list[int]]],
):
    memory, redis = Store(None), Store(line)
    for pause, chosen in calls:
        memory.now = redis.now = memory.now + pause
        takings = [(f"key-{number}", windows[number]) for number in chosen]
        assert await memory.take(*takings) == await redis.take(*takings)


async def test_case_35_a_flood_of_keys_has_bounded_memory():
    counters = MemoryCounters(lambda: 50.0, most=100)
    for number in range(1000):
        await counters.take(((f"key-{number}", MINUTE),))
    assert len(counters) <= 100


@pytest.mark.parametrize("more", [(), (("another", MINUTE),)], ids=["one window", "two windows"])
async def test_case_35_what_was_regained_goes_first(more: tuple[tuple[str, Window], ...]):
    now = 50.0
    counters = MemoryCounters(lambda: now, most=10)
    for _ in range(5):
        await counters.take((("spender", MINUTE),))
    for number in range(9):
        await counters.take(((f"brief-{number}", SECOND),))
    now += 2
    await counters.take((("one too many", SECOND), *more))
    assert len(counters) == 2 + len(more)
    assert not (await counters.take((("spender", MINUTE),)))[0]


async def test_case_35_a_clock_that_stands_still_or_leaps(store: Store):
    for _ in range(3):
        await store.take(("a", SECOND))
    store.now += 1_000_000_000_000
    _, (standing,) = await store.take(("a", SECOND))
    assert standing.remaining == 2
