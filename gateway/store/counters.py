"""Shared counters: windows of a rate limit, taken all together or not at all, behind one interface for every store.

A window is kept by GCRA (ITU-T I.371 annex A, virtual scheduling): one instant a key, no timer, no burst at a window's
edge. What an attacker names is never a key: filters build keys from verified values only, and the number is bounded.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

_TOLERANCE = 1e-6
"""Of one interval: keeps the last of `limit` takings at one instant from falling to rounding."""


class Window(msgspec.Struct, frozen=True):
    """At most `limit` takings in any `seconds`, regained evenly; `policy` is its name in a RateLimit-Policy header."""

    policy: str
    limit: int
    seconds: float


class Standing(msgspec.Struct, frozen=True, gc=False):
    """Where a window stands after a taking (or its refusal).

    `remaining` takings are left; `wait` is the seconds until one more is (0 while some remain); `full` the seconds
    until the whole quota is there again.
    """

    remaining: int
    wait: float
    full: float


class Counters(Protocol):
    """Counts for all processes that share it; N replicas together never let more through than one would."""

    async def take(self, takings: Sequence[tuple[str, Window]]) -> tuple[bool, tuple[Standing, ...]]:
        """Takes one from every (key, window), or from none when any of them is spent; standings in the same order."""
        ...


class MemoryCounters:
    """Counters of one process. `monotonic` answers seconds; at most `most` keys are held.

    When full, keys that regained their whole quota go first: forgetting those changes nothing. Only if none has, the
    longest untouched go, which favours their callers.
    """

    def __init__(self, monotonic: Callable[[], float], most: int = 100_000) -> None:
        self._monotonic = monotonic
        self._most = most
        self._regained_at: dict[str, float] = {}

    def __len__(self) -> int:
        """How many keys are held."""
        return len(self._regained_at)

    async def take(self, takings: Sequence[tuple[str, Window]]) -> tuple[bool, tuple[Standing, ...]]:
        """See Counters.take."""
        now = self._monotonic()
        held = self._regained_at
        after = []
        for key, window in takings:
            owed = held.get(key, 0.0) - now
            interval = window.seconds / window.limit
            owes = owed + interval if owed > 0 else interval
            if owes > window.seconds + interval * _TOLERANCE:
                return False, tuple(_standing(held.get(key, 0.0) - now, window) for key, window in takings)
            after.append(owes)
        for (key, _), owes in zip(takings, after, strict=True):
            # Popped first, so that the dict stays in the order of the last touch.
            held.pop(key, None)
            held[key] = now + owes
        if len(held) > self._most:
            self._forget(now)
        return True, tuple([_standing(owes, window) for (_, window), owes in zip(takings, after, strict=True)])

    def _forget(self, now: float) -> None:
        for key in [key for key, regained_at in self._regained_at.items() if regained_at <= now]:
            del self._regained_at[key]
        surplus = len(self._regained_at) - self._most
        if surplus > 0:
            # A tenth at once, so that a flood does not pay for a scan at every new key.
            for key in list(self._regained_at)[: surplus + self._most // 10]:
                del self._regained_at[key]


def _standing(owed: float, window: Window) -> Standing:
    """Where a window stands that needs `owed` seconds to regain its whole quota."""
    if owed <= 0:
        return Standing(window.limit, 0.0, 0.0)
    interval = window.seconds / window.limit
    remaining = int((window.seconds - owed) / interval + _TOLERANCE)
    if remaining > 0:
        return Standing(remaining, 0.0, owed)
    return Standing(0, max(0.0, owed + interval - window.seconds), owed)
