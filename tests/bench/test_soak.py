"""What the soak calls explained, and flat."""

import pytest

from tests.bench.soak import _explained, _flat

NOTHING, BANK, REDIS, WORKER = (frozenset(one) for one in ((), ("bank",), ("redis",), ("worker",)))


@pytest.mark.parametrize(
    ("told", "faults", "explained"),
    [
        ("503 bank_unreachable", BANK, True),
        ("503 overloaded", BANK, True),
        ("503 overloaded", WORKER, True),
        ("ConnectionResetError", WORKER, True),
        ("503 bank_unreachable", WORKER, False),
        ("ConnectionResetError", BANK, False),
        ("503 overloaded", REDIS, False),
        ("503 store_unavailable", REDIS, False),
        ("500 gateway_fault", BANK | WORKER, False),
        ("503 overloaded", NOTHING, False),
    ],
)
def test_a_fault_explains_what_comes_of_it_and_nothing_else(told, faults, explained):
    assert _explained(told, faults) is explained


def test_memory_is_compared_by_whole_rounds_after_two_of_warm_up():
    rounds = [megabytes * 1_000_000 for megabytes in (50, 90, 100, 103, 106)]
    memory = [held for held in rounds for _ in range(10)] + [900_000_000] * 3  # a round that was not ended
    assert _flat(memory, [0, 10, 20, 30, 40, 50]) == {"rounds_mb": [50, 90, 100, 103, 106], "growth": 0.06}
    assert _flat(memory, [0, 10, 20, 30])["growth"] is None
