"""One listener: an address, TLS where it is set up, and the connections that come in there.

TLS is renewed without a refused connection: a new server begins on a duplicate of the listening socket before the old
one ends, and what waits in the socket's queue is taken by either. A live context is never changed: it would keep the
authorities that were removed, and resume their sessions.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Sequence

import msgspec

from gateway.exchange import Peer
from gateway.settings import Address, Limits, ListenerSettings
from gateway.web.acceptor import Acceptor
from gateway.web.balancer import Balancer
from gateway.web.connection import Attendant, Connection
from gateway.web.connections import Connections
from gateway.web.identity import IdentityKind, peer_of
from gateway.web.tls import Tls
from gateway.web.trust import Trust

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


class Front(msgspec.Struct, frozen=True):
    """What newcomers meet: TLS, None where the listener is plain, and whose word about callers counts."""

    tls: Tls | None = None
    balancer: Balancer | None = None

    def trusts(self) -> list[tuple[str, Trust]]:
        """What judges certificates here, by the part of the settings that says so."""
        parts = (
            ("client_ca", self.tls.trust if self.tls is not None else None),
            ("balancer.client_ca", self.balancer.trust if self.balancer is not None else None),
        )
        return [(part, trust) for part, trust in parts if trust is not None]


class Listener:
    """A door that can be opened, renewed, closed to newcomers, and emptied.

    `sockets` listen already, where another process bound them; they are closed with the listener.
    """

    def __init__(
        self,
        name: str,
        settings: ListenerSettings,
        front: Front,
        attendant: Attendant,
        limits: Limits,
        *,
        sockets: Sequence[socket.socket] = (),
    ) -> None:
        self.name = name
        self.front = front
        self._settings = settings
        self._limits = limits
        self._attendant = attendant
        self._sockets = list(sockets)
        self._connections: Connections | None = None
        self._servers: list[asyncio.Server | Acceptor] = []

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
    def connected(self) -> int:
        """How many connections are open."""
        return self._connections.count if self._connections is not None else 0

    async def open(self) -> None:
        """Begins to take connections. Raises ListenerUnavailable."""
        kind: IdentityKind = self._settings.tls.identity if self._settings.tls is not None else "uri"

        def identify(transport: asyncio.BaseTransport) -> Peer:
            return peer_of(transport, kind)

        if not self._sockets:
            self._sockets = await asyncio.to_thread(bind, self.name, self._settings.address)
        self._connections = Connections(self._attendant, self._limits, identify)
        await self._serve(self._connections)

    async def renew(self, front: Front) -> None:
        """From now on newcomers meet `front`; who is connected is judged by its trust before the next request."""
        self.front = front
        if self._connections is not None and self.listening:
            await self._serve(self._connections)

    async def _serve(self, connections: Connections) -> None:
        tls, balancer = self.front.tls, self.front.balancer
        trust = tls.trust if tls is not None else None
        servers: list[asyncio.Server | Acceptor] = []
        for listening in self._sockets:
            if balancer is not None and balancer.takes_prefaces:
                servers.append(self._accept(connections.judged_by(trust), listening.dup(), balancer))
            else:
                servers.append(await self._listen(connections.judged_by(trust), listening.dup()))
        before, self._servers = self._servers, servers
        connections.judges.trust, connections.judges.balancer = trust, balancer
        for server in before:
            server.close()

    async def _listen(self, protocol: Callable[..., Connection], listening: socket.socket) -> asyncio.Server:
        tls, timeout = self.front.tls, float(self._limits.handshake_timeout)
        return await asyncio.get_running_loop().create_server(
            protocol,
            sock=listening,
            ssl=tls.context if tls is not None else None,
            backlog=_BACKLOG,
            ssl_handshake_timeout=timeout if tls is not None else None,
            ssl_shutdown_timeout=timeout if tls is not None else None,
        )

    def _accept(self, protocol: Callable[..., Connection], listening: socket.socket, balancer: Balancer) -> Acceptor:
        return Acceptor(
            listening,
            protocol,
            balancer.trusts,
            context=self.front.tls.context if self.front.tls is not None else None,
            seconds=float(self._limits.handshake_timeout),
            most=self._limits.connections,
            refused=balancer.refused,
        )

    def answer_for_the_last_time(self) -> None:
        """From now on every answer is its connection's last; connections are still taken."""
        if self._connections is not None:
            self._connections.answer_for_the_last_time()

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
