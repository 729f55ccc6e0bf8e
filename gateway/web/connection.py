"""One connection from its beginning to its end: our own loop over aiohttp's parser, and one timer.

`RequestHandler.start` is replaced: requests of a connection are attended one after another in one task, without
aiohttp's request and response objects. As to what is not public of aiohttp, see `gateway.web.incoming`.
"""

import asyncio
import contextlib
from typing import Protocol

from aiohttp import web
from aiohttp.helpers import set_exception
from aiohttp.http import HttpVersion11, RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestPayloadError, _ErrInfo

from gateway.errors import BodyTooSlow, GatewayError, Overloaded
from gateway.reading import read_through
from gateway.web.admission import admit
from gateway.web.bodies import Body, CallerGone
from gateway.web.callers import Caller
from gateway.web.incoming import Incoming, Terms

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


class Connection(Incoming):
    """One connection. `peer` is who the request comes from; `overdue` says that the deadline cancelled the handler."""

    __slots__ = ("_attendant", "_caller", "chunks", "overdue", "peer", "serving")

    def __init__(self, server: web.Server, attendant: Attendant, terms: Terms, caller: Caller) -> None:
        super().__init__(server, terms)
        self._attendant = attendant
        self._caller = caller
        self.chunks = True
        self.overdue = False
        self.serving: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A TCP connection, or one whose TLS handshake is over."""
        super().connection_made(transport)
        read_through(transport, self, self._terms.buffer)
        self._caller.connected(transport)
        self.peer = self._caller.own
        self.serving = self._task_handler
        self._alarm.set_in(self._terms.limits.header_timeout, self.cut)
        assert self._manager is not None
        if len(self._manager._connections) > self._terms.limits.connections:  # noqa: SLF001 - aiohttp's own copies it
            self._refuse_now(Overloaded("The listener has as many connections as it takes."))

    def connection_lost(self, exc: BaseException | None) -> None:
        """The end, from either side; a handler goes on, since what it began at a bank must be known to the end."""
        if self._payload is not None:
            set_exception(self._payload, ConnectionResetError("connection lost"))
        super().connection_lost(exc)
        self._alarm.end()
        self._caller.gone()

    async def start(self) -> None:
        """Attends to requests until the connection ends."""
        try:
            await self._attend_all()
            await self._finish()
        finally:
            if self.transport is None:
                self._alarm.end()
            else:
                self._alarm.set_in(self._terms.limits.write_timeout, self.cut)
                self.transport.close()

    async def _attend_all(self) -> None:
        attendant, terms, loop = self._attendant, self._terms, self._loop
        caller = self._caller
        while not self._force_close:
            if not self._messages:
                if terms.closed:
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
                await attendant.refuse(self._refusal, self)
                break
            if caller.may_differ:
                refusal, self.peer = caller.refusal(message), caller.peer
                if refusal is not None:
                    self.keep = False
                    await attendant.refuse(refusal, self)
                    break
            self.chunks = message.version == HttpVersion11
            self.keep = self.chunks and not message.should_close and not message.upgrade
            self._chunked = message.chunked
            await attendant.attend(message, payload, self)
            if self._chunked:
                self._forget_trailers()
            if not self.keep:
                break
            self._payload = None
            limits = terms.limits
            self._alarm.set_in(limits.header_timeout if self._head_bytes else limits.idle_timeout, self.cut)

    @property
    def idle(self) -> bool:
        """Whether it waits for a request of which nothing has come yet."""
        return self._waiter is not None and not self._messages and not self._head_bytes

    def admitted(self, message: RawRequestMessage, payload: StreamReader) -> Body:
        """The body of a request whose head has one reading. Raises as `admit` does; such a request is the last."""
        keep, self.keep = self.keep, False
        body = admit(message, payload, self.invite, self._terms.header_bytes, self._terms.pace)
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
        payload = self._payload
        unread = payload is not None and not payload.is_eof()
        if unread or self._terms.draining or self._caller.outdated or (self._chunked and self._more_came()):
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
            before = self._alarm.no_later(self._loop.time() + self._terms.limits.write_timeout, self.cut)
            try:
                await self._drain_helper()
            except ConnectionError:
                raise CallerGone from None
            self._alarm.set(*before)

    def hurry(self) -> None:
        """From now on the caller, not a handler, is waited for."""
        self._alarm.set_in(self._terms.limits.write_timeout, self.cut)

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

    def _late(self) -> None:
        self.overdue = True
        assert self.serving is not None
        self.serving.cancel()
