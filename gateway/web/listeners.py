"""One listener: an address, TLS where it is set up, and the connections that come in there.

TLS is renewed without a refused connection: a new server begins on a duplicate of the listening socket before the old
one ends, and what waits in the socket's queue is taken by either. A live context is never changed: it would keep the
authorities that were removed, and resume their sessions.
"""

import asyncio
import os
import socket
from collections.abc import Sequence

from gateway.exchange import Peer
from gateway.settings import Address, Limits, ListenerSettings
from gateway.web.identity import IdentityKind, peer_of
from gateway.web.protocol import Attendant, Connections
from gateway.web.tls import Tls

_BACKLOG = 1024


class ListenerUnavailable(Exception):
    """An address can not be listened on; the message names it and why."""


def bind(name: str, address: Address) -> list[socket.socket]:
    """Sockets that listen on every address of the host. Asks the resolver. Raises ListenerUnavailable."""
    bound: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _type, _protocol, _name, where in dict.fromkeys(found):
            bound.append(socket.create_server(where[:2], family=family, backlog=_BACKLOG))
    except OSError as error:
        for one in bound:
            one.close()
        told = "the host has no address" if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        raise ListenerUnavailable(f"listeners.{name}: {address} can not be listened on: {told}") from None
    return bound


class Listener:
    """A door that can be opened, renewed, closed to newcomers, and emptied. `tls` is None where it is plain.

    `sockets` listen already, where another process bound them; they are closed with the listener.
    """

    def __init__(
        self,
        name: str,
        settings: ListenerSettings,
        tls: Tls | None,
        attendant: Attendant,
        limits: Limits,
        *,
        sockets: Sequence[socket.socket] = (),
    ) -> None:
        self.name = name
        self._settings = settings
        self._tls = tls
        self._limits = limits
        self._attendant = attendant
        self._sockets = list(sockets)
        self._connections: Connections | None = None
        self._servers: list[asyncio.Server] = []

    @property
    def port(self) -> int:
        """The port that is listened on, also where any free one was asked for."""
        port: int = self._sockets[0].getsockname()[1]
        return port

    @property
    def listening(self) -> bool:
        """Whether new connections are taken."""
        return any(server.is_serving() for server in self._servers)

    @property
    def tls(self) -> Tls | None:
        """What newcomers meet."""
        return self._tls

    async def open(self) -> None:
        """Begins to take connections. Raises ListenerUnavailable."""
        kind: IdentityKind = self._settings.tls.identity if self._settings.tls is not None else "uri"

        def identify(transport: asyncio.BaseTransport) -> Peer:
            return peer_of(transport, kind)

        if not self._sockets:
            self._sockets = await asyncio.to_thread(bind, self.name, self._settings.address)
        self._connections = Connections(self._attendant, self._limits, identify)
        await self._serve(self._connections, self._tls)

    async def renew(self, tls: Tls) -> None:
        """From now on newcomers meet `tls`; who is connected is judged by its trust before the next request."""
        self._tls = tls
        if self._connections is not None and self.listening:
            await self._serve(self._connections, tls)

    async def _serve(self, connections: Connections, tls: Tls | None) -> None:
        trust = tls.trust if tls is not None else None
        timeout = float(self._limits.handshake_timeout) if tls is not None else None
        before, servers = self._servers, []
        for listening in self._sockets:
            server = await asyncio.get_running_loop().create_server(
                connections.judged_by(trust),
                sock=listening.dup(),
                ssl=tls.context if tls is not None else None,
                backlog=_BACKLOG,
                ssl_handshake_timeout=timeout,
                ssl_shutdown_timeout=timeout,
            )
            servers.append(server)
        self._servers, connections.trust = servers, trust
        for server in before:
            server.close()

    def answer_for_the_last_time(self) -> None:
        """From now on every answer is its connection's last; connections are still taken."""
        if self._connections is not None:
            self._connections.draining = True

    def take_no_more(self) -> None:
        """Closes the listening socket and the connections that wait for a next request."""
        for server in self._servers:
            server.close()
        for listening in self._sockets:
            listening.close()
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
