"""What may come once, at any of the processes: one key each, set only where it is not there yet, in one step."""

import hashlib
from collections.abc import Callable

from gateway.store.redis.line import Line

_DIGEST_BYTES = 16
_CLOCKS_APART = 60.0
"""Seconds that a key is kept longer: another gateway's clock may be so far behind ours, and take for longer."""


class RedisReplays:
    """The replay set of all processes with one Redis and one prefix. `now` answers epoch seconds.

    Its size is bounded by what the server is given: it must refuse writes when it is full, not evict (`noeviction`).
    """

    def __init__(self, line: Line, now: Callable[[], float]) -> None:
        self._line = line
        self._now = now

    async def seen(self, key: bytes, until: float) -> bool:
        """See ReplaySet.seen. Raises StoreUnavailable: what can not be remembered must not be taken."""
        name = f"{self._line.prefix}:once:{hashlib.blake2b(key, digest_size=_DIGEST_BYTES).hexdigest()}"
        milliseconds = max(1, round((until - self._now() + _CLOCKS_APART) * 1000))
        return await self._line.ask("seen", "SET", name, 1, "NX", "PX", milliseconds) is None
