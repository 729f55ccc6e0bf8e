"""What processes share through Redis (6.2 or newer, or Valkey): counts, what came once, which banks are left alone.

Keys hold digests, never what an outsider named; each expires by itself; those of one operation share a hash tag, so
that a cluster keeps them together. No call waits longer than the settings' `timeout`; none waits for one that is away.
"""

from gateway.store.redis.circuits import RedisCircuits
from gateway.store.redis.counters import RedisCounters
from gateway.store.redis.line import Line
from gateway.store.redis.opening import Opening
from gateway.store.redis.replays import RedisReplays

__all__ = ["Line", "Opening", "RedisCircuits", "RedisCounters", "RedisReplays"]
