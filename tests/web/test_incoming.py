"""What comes is bounded in size, in time and in number, wherever a head begins."""

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
from gateway.web.connection import Connection
from tests.web.conftest import Calls, Serve, Wire, request


async def test_a_request_may_come_byte_by_byte(wire: Wire):
    for byte in request("GET", "/v1/things"):
        wire.say(byte)
        await asyncio.sleep(0)
    assert (await wire.answer()).status == 200


@pytest.mark.parametrize("begin", ["", "GET /v1/things HTTP/1.1\r\nHost: x\r\nX-A"])
async def test_case_32_a_head_that_does_not_come_to_an_end_is_not_waited_for(begin: str, serve: Serve):
    wire = await (await serve(Limits(header_timeout=Seconds(0.2)))).connect()
    wire.say(begin)
    began = time.monotonic()
    assert await wire.ended()
    assert time.monotonic() - began < 2


async def test_case_32_a_second_head_that_drips_is_not_waited_for(serve: Serve):
    wire = await (await serve(Limits(header_timeout=Seconds(0.2)))).connect()
    await wire.get()
    wire.say("GET /v1/things HTTP/1.1\r\n")
    assert await wire.ended()


async def test_case_32_dripping_does_not_prolong_the_time_for_a_head(serve: Serve):
    wire = await (await serve(Limits(header_timeout=Seconds(0.3)))).connect()

    async def drip() -> None:
        while True:
            wire.say("X")
            await asyncio.sleep(0.05)

    wire.say("GET /v1/things HTTP/1.1\r\nX-")
    dripping = asyncio.create_task(drip())
    assert await wire.ended()
    dripping.cancel()


async def test_case_32_a_head_without_end_is_refused_before_it_is_kept(serve: Serve):
    wire = await (await serve(Limits(header_bytes=Size(1024)))).connect()
    wire.say("GET /v1/things HTTP/1.1\r\n")
    for number in range(90):
        wire.say(f"X-{number}: {'a' * 200}\r\n")
    answer = await wire.answer()
    assert (answer.status, answer.problem["code"]) == (431, "headers_too_large")


async def test_case_32_a_head_behind_a_call_that_lasts_is_bounded_too(serve: Serve, calls: Calls):
    go_on, both = asyncio.Event(), asyncio.Barrier(3)

    async def wait(_exchange: Exchange) -> Response:
        await both.wait()
        await go_on.wait()
        return Response(200, (), b"")

    calls.handler = wait
    place = await serve(Limits(header_timeout=Seconds(0.3)))
    large, slow = await place.connect(), await place.connect()
    large.say(request("GET", "/v1/things") + "GET /v1/things HTTP/1.1\r\n")
    slow.say(request("GET", "/v1/things") + "GET /v1/things HTTP/1.1\r\n")
    await both.wait()
    for number in range(40):
        large.say(f"X-{number}: {'a' * 1000}\r\n")
        await asyncio.sleep(0)
    slow.say("X-A: a\r\n")
    await asyncio.sleep(0.1)
    go_on.set()
    assert (await large.answer()).status == (await slow.answer()).status == 200
    assert (await large.answer()).status == 431
    assert await large.ended()
    assert await slow.ended(), "not only when it has been idle for long"


async def test_case_32_of_pipelined_requests_few_are_kept(serve: Serve, calls: Calls):
    go_on = asyncio.Event()

    async def wait(_exchange: Exchange) -> Response:
        await go_on.wait()
        return Response(200, (), b"")

    calls.handler = wait
    place = await serve()
    wire = await place.connect()
    wire.say(request("GET", "/v1/things") * 5000)
    await calls.begun.wait()
    connections = place.listener._connections
    assert connections is not None
    (connection,) = connections.connections
    await asyncio.sleep(0.1)
    assert len(connection._messages) <= 32
    go_on.set()
    for _ in range(5000):
        assert (await wire.answer()).status == 200


@pytest.mark.slow
def test_aiohttps_other_parser_is_no_way_around():
    environment = {**os.environ, "AIOHTTP_NO_EXTENSIONS": "1"}
    files = [pathlib.Path(__file__).with_name(f"test_{name}.py") for name in ("admission", "bodies", "replies")]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-3000:]


def test_what_is_used_of_aiohttp_is_still_there():
    assert issubclass(Connection, RequestHandler)
    for name in (
        "_manager",
        "_messages",
        "_waiter",
        "_parser",
        "_force_close",
        "_close",
        "_task_handler",
        "_buffer_paused",
    ):
        assert hasattr(RequestHandler, name), name
    for name in ("start", "data_received", "connection_made", "connection_lost", "_drain_helper", "force_close"):
        assert callable(getattr(RequestHandler, name)), name
