"""Takes connections of which some begin with the PROXY protocol, before the TLS handshake.

A balancer's connections (known by their address, never by their bytes) all begin with it; all others must not. What
stands before TLS is read from the socket to the byte, so that the handshake finds its first byte where it expects it.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable

from gateway.web.proxy_protocol import HEAD_BYTES, Preface, PrefaceRefused, length_of, read_preface

_PAUSE_SECONDS = 0.1


class Acceptor:
    """Accepts on a listening socket, which it owns, until it is closed; begun in a running loop.

    `protocol` is called with `preface`; `trusts` says of an address whether it is a balancer's; `seconds` bound preface
    and handshake alike, `most` the connections that are on their way; `refused` is told of a preface that is not taken.
    """

    def __init__(
        self,
        listening: socket.socket,
        protocol: Callable[..., asyncio.BaseProtocol],
        trusts: Callable[[str], bool],
        *,
        context: ssl.SSLContext | None,
        seconds: float,
        most: int,
        refused: Callable[[], None],
    ) -> None:
        self._listening = listening
        self._listening.setblocking(False)
        self._protocol = protocol
        self._trusts = trusts
        self._context = context
        self._seconds = seconds
        self._refused = refused
        self._most = most
        self._beginning: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._later: asyncio.TimerHandle | None = None
        self._waiting = self._closed = False
        self._wait()

    def is_serving(self) -> bool:
        """Whether connections are accepted."""
        return not self._closed

    def close(self) -> None:
        """Accepts no more; what was accepted goes on."""
        self._closed = True
        if self._later is not None:
            self._later.cancel()
        self._pause()
        self._listening.close()

    def _wait(self) -> None:
        if not self._closed and not self._waiting:
            self._loop.add_reader(self._listening, self._accept)
            self._waiting = True

    def _pause(self) -> None:
        if self._waiting:
            self._loop.remove_reader(self._listening)
            self._waiting = False

    def _accept(self) -> None:
        """Takes all that wait. Not a coroutine: one that is cancelled could lose what it had just accepted."""
        try:
            while len(self._beginning) < self._most:
                connection, address = self._listening.accept()
                connection.setblocking(False)
                task = asyncio.create_task(self._begin(connection, str(address[0])))
                self._beginning.add(task)
                task.add_done_callback(self._begun)
        except BlockingIOError:
            return
        except OSError:  # no more descriptors
            self._later = self._loop.call_later(_PAUSE_SECONDS, self._wait)
        self._pause()

    def _begun(self, task: asyncio.Task[None]) -> None:
        self._beginning.discard(task)
        if self._later is None or self._later.cancelled() or self._later.when() <= self._loop.time():
            self._wait()

    async def _begin(self, connection: socket.socket, address: str) -> None:
        try:
            preface = await self._preface(connection) if self._trusts(address) else None
        except (PrefaceRefused, TimeoutError):
            self._refused()
            connection.close()
            return
        except (EOFError, OSError):  # gone before it said anything whole: a look whether the port is open
            connection.close()
            return
        except BaseException:
            connection.close()
            raise
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A handshake that fails has been counted, and told the caller, by then.
        with contextlib.suppress(OSError, ssl.SSLError, TimeoutError):
            await self._loop.connect_accepted_socket(
                lambda: self._protocol(preface=preface),
                connection,
                ssl=self._context,
                ssl_handshake_timeout=self._seconds if self._context is not None else None,
                ssl_shutdown_timeout=self._seconds if self._context is not None else None,
            )

    async def _preface(self, connection: socket.socket) -> Preface:
        async with asyncio.timeout(self._seconds):
            head = await _exactly(connection, HEAD_BYTES)
            return read_preface(head, await _exactly(connection, length_of(head)))


async def _exactly(connection: socket.socket, length: int) -> bytes:
    """So many bytes and not one more. Raises EOFError where the connection ends before."""
    received = bytearray()
    while len(received) < length:
        some = await asyncio.get_running_loop().sock_recv(connection, length - len(received))
        if not some:
            raise EOFError
        received += some
    return bytes(received)
