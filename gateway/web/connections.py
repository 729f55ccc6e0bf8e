"""All connections of one listener: how each begins, how many there are, and how they end together."""

import asyncio
from collections.abc import Callable

from aiohttp import web

from gateway.exchange import Peer
from gateway.settings import Limits
from gateway.web.callers import Caller, Judges
from gateway.web.connection import Attendant, Connection
from gateway.web.incoming import Terms
from gateway.web.trust import Trust


class Connections(web.Server):
    """The connections of one listener, attended by one `attendant`. `identify` reads the peer of a new one.

    `judges` say who calls; their trust and balancer may change at any time.
    """

    def __init__(self, attendant: Attendant, limits: Limits, identify: Callable[[asyncio.BaseTransport], Peer]) -> None:
        super().__init__(attendant.attend)  # type: ignore[arg-type] # never called by aiohttp: `start` is ours
        self.judges = Judges(identify)
        self._attendant = attendant
        self._terms = Terms(limits)

    def judged_by(self, trust: Trust | None) -> Callable[..., Connection]:
        """What makes a protocol for a new connection of a server whose handshakes are judged by `trust`."""
        return lambda preface=None: Connection(self, self._attendant, self._terms, Caller(self.judges, trust, preface))

    @property
    def serving(self) -> set["asyncio.Task[None]"]:
        """The tasks of connections that are open, and of those whose caller is gone while the call still lasts."""
        return {one.serving for one in self._open() if one.serving is not None and not one.serving.done()}

    @property
    def count(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    def answer_for_the_last_time(self) -> None:
        """From now on every answer is its connection's last."""
        self._terms.draining = True

    def close_idle(self) -> None:
        """Closes the connections that wait for a next request; none will wait from now on."""
        self._terms.draining = self._terms.closed = True
        for connection in self._open():
            if connection.idle:
                connection.force_close()

    async def cut_all(self) -> int:
        """Ends all connections at once and waits until that is done. Returns how many they were."""
        left = self._open()
        tasks = self.serving
        for connection in left:
            connection.cut()
            if connection.serving is not None:
                connection.serving.cancel()
        if tasks:
            await asyncio.wait(tasks)
        return len(tasks)

    def _open(self) -> list[Connection]:
        return [connection for connection in self.connections if isinstance(connection, Connection)]
