"""What may come once, remembered for as long as it would still be taken: signatures, proofs, nonces.

The key is a digest of what was verified, so nobody fills a set without a good signature; all the same its size is
bounded. A full set forgets nothing that still counts: it refuses what is new, since a replay let through could not be
told from a first call.
"""

import heapq
from collections.abc import Callable
from typing import Protocol

from gateway.errors import Overloaded


class ReplaySet(Protocol):
    """One memory for all processes that share it."""

    async def seen(self, key: bytes, until: float) -> bool:
        """Whether the key was here before; it is kept from now `until` that instant (epoch seconds), in one step.

        Raises Overloaded when whether it was can not be told: no room, or nobody to ask.
        """
        ...


class MemoryReplays:
    """The replay set of one process. `now` answers epoch seconds; at most `most` keys are held."""

    def __init__(self, now: Callable[[], float], most: int = 100_000) -> None:
        self._now = now
        self._most = most
        self._until: dict[bytes, float] = {}
        self._ending: list[tuple[float, bytes]] = []

    def __len__(self) -> int:
        """How many keys are held."""
        return len(self._until)

    async def seen(self, key: bytes, until: float) -> bool:
        """See ReplaySet.seen."""
        now, held, ending = self._now(), self._until, self._ending
        while ending and ending[0][0] < now:
            del held[heapq.heappop(ending)[1]]
        if key in held:
            return True
        if len(held) >= self._most:
            raise Overloaded("Too many signed calls are remembered at the moment.", headers=(("Retry-After", "1"),))
        held[key] = until
        heapq.heappush(ending, (until, key))
        return False
