"""Writes one response to a connection: whole where it is bytes, piece by piece where it is a stream.

Once a head is out there is no second answer: a stream that fails, or does not keep the length it promised, ends with
the connection cut, which no reader takes for a whole answer (RFC 9112 section 8).
"""

from collections.abc import AsyncIterator

from gateway.exchange import Headers, Response
from gateway.web.answers import answer_head
from gateway.web.connection import Connection

_NO_BODY = frozenset({204, 304})


class AnswerCut(Exception):
    """A stream failed after its head was sent; `kind` is a class name, `sent` the bytes that went out before."""

    def __init__(self, kind: str, sent: int) -> None:
        super().__init__(kind)
        self.kind = kind
        self.sent = sent


async def reply(connection: Connection, response: Response, *, method: str, private: bool) -> int:
    """Sends a response and returns the bytes that were written, head included.

    `private` adds `Cache-Control: no-store` where the response has none. Raises CallerGone, AnswerCut, and GatewayFault
    before anything was written. A stream is closed in every case.
    """
    status, headers, body = response.status, response.headers, response.body
    if not isinstance(body, bytes):
        return await _stream(connection, response, body, method=method, private=private)
    close = connection.last_answer()
    if method == "HEAD" or status in _NO_BODY:
        length = len(body) or _declared(headers)
        framing = f"Content-Length: {length}" if length is not None and status != 204 else ""
        content = answer_head(status, headers, framing, close=close, private=private)
    else:
        framing = f"Content-Length: {len(body)}"
        content = answer_head(status, headers, framing, close=close, private=private) + body
    connection.send(content)
    if connection.writing_paused:
        connection.hurry()
        await connection.sent()
    return len(content)


async def _stream(
    connection: Connection, response: Response, body: AsyncIterator[bytes], *, method: str, private: bool
) -> int:
    length = _declared(response.headers)
    try:
        empty = method == "HEAD" or response.status in _NO_BODY
        if length is not None:
            framing = f"Content-Length: {length}" if response.status != 204 else ""
        else:
            framing = "Transfer-Encoding: chunked" if connection.chunks and not empty else ""
            connection.keep &= connection.chunks or empty
        close = connection.last_answer()
        head = answer_head(response.status, response.headers, framing, close=close, private=private)
        connection.send(head)
        sent = len(head)
        if not empty:
            sent += await _pieces(connection, body, length, sent)
        return sent
    finally:
        close_body = getattr(body, "aclose", None)
        if close_body is not None:
            await close_body()


async def _pieces(connection: Connection, body: AsyncIterator[bytes], length: int | None, before: int) -> int:
    chunked = length is None and connection.chunks
    size = 0
    try:
        async for piece in body:
            if not piece:
                continue
            size += len(piece)
            if length is not None and size > length:
                break
            connection.send(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            await connection.sent()
    except BaseException as error:
        # Whatever it is, also a cancellation: the caller must not take what it has for the whole.
        connection.cut()
        if isinstance(error, Exception):
            raise AnswerCut(type(error).__name__, before + size) from error
        raise
    if length is not None and size != length:
        connection.cut()
        raise AnswerCut("LengthBroken", before + size)
    if chunked:
        connection.send(b"0\r\n\r\n")
    return size


def _declared(headers: Headers) -> int | None:
    for name, value in headers:
        if name.lower() == "content-length" and value.isdecimal():
            return int(value)
    return None
