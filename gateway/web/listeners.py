"""One listener: an address, TLS where it is set up, and the connections that come in there."""

import asyncio
import os
import socket
import ssl

from gateway.exchange import Peer
from gateway.settings import Limits, ListenerSettings
from gateway.web.identity import IdentityKind, peer_of
from gateway.web.protocol import Attendant, Connections

_BACKLOG = 1024


class ListenerUnavailable(Exception):
    """An address can not be listened on; the message names it and why."""


class Listener:
    """A door that can be opened, closed to newcomers, and emptied. `context` is None where it is plain."""

    def __init__(
        self,
        name: str,
        settings: ListenerSettings,
        context: ssl.SSLContext | None,
        attendant: Attendant,
        limits: Limits,
    ) -> None:
        self.name = name
        self._settings = settings
        self._context = context
        self._limits = limits
        self._attendant = attendant
        self._connections: Connections | None = None
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port that is listened on, also where any free one was asked for."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def listening(self) -> bool:
        """Whether new connections are taken."""
        return self._server is not None and self._server.is_serving()

    async def open(self) -> None:
        """Begins to take connections. Raises ListenerUnavailable."""
        kind: IdentityKind = self._settings.tls.identity if self._settings.tls is not None else "uri"

        def identify(transport: asyncio.BaseTransport) -> Peer:
            return peer_of(transport, kind)

        address = self._settings.address
        self._connections = Connections(self._attendant, self._limits, identify)
        timeout = float(self._limits.handshake_timeout) if self._context is not None else None
        try:
            self._server = await asyncio.get_running_loop().create_server(
                self._connections,
                address.host,
                address.port,
                ssl=self._context,
                backlog=_BACKLOG,
                ssl_handshake_timeout=timeout,
                ssl_shutdown_timeout=timeout,
            )
        except OSError as error:
            told = "the host has no address" if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
            raise ListenerUnavailable(f"listeners.{self.name}: {address} can not be listened on: {told}") from None

    def answer_for_the_last_time(self) -> None:
        """From now on every answer is its connection's last; connections are still taken."""
        if self._connections is not None:
            self._connections.draining = True

    def take_no_more(self) -> None:
        """Closes the listening socket and the connections that wait for a next request."""
        if self._server is not None:
            self._server.close()
        if self._connections is not None:
            self._connections.close_idle()

    async def empty(self, seconds: float) -> int:
        """Waits for the calls in flight, cuts what is left then, and says how many connections that were."""
        if self._connections is None:
            return 0
        ends = asyncio.get_running_loop().time() + seconds
        while serving := self._connections.serving:
            left = ends - asyncio.get_running_loop().time()
            if left <= 0:
                break
            await asyncio.wait(serving, timeout=left)
        return await self._connections.cut_all()
