"""One response to one connection: framed so that every reader ends it at the same byte, or cut so that all see it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.errors import UpstreamTimedOut
from gateway.exchange import Exchange, Headers, Response
from tests.web.conftest import Calls, Log, Serve, Wire, request


class Pieces:
    """A stream that keeps whether it was closed; an exception among the pieces is raised in its turn."""

    def __init__(self, *pieces: bytes | BaseException, forever: bool = False) -> None:
        self._pieces = list(pieces)
        self._forever = forever
        self.closed = asyncio.Event()
        self.given = 0

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._forever:
            self.given += 1
            await asyncio.sleep(0)
            return b"x" * 65536
        if not self._pieces:
            raise StopAsyncIteration
        piece = self._pieces.pop(0)
        if isinstance(piece, BaseException):
            raise piece
        return piece

    async def aclose(self) -> None:
        self.closed.set()


def answering(calls: Calls, body: bytes | Pieces, *headers: tuple[str, str], status: int = 200) -> None:
    async def answer(_exchange: Exchange) -> Response:
        return Response(status, headers, body)

    calls.handler = answer


async def test_a_stream_without_a_length_goes_out_in_chunks(wire: Wire, calls: Calls):
    pieces = Pieces(b"one", b"", b"two")
    answering(calls, pieces)
    answer = await wire.get("/plain")
    assert (answer.body, answer.headers["transfer-encoding"]) == (b"onetwo", "chunked")
    assert "content-length" not in answer.headers
    assert pieces.closed.is_set()
    answering(calls, b"next")
    assert (await wire.get("/plain")).body == b"next"


async def test_a_stream_with_a_length_keeps_it(wire: Wire, calls: Calls):
    answering(calls, Pieces(b"one", b"two"), ("Content-Length", "6"))
    answer = await wire.get("/plain")
    assert (answer.body, answer.headers["content-length"]) == (b"onetwo", "6")
    assert "transfer-encoding" not in answer.headers


async def test_to_http_1_0_a_stream_ends_with_the_connection(wire: Wire, calls: Calls):
    answering(calls, Pieces(b"one", b"two"))
    answer = await wire.ask("GET /plain HTTP/1.0\r\n\r\n")
    assert (answer.body, answer.closing) == (b"onetwo", True)
    assert "transfer-encoding" not in answer.headers


@pytest.mark.parametrize(
    ("pieces", "headers", "kind"),
    [
        ((b"one", ValueError("canary")), (), "ValueError"),
        ((b"one", UpstreamTimedOut()), (), "UpstreamTimedOut"),
        ((b"one",), (("Content-Length", "6"),), "LengthBroken"),
        ((b"one", b"twothree"), (("Content-Length", "6"),), "LengthBroken"),
    ],
)
async def test_a_stream_that_breaks_is_cut_and_nobody_is_answered_twice(
    pieces: tuple[bytes | BaseException, ...], headers: Headers, kind: str, wire: Wire, calls: Calls, log: Log
):
    stream = Pieces(*pieces)
    answering(calls, stream, *headers)
    wire.say(request("GET", "/plain"))
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await wire.answer()
    assert stream.closed.is_set()
    line = await log.line(event="call", status=200, error=kind)
    assert line["sent"] > 0
    assert b"canary" not in log.getvalue()


async def test_a_stream_that_does_not_end_is_cut_at_the_deadline(wire: Wire, calls: Calls, log: Log):
    class Stuck(Pieces):
        async def __anext__(self) -> bytes:
            await asyncio.Event().wait()
            raise AssertionError

    stream = Stuck()
    calls.timeout = 0.2
    answering(calls, stream)
    wire.say(request("GET", "/plain"))
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await wire.answer()
    assert stream.closed.is_set()
    await log.line(event="call", status=200, error="DeadlineExceeded")


async def test_a_stream_stops_when_its_reader_is_gone(serve: Serve, calls: Calls, log: Log):
    stream = Pieces(forever=True)
    answering(calls, stream)
    wire = await (await serve()).connect()
    wire.say(request("GET", "/plain"))
    await wire.reader.readexactly(100_000)
    wire.writer.transport.abort()
    async with asyncio.timeout(10):
        await stream.closed.wait()
    await log.line(event="call", status=200)


async def test_a_slow_reader_slows_the_stream(serve: Serve, calls: Calls):
    stream = Pieces(forever=True)
    answering(calls, stream)
    wire = await (await serve()).connect(small_buffers=True)
    wire.say(request("GET", "/plain"))
    await wire.reader.readexactly(1000)
    await asyncio.sleep(0.3)
    assert stream.given < 500  # 32 MB: what the kernel's buffers take, not what could be made


async def test_head_is_answered_with_the_head_of_get(wire: Wire, calls: Calls):
    answering(calls, b"twelve bytes")
    wire.say(request("HEAD", "/plain"))
    answer = await wire.answer(to_head=True)
    assert answer.headers["content-length"] == "12"
    stream = Pieces(b"never")
    answering(calls, stream, ("Content-Length", "600"))
    wire.say(request("HEAD", "/plain"))
    assert (await wire.answer(to_head=True)).headers["content-length"] == "600"
    assert stream.closed.is_set()
    answering(calls, b"", ("Content-Length", "700"))
    wire.say(request("HEAD", "/plain"))
    assert (await wire.answer(to_head=True)).headers["content-length"] == "700"
    answering(calls, b"next")
    assert (await wire.get("/plain")).body == b"next"


@pytest.mark.parametrize("body", [b"", b"wrong"])
async def test_an_answer_that_has_no_body_gets_none(body: bytes, wire: Wire, calls: Calls):
    answering(calls, body, status=204)
    answer = await wire.get("/plain")
    assert (answer.status, answer.body) == (204, b"")
    assert "content-length" not in answer.headers
    answering(calls, Pieces(b"wrong"), status=304)
    assert (await wire.get("/plain")).status == 304
    answering(calls, b"next")
    assert (await wire.get("/plain")).body == b"next"


async def test_a_large_answer_arrives_whole(wire: Wire, calls: Calls):
    content = bytes(range(256)) * 20_000
    answering(calls, content)
    assert (await wire.get("/plain")).body == content
