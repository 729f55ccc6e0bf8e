"""Shared counters: windows of a rate limit, taken all together or not at all, behind one interface for every store.

A window is kept by GCRA (ITU-T I.371 annex A, virtual scheduling): what its key owes, no timer, no burst at a window's
edge. A taking owes one length of the window, and each millisecond pays as much as the limit is; with both counted in
these units nothing is ever rounded, so that every store comes to the same verdict. What an attacker names is never a
key: filters build keys from verified values only, and the number is bounded.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec


class Window(msgspec.Struct, frozen=True):
    """At most `limit` takings in any `seconds`, regained evenly; `policy` is its name in a RateLimit-Policy header."""

    policy: str
    limit: int
    seconds: int


class Standing(msgspec.Struct, frozen=True, gc=False):
    """Where a window stands after a taking (or its refusal).

    `remaining` takings are left; `wait` is the seconds until one more is (0 while some remain); `full` the seconds
    until the whole quota is there again. Both are whole milliseconds, rounded up.
    """

    remaining: int
    wait: float
    full: float


class Counters(Protocol):
    """Counts for all processes that share it; N replicas together never let more through than one would."""

    async def take(self, takings: Sequence[tuple[str, Window]]) -> tuple[bool, tuple[Standing, ...]]:
        """Takes one from every (key, window), or from none when any of them is spent; standings in the same order.

        Raises StoreUnavailable where what is shared can not be asked.
        """
        ...


class MemoryCounters:
    """Counters of one process. `monotonic` answers seconds; at most `most` keys are held.

    When full, keys that regained their whole quota go first: forgetting those changes nothing. Only if none has, the
    longest untouched go, which favours their callers.
    """

    def __init__(self, monotonic: Callable[[], float], most: int = 100_000) -> None:
        self._monotonic = monotonic
        self._most = most
        # Key -> when nothing is owed any more, in milliseconds times the limit, and that limit.
        self._regained: dict[str, tuple[int, int]] = {}

    def __len__(self) -> int:
        """How many keys are held."""
        return len(self._regained)

    async def take(self, takings: Sequence[tuple[str, Window]]) -> tuple[bool, tuple[Standing, ...]]:
        """See Counters.take."""
        now = int(self._monotonic() * 1000)
        held = self._regained
        if len(takings) == 1:
            # The usual case, and on the way of nearly every call: what follows, without its lists.
            ((key, window),) = takings
            limit, cost = window.limit, window.seconds * 1000
            instant = now * limit
            before = held.pop(key, None)
            if before is None or before[0] <= instant:
                owes = cost
            else:
                owes = before[0] - instant + cost
                if owes > cost * limit:
                    held[key] = before
                    return False, (standing(owes - cost, window),)
            held[key] = (instant + owes, limit)
            if len(held) > self._most:
                self._forget(now)
            return True, (standing(owes, window),)
        debts = []
        allowed = True
        for key, window in takings:
            limit, cost = window.limit, window.seconds * 1000
            instant = now * limit
            before = held.get(key)
            owes = cost if before is None or before[0] <= instant else before[0] - instant + cost
            allowed = allowed and owes <= cost * limit
            debts.append(owes)
        standings = []
        for (key, window), owes in zip(takings, debts, strict=True):
            if not allowed:
                standings.append(standing(owes - window.seconds * 1000, window))
                continue
            # Popped first, so that the dict stays in the order of the last touch.
            held.pop(key, None)
            held[key] = (now * window.limit + owes, window.limit)
            standings.append(standing(owes, window))
        if len(held) > self._most:
            self._forget(now)
        return allowed, tuple(standings)

    def _forget(self, now: int) -> None:
        for key in [key for key, (regained, limit) in self._regained.items() if regained <= now * limit]:
            del self._regained[key]
        surplus = len(self._regained) - self._most
        if surplus > 0:
            # A tenth at once, so that a flood does not pay for a scan at every new key.
            for key in list(self._regained)[: surplus + self._most // 10]:
                del self._regained[key]


def standing(owed: int, window: Window) -> Standing:
    """Where a window stands whose key owes so much: milliseconds times the limit."""
    limit, cost = window.limit, window.seconds * 1000
    spare = cost * limit - owed
    if spare >= cost:
        return Standing(spare // cost, 0.0, -(-owed // limit) / 1000)
    return Standing(0, -((spare - cost) // limit) / 1000, -(-owed // limit) / 1000)
