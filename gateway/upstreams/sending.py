"""A request's body on its way out: whole with the head where it is small, else piece by piece beside the answer."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp.http import RawResponseMessage
from aiohttp.streams import StreamReader

from gateway.banks.connections import BankProtocol
from gateway.errors import BodyTooLarge
from gateway.exchange import Exchange

_WHOLE_UP_TO = 64 * 1024


class CallerBodyBroken(Exception):
    """The caller's body could not be read to its end; the cause says why, and is not the upstream's."""


async def outgoing_body(exchange: Exchange) -> tuple[str | None, bytes | AsyncIterator[bytes]]:
    """The framing field of the body, and the body: bytes to send with the head, or pieces. Raises BodyTooLarge."""
    request, limit = exchange.request, exchange.route.body_limit
    if not request.has_body:
        framing = None if request.method in {"GET", "HEAD", "OPTIONS", "DELETE"} else "Content-Length: 0"
        return framing, b""
    length = request.headers.get("content-length")
    if length is None:
        return "Transfer-Encoding: chunked", _chunks(_counted(request.stream(), limit))
    if int(length) > limit:
        raise BodyTooLarge
    if int(length) <= _WHOLE_UP_TO:
        return f"Content-Length: {length}", await request.read(limit)
    return f"Content-Length: {length}", _counted(request.stream(), limit)


async def answer_while_sending(
    protocol: BankProtocol, pieces: AsyncIterator[bytes]
) -> tuple[RawResponseMessage, StreamReader, bool]:
    """Feeds the body while waiting for the answer; says at last whether the whole body went out.

    An upstream may answer before it has read everything (413, say): its answer counts, and the rest is not sent.
    Raises what broke the connection, or CallerBodyBroken.
    """
    sending = asyncio.create_task(_feed(protocol, pieces))
    answering = asyncio.create_task(protocol.answer())
    try:
        await asyncio.wait({sending, answering}, return_when=asyncio.FIRST_COMPLETED)
        if sending.done() and not answering.done():
            failure = sending.exception()
            if isinstance(failure, CallerBodyBroken):
                raise failure
        head, stream = await answering
        return head, stream, sending.done() and not sending.cancelled() and sending.exception() is None
    finally:
        sending.cancel()
        answering.cancel()
        await asyncio.gather(sending, answering, return_exceptions=True)


async def _feed(protocol: BankProtocol, pieces: AsyncIterator[bytes]) -> None:
    async for piece in _callers(pieces):
        if protocol.transport is None or protocol.transport.is_closing():
            raise ConnectionResetError("the upstream closed the connection while the body was sent")
        protocol.transport.write(piece)
        await protocol._drain_helper()  # noqa: SLF001 - aiohttp has no public one


async def _callers(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        async for piece in pieces:
            yield piece
    except Exception as failure:
        raise CallerBodyBroken from failure


async def _counted(pieces: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    size = 0
    async for piece in pieces:
        size += len(piece)
        if size > limit:
            raise BodyTooLarge
        yield piece


async def _chunks(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Chunked framing (RFC 9112 section 7.1); an empty piece would end the body, and is passed over."""
    async for piece in pieces:
        if piece:
            yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"
