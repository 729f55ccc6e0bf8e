"""One connection: aiohttp's parser and flow control, our own loop, timers and refusals.

`RequestHandler.start` is replaced: requests of a connection are attended one after another in one task, without
aiohttp's request and response objects, and what the parser can not read becomes a refusal that quotes nothing. This
leans on attributes of aiohttp 3.14 that are not public (`_messages`, `_waiter`, `_parser`...): the minor is pinned.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Protocol

from aiohttp import web
from aiohttp.helpers import set_exception
from aiohttp.http import HttpRequestParser, HttpVersion11, RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web_protocol import RequestHandler, RequestPayloadError, _ErrInfo

from gateway.alarm import Alarm
from gateway.errors import (
    BodyTooSlow,
    GatewayError,
    HeadersTooLarge,
    Overloaded,
    PathRefused,
    RequestInvalid,
)
from gateway.exchange import Peer
from gateway.reading import BUFFER_BYTES, read_through
from gateway.settings import Limits
from gateway.web.admission import admit
from gateway.web.bodies import Body, CallerGone, Pace
from gateway.web.callers import Caller, Judges
from gateway.web.refusals import TARGET_BYTES, refusal_of
from gateway.web.trust import Trust

_LINGER_SECONDS = 2.0
_LINGER_BYTES = 8 * 1024 * 1024


class Attendant(Protocol):
    """Who answers the requests of a listener's connections; nothing but CancelledError may leave either method."""

    async def attend(self, message: RawRequestMessage, payload: StreamReader, connection: "Connection") -> None:
        """Answers a request through `connection`."""
        ...

    async def refuse(self, error: GatewayError, connection: "Connection") -> None:
        """Answers what was no request."""
        ...


class Connections(web.Server):
    """All connections of one listener, and what they share. `identify` reads the peer of a new one.

    While `draining`, every answer is its connection's last; once `closed`, no connection waits for a request. `judges`
    say who calls; their trust and balancer may change at any time.
    """

    def __init__(self, attendant: Attendant, limits: Limits, identify: Callable[[asyncio.BaseTransport], Peer]) -> None:
        super().__init__(attendant.attend)  # type: ignore[arg-type] # never called by aiohttp: `start` is ours
        self.attendant = attendant
        self.limits = limits
        self.header_bytes = int(limits.header_bytes)
        self.pace = Pace(int(limits.body_rate), limits.header_timeout)
        self.judges = Judges(identify)
        self.draining = self.closed = False
        self.buffer = bytearray(BUFFER_BYTES)
        self._parsing: dict[str, Any] = {
            "auto_decompress": False,
            "max_line_size": TARGET_BYTES,
            "max_field_size": self.header_bytes,
            "max_headers": limits.headers,
        }
        self.options: dict[str, Any] = {
            "loop": self._loop,
            "access_log": None,
            "keepalive_timeout": 0,
            **self._parsing,
        }

    def judged_by(self, trust: Trust | None) -> Callable[..., "Connection"]:
        """What makes a protocol for a new connection of a server whose handshakes are judged by `trust`."""
        return lambda preface=None: Connection(self, Caller(self.judges, trust, preface))

    def parser(self, connection: "Connection") -> HttpRequestParser:
        """A parser that has seen nothing, as aiohttp makes one for a new connection."""
        return HttpRequestParser(
            connection,
            self._loop,
            connection._read_bufsize,  # noqa: SLF001 - what aiohttp chose
            payload_exception=RequestPayloadError,
            max_msg_queue_size=connection._max_msg_queue_size,  # noqa: SLF001 - as above
            **self._parsing,
        )

    @property
    def serving(self) -> set["asyncio.Task[None]"]:
        """The tasks of connections that are open, and of those whose caller is gone while the call still lasts."""
        return {one.serving for one in self._open() if one.serving is not None and not one.serving.done()}

    @property
    def count(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    def close_idle(self) -> None:
        """Closes the connections that wait for a next request; none will wait from now on."""
        self.draining = self.closed = True
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

    def _open(self) -> list["Connection"]:
        return [connection for connection in self.connections if isinstance(connection, Connection)]


class Connection(RequestHandler):
    """One connection. `peer` is who the request comes from; `overdue` says that the deadline cancelled the handler."""

    __slots__ = (
        "_alarm",
        "_caller",
        "_chunked",
        "_chunks_end",
        "_door",
        "_flooded",
        "_head_bytes",
        "_payload",
        "_refusal",
        "chunks",
        "keep",
        "overdue",
        "peer",
        "serving",
    )

    def __init__(self, door: Connections, caller: Caller) -> None:
        super().__init__(door, **door.options)
        self._door = door
        self._caller = caller
        self._alarm = Alarm(self._loop, self.cut)
        self._head_bytes = 0
        self._flooded = False
        self._chunked = False
        self._chunks_end = b""
        self._payload: StreamReader | None = None
        self._refusal: GatewayError = RequestInvalid()
        self.chunks = self.keep = True
        self.overdue = False
        self.serving: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A TCP connection, or one whose TLS handshake is over."""
        super().connection_made(transport)
        read_through(transport, self, self._door.buffer)
        self._caller.connected(transport)
        self.peer = self._caller.own
        self.serving = self._task_handler
        self._alarm.set_in(self._door.limits.header_timeout, self.cut)
        if len(self._door._connections) > self._door.limits.connections:  # noqa: SLF001 - aiohttp's own copies it
            self._refuse_now(Overloaded("The listener has as many connections as it takes."))

    def connection_lost(self, exc: BaseException | None) -> None:
        """The end, from either side; a handler goes on, since what it began at a bank must be known to the end."""
        if self._payload is not None:
            set_exception(self._payload, ConnectionResetError("connection lost"))
        super().connection_lost(exc)
        self._alarm.end()
        self._caller.gone()

    def data_received(self, data: bytes) -> None:
        """Bytes for the parser; what it can not read becomes a refusal."""
        if self._close:
            return
        payload = self._payload
        between = not self._messages and (payload is None or payload.is_eof())
        super().data_received(data)
        if self._messages:
            first = self._messages[-1][0]
            if isinstance(first, _ErrInfo):
                self._unreadable(first.exc, data)
            elif first.chunked:
                self._chunks_end = (self._chunks_end + data)[-4:]
            self._head_bytes = 0
            return
        if self._chunked:
            self._chunks_end = (self._chunks_end + data)[-4:]
        if between and data:
            if payload is None and not self._head_bytes:
                self._alarm.set_in(self._door.limits.header_timeout, self.cut)
            self._head_bytes += len(data)
            if self._head_bytes > self._door.header_bytes + TARGET_BYTES:
                self._flooded = True
                self._refuse_now(HeadersTooLarge(f"At most {self._door.header_bytes} bytes are taken."))

    async def start(self) -> None:
        """Attends to requests until the connection ends."""
        try:
            await self._attend_all()
            await self._finish()
        finally:
            if self.transport is None:
                self._alarm.end()
            else:
                self._alarm.set_in(self._door.limits.write_timeout, self.cut)
                self.transport.close()

    async def _attend_all(self) -> None:
        door, loop = self._door, self._loop
        caller = self._caller
        while not self._force_close:
            if not self._messages:
                if door.closed:
                    break
                self._waiter = loop.create_future()
                try:
                    await self._waiter
                finally:
                    self._waiter = None
            message, payload = self._messages.popleft()
            if self._parser is not None:
                self._parser.message_consumed()
            if self._buffer_paused and len(self._messages) <= self._msg_queue_resume_size:
                self._resume_reading_if_drained()
            self._payload = payload
            if isinstance(message, _ErrInfo):
                self.peer, self.keep = caller.own, False
                await door.attendant.refuse(self._refusal, self)
                break
            if caller.may_differ:
                refusal, self.peer = caller.refusal(message), caller.peer
                if refusal is not None:
                    self.keep = False
                    await door.attendant.refuse(refusal, self)
                    break
            self.chunks = message.version == HttpVersion11
            self.keep = self.chunks and not message.should_close and not message.upgrade
            self._chunked = message.chunked
            await door.attendant.attend(message, payload, self)
            if self._chunked:
                self._forget_trailers()
            if not self.keep:
                break
            self._payload = None
            limits = door.limits
            self._alarm.set_in(limits.header_timeout if self._head_bytes else limits.idle_timeout, self.cut)

    @property
    def idle(self) -> bool:
        """Whether it waits for a request of which nothing has come yet."""
        return self._waiter is not None and not self._messages and not self._head_bytes

    def admitted(self, message: RawRequestMessage, payload: StreamReader) -> Body:
        """The body of a request whose head has one reading. Raises as `admit` does; such a request is the last."""
        keep, self.keep = self.keep, False
        body = admit(message, payload, self.invite, self._door.header_bytes, self._door.pace)
        self.keep = keep
        return body

    def expect_by(self, deadline: float) -> None:
        """Cancels the handler at a time of the loop's clock, setting `overdue`; see `recovered`."""
        self._alarm.set(deadline, self._late)

    def now(self) -> float:
        """The loop's clock."""
        return self._loop.time()

    @property
    def being_cut(self) -> bool:
        """Whether the task itself was cancelled, rather than something that it waited for."""
        return self.serving is None or self.serving.cancelling() > 0

    def recovered(self) -> None:
        """The handler's cancellation was seen and its cause is told to the caller: the task goes on."""
        self.overdue = False
        assert self.serving is not None
        self.serving.uncancel()

    def last_answer(self) -> bool:
        """Whether the answer that begins now is the connection's last: a body that nobody read leaves no next head."""
        door, payload = self._door, self._payload
        unread = payload is not None and not payload.is_eof()
        if unread or door.draining or self._caller.outdated or (self._chunked and self._more_came()):
            self.keep = False
        return not self.keep

    def invite(self) -> None:
        """Sends `100 Continue` (RFC 9110 section 15.2.1)."""
        self.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def send(self, content: bytes) -> None:
        """Gives bytes to the transport. Raises CallerGone where there is none any more."""
        if self.transport is None or self.transport.is_closing():
            raise CallerGone
        self.transport.write(content)

    async def sent(self) -> None:
        """Waits until the caller has taken most of what was sent; a caller that does not is cut off in time."""
        if self._paused:
            before = self._alarm.no_later(self._loop.time() + self._door.limits.write_timeout, self.cut)
            try:
                await self._drain_helper()
            except ConnectionError:
                raise CallerGone from None
            self._alarm.set(*before)

    def hurry(self) -> None:
        """From now on the caller, not a handler, is waited for."""
        self._alarm.set_in(self._door.limits.write_timeout, self.cut)

    def cut(self) -> None:
        """Ends the connection at once; what was not sent is lost, and the caller sees that."""
        transport = self.transport
        self.force_close()
        if transport is not None:
            transport.abort()

    async def _finish(self) -> None:
        """Reads on for a moment before the end, since unread bytes would reset the connection under the answer."""
        payload, size = self._payload, 0
        if self._force_close:
            return
        if self.transport is not None and self.transport.get_write_buffer_size():
            self.transport.set_write_buffer_limits(0)
            self.hurry()
            with contextlib.suppress(CallerGone):
                await self.sent()
        if payload is None or self._force_close:
            return
        self._alarm.set_in(_LINGER_SECONDS, self.cut)
        if self._flooded:
            self._close = True  # what comes is thrown away
            self._waiter = self._loop.create_future()
            await self._waiter  # until the connection is lost or cut, which cancels it
        try:
            while not payload.is_eof() and size < _LINGER_BYTES:
                size += len(await payload.readany())
        except (RequestPayloadError, BodyTooSlow, ConnectionError):
            pass

    def _more_came(self) -> bool:
        """Whether anything follows a request in chunks, even the beginning of a head."""
        return bool(self._messages) or self._chunks_end != b"\r\n\r\n"

    def _forget_trailers(self) -> None:
        """Begins a new parser after a request in chunks: aiohttp's puts a trailer field into the next head.

        Where a proxy lets callers share connections, it would be one caller's field in another's request. What has
        come already was read by the old parser, so that it can not be kept (RFC 9112 section 7.1.2).
        """
        if self._more_came():
            self.keep = False
        elif self.keep and self._parser is not None:
            self._parser = self._door.parser(self)
        self._chunked, self._chunks_end = False, b""

    def _unreadable(self, error: BaseException, received: bytes) -> None:
        """What the parser could not read: the rest of a body, whose reader is told, or a head."""
        if self._payload is not None and not self._payload.is_eof():
            self._messages.pop()
            self.keep = False
            set_exception(self._payload, RequestPayloadError())
            return
        self._refusal = refusal_of(error, received)
        self._flooded = isinstance(self._refusal, HeadersTooLarge | PathRefused)

    def _refuse_now(self, error: GatewayError) -> None:
        """Refuses what is not a whole head: the task that waits for one is given the refusal."""
        self._refusal = error
        self._close = True  # nothing more is parsed
        self._messages.append((_ErrInfo(error.status, error, ""), EMPTY_PAYLOAD))
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _late(self) -> None:
        self.overdue = True
        assert self.serving is not None
        self.serving.cancel()
