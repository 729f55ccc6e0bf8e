"""Connections to a bank: aiohttp's connector and its parser of answers, without the session around them.

The session's part of a request (building it, redirects, cookies, a silent second try) is either refused here or costs
more than all the rest: measured, 110 to 130 µs a request with it and 50 to 60 without. The attributes of aiohttp that
are used are not all public; its minor version is pinned, and the tests go over real sockets.

Stricter than aiohttp: bytes that nobody asked for close the connection (an answer kept in the pool would go to the next
customer), interim answers are counted, all that comes before a body is bounded, an answer says in one way how long it
is, and a broken connection always fails the body that is being read.
"""

import asyncio
import functools
import math
import ssl
from collections import deque
from typing import cast

from aiohttp import ClientTimeout, SocketTimeoutError, TCPConnector
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from aiohttp.helpers import _EXC_SENTINEL
from aiohttp.http import HttpVersion11, RawResponseMessage
from aiohttp.http_exceptions import BadHttpMessage
from aiohttp.streams import StreamReader
from yarl import URL

from gateway.alarm import Alarm
from gateway.banks.destinations import CheckedResolver
from gateway.banks.origins import Origin
from gateway.errors import BankNonsense
from gateway.files.hosts import Network
from gateway.reading import BUFFER_BYTES, read_through

_KEEP_IDLE = 30.0
_REMEMBER_NAMES = 30
_MOST_INTERIM = 8
_MOST_HEADER_BYTES = 16 * 1024
_MOST_HEADERS = 128
_MOST_BEFORE_BODY = 64 * 1024
_MOST_DIGITS = 18  # more do not fit into the 64 bits of other readers
_READ_AHEAD = 256 * 1024
# aiohttp rounds longer timeouts up to whole seconds, past our deadlines.
_NEVER_ROUND = 1e9


class BankProtocol(ResponseHandler):
    """One connection: it takes one answer for one request, and nothing else."""

    _interim = 0
    _before_body = 0
    _most = 0
    _asked = _headless = False

    def __init__(self, loop: asyncio.AbstractEventLoop, buffer: bytearray) -> None:
        super().__init__(loop)
        self._incoming = buffer
        self._alarm = Alarm(loop, self.expire)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A TCP connection, or one whose TLS handshake is over."""
        super().connection_made(transport)
        read_through(transport, self, self._incoming)

    def connection_lost(self, exc: BaseException | None) -> None:
        """The end, from either side."""
        self._alarm.end()
        super().connection_lost(exc)

    def close(self) -> None:
        """Ends it, also in the midst of an answer that is waited for no longer."""
        self._alarm.end()
        super().close()

    def ask(self, request: bytes, *, head_only: bool, most: int = 0) -> bool:
        """Sends a whole request and expects its answer; `head_only` for an answer without a body (HEAD).

        With `most`, the bytes that a body may have, it is to be read by `whole`. Answers True when bytes may have left.
        Raises OSError when the connection was gone already.
        """
        if self.transport is None or self.transport.is_closing():
            raise ConnectionResetError("the connection was closed before anything was sent")
        self._interim = self._before_body = 0
        self._most = most
        self._asked = self._headless = True
        self.set_response_params(
            skip_payload=head_only,
            read_until_eof=True,
            auto_decompress=False,
            read_bufsize=max(most, _READ_AHEAD),
            max_line_size=_MOST_HEADER_BYTES,
            max_field_size=_MOST_HEADER_BYTES,
            max_headers=_MOST_HEADERS,
        )
        self.transport.write(request)
        return True

    async def answer(self) -> tuple[RawResponseMessage, StreamReader]:
        """The head of the final answer, and its body to be read. Raises what broke the connection."""
        while True:
            message, body = await self.read()
            if 200 <= message.code < 600:
                _check_framing(message)
                return message, body
            # Nobody asked for an upgrade (101), and RFC 9110 section 15 knows no status above 599.
            if message.code == 101 or message.code >= 600:
                raise BadHttpMessage("an answer with a status that nobody asked for")

    async def whole(self, body: StreamReader) -> bytes:
        """A body once all of it is there, in one wait instead of one for every piece that comes.

        Raises what broke the connection, and BankNonsense for a body beyond the `most` that was asked with.
        """
        if not body.is_eof():
            broken = body.exception()
            if broken is not None:
                raise broken
            await body.wait_eof()
        content = body.read_nowait()
        if len(content) > self._most:
            raise _too_large()
        return content

    def expect_by(self, when: float) -> None:
        """From a time of the loop's clock on, whoever waits on this connection fails; until `settled`."""
        self._alarm.set(when, self.expire)

    def settled(self) -> None:
        """The answer was read to its end."""
        self._asked = False
        self._alarm.set(math.inf, self.expire)

    def expire(self) -> None:
        """The time for the answer is over: whoever waits on this connection fails."""
        self.set_exception(SocketTimeoutError("the time for the answer is over"))

    def data_received(self, data: bytes) -> None:
        """Refuses what comes when nothing is outstanding, and a head, or heads, without end."""
        if self._asked:
            super().data_received(data)
            if self._headless:
                self._before_body += len(data)
                if self._before_body > _MOST_BEFORE_BODY:
                    self._give_up(BadHttpMessage("a head without end"))
            elif self._most and self._payload is not None and self._payload.total_bytes > self._most:
                self._give_up(_too_large())
        elif self.transport is not None:
            self.transport.abort()

    def resume_reading(self, resume_parser: bool = True) -> None:  # noqa: FBT001, FBT002 # aiohttp's signature
        """Does what aiohttp does after every read only where something was paused."""
        if self._reading_paused:
            super().resume_reading(resume_parser)

    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], size: int = 0) -> None:
        """Counts interim answers: a flood of them would feed a queue without end."""
        if data[0].code < 200:
            self._interim += 1
            if self._interim > _MOST_INTERIM:
                self._give_up(BadHttpMessage("too many interim answers"))
                return
        elif self._interim > _MOST_INTERIM:
            return  # it came together with the flood
        else:
            self._headless = False
        super().feed_data(data, size)

    def set_exception(self, exc: BaseException, exc_cause: BaseException = _EXC_SENTINEL) -> None:
        """Fails the body that is being read too: aiohttp leaves its reader waiting where chunks are malformed."""
        body = self._payload
        super().set_exception(exc, exc_cause)
        if body is not None and not body.is_eof() and body.exception() is None:
            body.set_exception(exc)

    def pause_reading(self) -> None:
        """What is to be read whole is not read in pieces: only chunks without end fill the buffer before `most`."""
        if self._most:
            self._give_up(BadHttpMessage("more chunks than bytes are worth"))
        else:
            super().pause_reading()

    def _give_up(self, error: Exception) -> None:
        self.set_exception(error)
        if self.transport is not None:
            self.transport.abort()


class Line:
    """The way to one origin of a bank, and the pool of its open connections.

    The pool is our own, since the connector's own costs several times as much; to the connector every connection is one
    in use, and it closes them all when it is closed.
    """

    def __init__(self, connector: TCPConnector, origin: Origin, context: ssl.SSLContext, within: float) -> None:
        self.origin = origin
        self._connector = connector
        self._within = within
        self._loop = asyncio.get_running_loop()
        self._idle: deque[tuple[Connection, float]] = deque()
        self._sweep: asyncio.TimerHandle | None = None
        self._usual = ClientTimeout(total=None, connect=within, ceil_threshold=_NEVER_ROUND)
        # What the connector reads of a request is its origin: one object serves them all.
        self._asking = ClientRequest("GET", URL(origin.prefix), ssl=context, loop=self._loop, response_class=None)

    async def connect(self, left: float) -> Connection:
        """A connection from the pool, or a new one within the connect timeout and the seconds that are left."""
        while self._idle:
            connection, since = self._idle.pop()
            protocol = connection.protocol
            if protocol is not None and protocol.is_connected() and self._loop.time() - since < _KEEP_IDLE:
                return connection
            connection.close()
        timeout = self._usual if left >= self._within else ClientTimeout(connect=left, ceil_threshold=_NEVER_ROUND)
        return await self._connector.connect(self._asking, traces=[], timeout=timeout)

    def free(self, connection: Connection) -> None:
        """Takes back a connection whose answer was read to its end; it is closed where the answer was its last."""
        protocol = connection.protocol
        if protocol is None or protocol.should_close:
            connection.close()
            return
        self._idle.append((connection, self._loop.time()))
        if self._sweep is None:
            self._sweep = self._loop.call_later(_KEEP_IDLE, self._close_idle)

    def close(self) -> None:
        """Closes what is idle; to be called before the connector is closed."""
        if self._sweep is not None:
            self._sweep.cancel()
        while self._idle:
            self._idle.pop()[0].close()

    def _close_idle(self) -> None:
        self._sweep, oldest = None, self._loop.time() - _KEEP_IDLE
        while self._idle and self._idle[0][1] <= oldest:
            self._idle.popleft()[0].close()
        if self._idle:
            self._sweep = self._loop.call_at(self._idle[0][1] + _KEEP_IDLE, self._close_idle)


def _check_framing(message: RawResponseMessage) -> None:
    """Raises BadHttpMessage where an answer has two readings: the parser is lenient with answers, and reads on.

    RFC 9112 sections 6.1 and 6.3: one length or chunks alone, no chunks in HTTP/1.0; section 5.1: no space in a name
    (`Transfer-Encoding : chunked` is obeyed by the parser, but is no Transfer-Encoding to whom it would go on).
    """
    headers = message.headers
    if message.chunked or "Transfer-Encoding" in headers:
        codings = ", ".join(headers.getall("Transfer-Encoding", ())).lower()
        if codings != "chunked" or message.version != HttpVersion11 or "Content-Length" in headers:
            raise BadHttpMessage("an answer in a transfer coding that is not chunks alone")
    else:
        lengths = headers.getall("Content-Length", ())
        if len(lengths) > 1 or (lengths and len(lengths[0]) > _MOST_DIGITS):
            raise BadHttpMessage("an answer with two lengths, or one that no reader can count to")


def _too_large() -> BankNonsense:
    return BankNonsense("The bank's answer is larger than the bank's file allows.")


def build_connector(network: Network) -> TCPConnector:
    """The connector of one bank; to be made in a running loop. `network` says where names may lead to.

    The number of connections is bounded by the bank's concurrency limit, not here.
    """
    connector = TCPConnector(
        limit=0,
        ttl_dns_cache=_REMEMBER_NAMES,
        resolver=CheckedResolver(network),
        timeout_ceil_threshold=_NEVER_ROUND,
    )
    factory = functools.partial(BankProtocol, asyncio.get_running_loop(), bytearray(BUFFER_BYTES))
    connector._factory = cast("functools.partial[ResponseHandler]", factory)  # noqa: SLF001 # no public way in
    return connector
