"""A connection from its first byte to its end: what waits is bounded, and requests are answered in their order."""

import asyncio
import os
import pathlib
import subprocess
import sys
import time

import pytest
from aiohttp.web_protocol import RequestHandler

from gateway.exchange import Exchange, Response
from gateway.settings import Limits, Seconds, Size
from gateway.web.protocol import Connection
from tests.web.conftest import Calls, Serve, Trust, Wire, request

QUICK = Limits(header_timeout=Seconds(0.2), idle_timeout=Seconds(0.4), handshake_timeout=Seconds(0.2))


async def test_requests_of_a_connection_are_answered_one_after_another(wire: Wire, calls: Calls):
    wire.say("".join(request("GET", f"/v1/things/{number}") for number in range(100)))
    for _ in range(100):
        assert (await wire.answer()).status == 200
    assert [exchange.request.path for exchange in calls.seen] == [f"/v1/things/{number}" for number in range(100)]


async def test_a_request_may_come_byte_by_byte(wire: Wire):
    for byte in request("GET", "/v1/things"):
        wire.say(byte)
        await asyncio.sleep(0)
    assert (await wire.answer()).status == 200


@pytest.mark.parametrize("begin", ["", "GET /v1/things HTTP/1.1\r\nHost: x\r\nX-A"])
async def test_a_head_that_does_not_come_to_an_end_is_not_waited_for(begin: str, serve: Serve):
    wire = await (await serve(QUICK)).connect()
    wire.say(begin)
    began = time.monotonic()
    assert await wire.ended()
    assert time.monotonic() - began < 2


async def test_a_second_head_that_drips_is_not_waited_for(serve: Serve):
    wire = await (await serve(Limits(header_timeout=Seconds(0.2)))).connect()
    await wire.get()
    wire.say("GET /v1/things HTTP/1.1\r\n")
    assert await wire.ended()


async def test_dripping_does_not_prolong_the_time_for_a_head(serve: Serve):
    wire = await (await serve(Limits(header_timeout=Seconds(0.3)))).connect()

    async def drip() -> None:
        while True:
            wire.say("X")
            await asyncio.sleep(0.05)

    wire.say("GET /v1/things HTTP/1.1\r\nX-")
    dripping = asyncio.create_task(drip())
    assert await wire.ended()
    dripping.cancel()


async def test_an_idle_connection_is_closed(serve: Serve):
    wire = await (await serve(QUICK)).connect()
    await wire.get()
    await asyncio.sleep(0.25)  # longer than a head may take, shorter than a connection may idle
    await wire.get()
    assert await wire.ended()


async def test_a_handshake_that_does_not_begin_is_not_waited_for(serve: Serve, trust: Trust):
    wire = await (await serve(QUICK, await trust.context(), trust.settings)).connect()
    began = time.monotonic()
    assert await wire.ended()
    assert time.monotonic() - began < 2


async def test_a_head_without_end_is_refused_before_it_is_kept(serve: Serve):
    wire = await (await serve(Limits(header_bytes=Size(1024)))).connect()
    wire.say("GET /v1/things HTTP/1.1\r\n")
    for number in range(90):
        wire.say(f"X-{number}: {'a' * 200}\r\n")
    answer = await wire.answer()
    assert (answer.status, answer.problem["code"]) == (431, "headers_too_large")


async def test_one_connection_more_than_the_listener_takes_is_told_so(serve: Serve):
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


async def test_a_caller_that_does_not_read_is_cut_off_in_time(serve: Serve, calls: Calls):
    async def answer(_exchange: Exchange) -> Response:
        return Response(200, (), b"x" * 20_000_000)

    calls.handler = answer
    place = await serve(Limits(write_timeout=Seconds(0.3)))
    wire = await place.connect(small_buffers=True)
    wire.say(request("GET", "/v1/things"))
    await asyncio.sleep(0.6)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await wire.answer()


@pytest.mark.slow
def test_aiohttps_other_parser_is_no_way_around():
    environment = {**os.environ, "AIOHTTP_NO_EXTENSIONS": "1"}
    files = [pathlib.Path(__file__).with_name(f"test_{name}.py") for name in ("admission", "bodies", "replies")]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-3000:]


def test_what_is_used_of_aiohttp_is_still_there():
    assert issubclass(Connection, RequestHandler)
    for name in ("_messages", "_waiter", "_parser", "_force_close", "_close", "_task_handler", "_buffer_paused"):
        assert hasattr(RequestHandler, name), name
    for name in ("start", "data_received", "connection_made", "connection_lost", "_drain_helper", "force_close"):
        assert callable(getattr(RequestHandler, name)), name
