"""Rate limits that all processes share: the very counting of `MemoryCounters`, done by one script in Redis.

Time is the server's, so that a gateway whose clock is wrong makes no difference. Of all windows of a call all are taken
or none, in one step. All counters have one hash tag: windows of one call may be of a tenant, of a bank and of a route,
each shared with other calls, so that no smaller set would always lie together in a cluster.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

from gateway.store.counters import Standing, Window, standing
from gateway.store.redis.line import Line, Script

SERVER_TIME = "local clock = redis.call('TIME'); local now = clock[1] * 1000 + math.floor(clock[2] / 1000)"
TAKE = """
local owed, allowed, stale = {}, 1, false
for number, held in ipairs(redis.call('MGET', unpack(KEYS))) do
  local limit, cost = tonumber(ARGV[2 * number - 1]), tonumber(ARGV[2 * number])
  local owes = 0
  if held then
    local at, owed_then = string.match(held, '^(%d+) (%d+)$')
    local passed = now - at
    -- The server's clock was set back: what is owed is owed from now, else nothing would be regained for as long.
    if passed < 0 then passed = 0; stale = true end
    owes = math.max(0, owed_then - passed * limit)
  end
  if owes + cost > cost * limit then allowed = 0 end
  owed[number] = owes
end
for number, key in ipairs(KEYS) do
  local limit, cost = tonumber(ARGV[2 * number - 1]), tonumber(ARGV[2 * number])
  owed[number] = owed[number] + allowed * cost
  if (allowed == 1 or stale) and owed[number] > 0 then
    local paid_after = math.ceil(owed[number] / limit)
    redis.call('SET', key, string.format('%.0f %.0f', now, owed[number]), 'PX', string.format('%.0f', paid_after))
  end
  owed[number] = string.format('%.0f', owed[number])
end
return allowed .. ' ' .. table.concat(owed, ' ')
"""
_DIGEST_BYTES = 16


class RedisCounters:
    """Counters of all processes with one Redis and one prefix.

    Exact while limit times seconds is below 9 * 10**12, where a double of Lua still holds every unit.
    """

    def __init__(self, line: Line, clock: str = SERVER_TIME) -> None:
        self._line = line
        self._prefix = f"{line.prefix}:{{limits}}:"
        self._script = Script("take", clock + TAKE)

    async def take(self, takings: Sequence[tuple[str, Window]]) -> tuple[bool, tuple[Standing, ...]]:
        """See Counters.take."""
        keys = [self._prefix + _digest(key) for key, _ in takings]
        figures = [figure for _, window in takings for figure in (window.limit, window.seconds * 1000)]
        answer: Any = await self._line.run(self._script, keys, figures)
        allowed, *owed = answer.split()
        standings = [standing(int(owes), window) for owes, (_, window) in zip(owed, takings, strict=True)]
        return allowed == b"1", tuple(standings)


def _digest(key: str) -> str:
    """A key holds names of tenants and consents: the store is given a BLAKE2b (RFC 7693) of it, in hex."""
    return hashlib.blake2b(key.encode(), digest_size=_DIGEST_BYTES).hexdigest()
