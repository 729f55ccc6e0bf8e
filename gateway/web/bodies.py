"""A request's body: read or streamed once, counted against its limit, never decompressed.

The declared length is checked before the first byte is read; `100 Continue` is sent when a handler begins to read, so
that a caller who would be refused does not send its body at all (RFC 9110 section 10.1.1). A body that comes slower
than its pace is given up; only time in which the caller alone is waited for counts.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from typing import TypeAlias

import msgspec
from aiohttp.http_exceptions import BadHttpMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestPayloadError

from gateway.alarm import Alarm
from gateway.errors import BodyTooLarge, BodyTooSlow, RequestInvalid


class CallerGone(Exception):
    """The caller closed the connection before the call was over; there is nobody left to answer."""


class Pace(msgspec.Struct, frozen=True):
    """How slowly bodies may come: `grace` seconds of waiting are free, for each one more `rate` bytes must be there."""

    rate: int
    grace: float


class NoBody:
    """The body of a request that has none: one for all of them."""

    exists = False

    async def read(self, _limit: int) -> bytes:
        """Nothing."""
        return b""

    async def stream(self) -> AsyncIterator[bytes]:
        """Nothing."""
        return
        yield b""

    def bound(self, _limit: int) -> None:
        """There is nothing to bound."""


class StreamedBody:
    """A body that comes over the wire."""

    exists = True

    def __init__(
        self, payload: StreamReader, length: int | None, invite: Callable[[], None] | None, pace: Pace
    ) -> None:
        """`length` is Content-Length, None for chunked; `invite` sends 100 Continue, None where none is waited for."""
        self._payload = payload
        self._length = length
        self._invite = invite
        self._pace = pace
        self._limit = 0
        self._begun = False

    def bound(self, limit: int) -> None:
        """Sets the most bytes that `stream` hands out."""
        self._limit = limit

    async def read(self, limit: int) -> bytes:
        """All of it. Raises BodyTooLarge, BodyTooSlow, RequestInvalid for broken chunks, CallerGone."""
        pieces = [piece async for piece in self._pieces(limit)]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def stream(self) -> AsyncIterator[bytes]:
        """In pieces as they come. Raises as `read` does, after what was within the limit was handed out."""
        return self._pieces(self._limit)

    async def _pieces(self, limit: int) -> AsyncIterator[bytes]:
        if self._begun:
            raise RuntimeError("a request's body is read once")
        self._begun = True
        if self._length is not None and self._length > limit:
            raise BodyTooLarge(f"At most {limit} bytes are taken.")
        if self._invite is not None and not self._payload.is_eof():
            self._invite()
        size, payload, patience = 0, self._payload, None
        while True:
            try:
                if payload.total_bytes > size or payload.is_eof():
                    piece = await payload.readany()
                else:
                    patience = patience or _Patience(payload, self._pace)
                    piece = await patience.wait(size)
            except (RequestPayloadError, BadHttpMessage):
                raise RequestInvalid("The body's chunks are not as RFC 9112 section 7.1 writes them.") from None
            except ConnectionError:
                raise CallerGone from None
            if not piece:
                return
            size += len(piece)
            if size > limit:
                raise BodyTooLarge(f"At most {limit} bytes are taken.")
            yield piece


class _Patience:
    """What is left of a body's time: it grows with what came, and shrinks while the caller is waited for."""

    def __init__(self, payload: StreamReader, pace: Pace) -> None:
        self._loop = asyncio.get_running_loop()
        self._alarm = Alarm(self._loop, self._give_up)
        self._payload = payload
        self._pace = pace
        self._waited = 0.0

    async def wait(self, size: int) -> bytes:
        """The next piece, after `size` bytes. Raises BodyTooSlow, and as the payload does."""
        began = self._loop.time()
        self._alarm.set(began - self._waited + self._pace.grace + size / self._pace.rate, self._give_up)
        try:
            return await self._payload.readany()
        finally:
            self._waited += self._loop.time() - began
            self._alarm.set(math.inf, self._give_up)

    def _give_up(self) -> None:
        self._payload.set_exception(BodyTooSlow())


Body: TypeAlias = NoBody | StreamedBody
NO_BODY = NoBody()
