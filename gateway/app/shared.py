"""What processes count on together: in Redis where the settings name one, else each process by itself."""

import time

from gateway.contract import Clock
from gateway.settings import RedisSettings, Settings
from gateway.store.counters import Counters, MemoryCounters
from gateway.store.redis import Line, Opening, RedisCircuits, RedisCounters, RedisReplays
from gateway.store.replays import MemoryReplays, ReplaySet
from gateway.telemetry.calls import Telemetry


class Shared:
    """To be made in a running loop, opened before calls are taken, and closed. `local_counters` are never shared."""

    def __init__(self, settings: Settings, telemetry: Telemetry, clock: Clock) -> None:
        self.local_counters = MemoryCounters(time.monotonic)
        self.counters: Counters = self.local_counters
        self.replays: ReplaySet = MemoryReplays(lambda: clock().timestamp())
        self.circuits: RedisCircuits | None = None
        self.line: Line | None = None
        if settings.redis is not None:
            self.line = self._line(settings.redis, settings, telemetry)
            self.circuits = RedisCircuits(self.line)
            self.counters = RedisCounters(self.line)
            self.replays = RedisReplays(self.line, lambda: clock().timestamp())

    async def open(self) -> None:
        """Waits for one try to reach what is shared, not for its success: a gateway starts without it, too."""
        if self.line is not None:
            await self.line.open()
        if self.circuits is not None:
            await self.circuits.open()

    async def close(self) -> None:
        """Ends the connection."""
        if self.circuits is not None:
            await self.circuits.close()
        if self.line is not None:
            await self.line.close()

    @property
    def answers(self) -> bool | None:
        """Whether what is shared answers; None where nothing is."""
        return None if self.line is None else self.line.there

    def _line(self, redis: RedisSettings, settings: Settings, telemetry: Telemetry) -> Line:
        return Line(
            Opening(redis, settings.secrets).connection,
            telemetry.metrics,
            telemetry.log,
            prefix=redis.prefix,
            timeout=redis.timeout,
            connect_timeout=redis.connect_timeout,
        )
