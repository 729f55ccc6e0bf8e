"""The way to the Redis that processes share: one connection, kept by a task, so that no call ever waits for a new one.

    away ──connected, and it takes writes──▶ there ──late, broken, or refusing──▶ away

Whoever asks while it is away is refused at once; an answer that is late by `timeout` ends the connection, so that a
dead Redis costs the calls of one such time, not each call its own. It is looked at every second even if nobody asks.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import NoScriptError
from structlog.typing import FilteringBoundLogger

from gateway.errors import StoreUnavailable
from gateway.secrets import CertificateUnusable, SecretUnreadable
from gateway.store.redis.session import Lost, Session
from gateway.store.redis.translation import FOREIGN, word_for

_BEAT = 1.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
_PROBE_MILLISECONDS = 1000


class Meter(Protocol):
    """What counts how the store fares; telemetry's metrics are one."""

    def store(self, *, there: bool) -> None:
        """It answers from now on, or does no more."""
        ...

    def store_failed(self, reason: str) -> None:
        """A connection could not be made, or ended, for this reason (a word of ours)."""
        ...

    def store_asked(self, operation: str, seconds: float) -> None:
        """An operation was answered."""
        ...


class Script:
    """A Lua script that is known to the server by the SHA-1 of its source; `operation` is its name in metrics."""

    def __init__(self, operation: str, source: str) -> None:
        self.operation = operation
        self.source = source
        self.sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()


class Line:
    """To be made in a running loop. `connect` makes a connection, `prefix` begins the names of all keys.

    `timeout` and `connect_timeout` are in seconds: for an answer, and for a new connection with its first answer.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[AbstractConnection]],
        meter: Meter,
        log: FilteringBoundLogger,
        *,
        prefix: str,
        timeout: float,
        connect_timeout: float,
    ) -> None:
        self.prefix = prefix
        self._connect = connect
        self._meter = meter
        self._log = log
        self._timeout, self._connect_timeout = timeout, connect_timeout
        self._loop = asyncio.get_running_loop()
        self._session: Session | None = None
        self._away_since: float | None = None
        self._tried = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None

    @property
    def there(self) -> bool:
        """Whether it answers."""
        return self._session is not None and not self._session.lost.done()

    async def open(self) -> None:
        """Begins; returns after the first try to connect, whatever came of it."""
        self._meter.store(there=False)
        self._keeping = asyncio.create_task(self._keep())
        await self._tried.wait()

    async def close(self) -> None:
        """Ends the connection and makes no more."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)

    async def run(self, script: Script, keys: Sequence[str], arguments: Sequence[str | int]) -> Any:
        """What the script answers; its keys must share a hash tag. Raises StoreUnavailable.

        Never sent twice, except to a server that did not know the script and so has done nothing.
        """
        try:
            return await self.ask(script.operation, "EVALSHA", script.sha, len(keys), *keys, *arguments)
        except NoScriptError:
            return await self.ask(script.operation, "EVAL", script.source, len(keys), *keys, *arguments)

    async def ask(self, operation: str, *command: str | bytes | int) -> Any:
        """What one command answers; `operation` is its name in metrics. Raises StoreUnavailable, and NoScriptError."""
        session = self._session
        if session is None:
            raise _unavailable()
        begun = self._loop.time()
        try:
            answer = await session.ask(command)
        except NoScriptError:
            raise
        except Lost:
            raise _unavailable() from None
        except FOREIGN as error:
            # Read-only after a failover, full, without permission: it will say so to everybody.
            session.lose(word_for(error))
            raise _unavailable() from None
        self._meter.store_asked(operation, self._loop.time() - begun)
        return answer

    async def _keep(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                session = await self._begin()
            except (*FOREIGN, Lost, SecretUnreadable, CertificateUnusable) as error:
                self._is_away(str(error) if isinstance(error, Lost) else word_for(error))
            else:
                pause = _FIRST_PAUSE
                try:
                    self._is_there(session)
                    await self._look_after(session)
                finally:
                    self._session = None
                    await session.close()
                self._is_away(session.lost.result())
            self._tried.set()
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _begin(self) -> Session:
        async with asyncio.timeout(self._connect_timeout):
            session = Session(await self._connect(), self._connect_timeout)
            try:
                # One that only reads, or has no room, would fail at the first call.
                await session.ask(("SET", f"{self.prefix}:probe", 1, "PX", _PROBE_MILLISECONDS))
            except BaseException:
                await session.close()
                raise
        session.hasten(self._timeout)
        return session

    async def _look_after(self, session: Session) -> None:
        """Returns when the session is lost."""
        while not session.lost.done():
            await asyncio.wait([session.lost], timeout=_BEAT)
            try:
                await session.ask(("PING",))
            except (*FOREIGN, Lost) as error:
                session.lose(word_for(error))

    def _is_there(self, session: Session) -> None:
        self._session = session
        self._meter.store(there=True)
        away = None if self._away_since is None else round(self._loop.time() - self._away_since, 3)
        self._away_since = None
        self._log.info("redis answers", away_seconds=away)
        self._tried.set()

    def _is_away(self, word: str) -> None:
        self._meter.store_failed(word)
        if self._away_since is None:
            self._away_since = self._loop.time()
            self._meter.store(there=False)
            self._log.warning("redis is away: what is said of its absence holds", reason=word)


def _unavailable() -> StoreUnavailable:
    return StoreUnavailable(headers=(("Retry-After", "1"),))
