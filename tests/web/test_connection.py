"""A connection from its first byte to its end: requests are answered in their order, and nobody is waited for long."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator

import pytest

from gateway.exchange import Exchange, Response
from gateway.settings import Limits, Seconds
from tests.web.conftest import Calls, Log, Serve, Trust, Wire, request

QUICK = Limits(header_timeout=Seconds(0.2), idle_timeout=Seconds(0.4), handshake_timeout=Seconds(0.2))


async def test_requests_of_a_connection_are_answered_one_after_another(wire: Wire, calls: Calls):
    wire.say("".join(request("GET", f"/v1/things/{number}") for number in range(100)))
    for _ in range(100):
        assert (await wire.answer()).status == 200
    assert [exchange.request.path for exchange in calls.seen] == [f"/v1/things/{number}" for number in range(100)]


async def test_case_32_an_idle_connection_is_closed(serve: Serve):
    wire = await (await serve(QUICK)).connect()
    await wire.get()
    await asyncio.sleep(0.25)  # longer than a head may take, shorter than a connection may idle
    await wire.get()
    assert await wire.ended()


async def test_case_32_a_handshake_that_does_not_begin_is_not_waited_for(serve: Serve, trust: Trust):
    wire = await (await serve(QUICK, await trust.context(), trust.settings)).connect()
    began = time.monotonic()
    assert await wire.ended()
    assert time.monotonic() - began < 2


async def test_case_32_one_connection_more_than_the_listener_takes_is_told_so(serve: Serve):
    place = await serve(Limits(connections=2))
    first, second = await place.connect(), await place.connect()
    assert (await first.get()).status == (await second.get()).status == 200
    answer = await (await place.connect()).answer()
    assert (answer.status, answer.problem["code"], answer.closing) == (503, "overloaded", True)
    assert (await first.get()).status == 200


async def test_an_upgrade_is_not_made(wire: Wire):
    answer = await wire.get("/v1/things", "Connection: upgrade", "Upgrade: websocket")
    assert (answer.status, answer.closing) == (200, True)
    assert await wire.ended()


async def test_a_call_goes_on_when_its_caller_is_gone(serve: Serve, calls: Calls):
    begun, go_on, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def pay(_exchange: Exchange) -> Response:
        begun.set()
        await go_on.wait()
        ended.set()
        return Response(200, (), b"")

    calls.handler = pay
    wire = await (await serve()).connect()
    wire.say(request("GET", "/v1/things"))
    await begun.wait()
    wire.writer.transport.abort()
    await asyncio.sleep(0.05)
    go_on.set()
    async with asyncio.timeout(5):
        await ended.wait()


async def test_case_32_a_caller_that_does_not_read_is_cut_off_in_time(serve: Serve, calls: Calls):
    async def answer(_exchange: Exchange) -> Response:
        return Response(200, (), b"x" * 20_000_000)

    calls.handler = answer
    place = await serve(Limits(write_timeout=Seconds(0.3)))
    wire = await place.connect(small_buffers=True)
    wire.say(request("GET", "/v1/things"))
    await asyncio.sleep(0.6)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await wire.answer()


async def test_case_32_a_caller_that_does_not_read_a_last_answer_does_not_keep_its_connection(
    serve: Serve, calls: Calls
):
    async def answer(_exchange: Exchange) -> Response:
        return Response(200, (), b"x" * 20_000_000)

    calls.handler = answer
    place = await serve(Limits(write_timeout=Seconds(0.3), connections=1))
    wire = await place.connect(small_buffers=True)
    wire.say(request("GET", "/v1/things", "Connection: close"))
    await calls.begun.wait()
    # Its place is free again when it is cut: nobody else is taken before.
    calls.handler = calls.say_hello
    async with asyncio.timeout(10):
        while True:
            try:
                if (await (await place.connect()).get()).status == 200:
                    break
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
            await asyncio.sleep(0.05)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await wire.answer()


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
async def test_case_32_a_small_last_answer_that_nobody_reads_does_not_keep_its_connection(
    serve: Serve, calls: Calls, trust: Trust, *, secure: bool
):
    """It fits in our own buffer, so that nobody waits to write; it is the closing that may wait for ever."""
    context = await trust.context(client_certificate="optional") if secure else None
    place = await serve(Limits(write_timeout=Seconds(0.3)), context, trust.settings if secure else None)
    listener = place.listener._connections
    assert listener is not None

    async def answer(_exchange: Exchange) -> Response:
        (connection,) = listener.connections
        assert connection.transport is not None
        connection.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        return Response(200, (), b"x" * 60_000)

    calls.handler = answer
    with socket.socket() as caller:
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        caller.setblocking(False)
        await asyncio.get_running_loop().sock_connect(caller, ("127.0.0.1", place.listener.port))
        tls = {"ssl": await trust.client(), "server_hostname": "localhost"} if secure else {}
        reader, writer = await asyncio.open_connection(sock=caller, limit=1024, **tls)
        writer.write(request("GET", "/v1/things", "Connection: close").encode())
        await calls.begun.wait()
        for _ in range(500):
            if listener.connections:
                await asyncio.sleep(0.02)
        assert not listener.connections
        with contextlib.suppress(ConnectionError):
            assert len(await reader.read()) < 60_000
        writer.transport.abort()


async def test_case_32_a_stream_that_is_not_taken_is_cut_before_its_deadline(serve: Serve, calls: Calls, log: Log):
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65536

    async def answer(_exchange: Exchange) -> Response:
        return Response(200, (), endless())

    calls.handler, calls.timeout = answer, 60.0
    wire = await (await serve(Limits(write_timeout=Seconds(0.3)))).connect(small_buffers=True)
    wire.say(request("GET", "/plain"))
    await log.line(event="call", status=200, error="CallerGone")


async def test_case_32_a_reader_that_is_slow_but_reads_gets_its_whole_stream(serve: Serve, calls: Calls):
    async def answer(_exchange: Exchange) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(100):
                yield b"x" * 65536

        return Response(200, (), pieces())

    calls.handler = answer
    wire = await (await serve(Limits(write_timeout=Seconds(5)))).connect(small_buffers=True)
    wire.say(request("GET", "/plain"))
    assert len((await wire.answer()).body) == 100 * 65536
    assert (await wire.get("/plain")).status == 200
