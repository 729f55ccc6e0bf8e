import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.store.counters import MemoryCounters, Window

SECOND = Window("second", 3, 1.0)
MINUTE = Window("minute", 5, 60.0)


class Hand:
    """A clock that a test moves."""

    now = 50.0

    def __call__(self):
        return self.now


@pytest.fixture
def hand():
    return Hand()


async def test_a_window_is_spent_and_regained_evenly(hand):
    counters = MemoryCounters(hand)
    outcomes = [await counters.take((("a", SECOND),)) for _ in range(4)]
    assert [allowed for allowed, _ in outcomes] == [True, True, True, False]
    assert [standing.remaining for _, (standing,) in outcomes] == [2, 1, 0, 0]
    refused = outcomes[3][1][0]
    assert refused.wait == pytest.approx(1 / 3)
    assert refused.full == pytest.approx(1.0)
    hand.now += refused.wait
    assert (await counters.take((("a", SECOND),)))[0]
    assert not (await counters.take((("a", SECOND),)))[0]


async def test_keys_do_not_share(hand):
    counters = MemoryCounters(hand)
    for key in ("a", "b"):
        assert [(await counters.take(((key, SECOND),)))[0] for _ in range(4)] == [True, True, True, False]


async def test_of_several_windows_all_are_taken_or_none(hand):
    counters = MemoryCounters(hand)
    both = (("a", SECOND), ("b", MINUTE))
    for _ in range(3):
        assert (await counters.take(both))[0]
    allowed, (second, minute) = await counters.take(both)
    assert not allowed
    assert (second.remaining, minute.remaining) == (0, 2)
    assert second.wait > 0
    assert minute.wait == 0


@settings(max_examples=200)
@given(
    limit=st.integers(1, 50),
    seconds=st.sampled_from([1.0, 7.0, 60.0, 86400.0]),
    pauses=st.lists(st.floats(0, 30, allow_nan=False), min_size=1, max_size=150),
)
async def test_no_window_ever_lets_more_through(limit, seconds, pauses):
    """Never more than the limit at one instant, never more than twice that in any window, always what was told."""
    hand = Hand()
    counters, window = MemoryCounters(hand), Window("w", limit, seconds)
    passed = []
    told = None
    for pause in pauses:
        hand.now += pause
        allowed, (standing,) = await counters.take((("a", window),))
        if told is not None:
            assert allowed or pause < told + 1e-6, "it let nobody in after the wait that it told"
        if allowed:
            passed.append(hand.now)
        told = standing.wait
        assert 0 <= standing.remaining < limit
    for instant, together in itertools.groupby(passed):
        assert len(list(together)) <= limit, instant
    for start in passed:
        within = sum(1 for instant in passed if start <= instant < start + seconds)
        assert within <= 2 * limit


async def test_case_35_a_flood_of_keys_has_bounded_memory(hand):
    counters = MemoryCounters(hand, most=100)
    for number in range(1000):
        await counters.take(((f"key-{number}", MINUTE),))
    assert len(counters) <= 100


async def test_case_35_what_was_regained_goes_first(hand):
    counters = MemoryCounters(hand, most=10)
    for _ in range(5):
        await counters.take((("spender", MINUTE),))
    for number in range(9):
        await counters.take(((f"brief-{number}", SECOND),))
    hand.now += 2
    await counters.take((("one too many", SECOND),))
    assert len(counters) == 2
    assert not (await counters.take((("spender", MINUTE),)))[0]


async def test_case_35_a_clock_that_stands_still_or_leaps(hand):
    counters = MemoryCounters(hand)
    for _ in range(3):
        await counters.take((("a", SECOND),))
    hand.now += 1e9
    _, (standing,) = await counters.take((("a", SECOND),))
    assert standing.remaining == 2
