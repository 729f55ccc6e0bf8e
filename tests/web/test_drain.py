"""Stopping loses no call that was begun, and lasts no longer than it was told."""

import asyncio
import time

import pytest
import structlog

from gateway.exchange import Exchange, Response
from gateway.settings import Address, Drain, Limits, ListenerSettings, Seconds
from gateway.telemetry.calls import Telemetry
from gateway.web.door import Door
from gateway.web.drain import Doors
from gateway.web.health import health_pages
from gateway.web.listeners import Front, Listener, ListenerUnavailable
from gateway.web.pages import Pages
from tests.web.conftest import LOOPBACK, Calls, request


class House:
    """A service and a health listener that stop together."""

    def __init__(self, calls: Calls, telemetry: Telemetry, drain: Drain) -> None:
        settings, limits = ListenerSettings(address=LOOPBACK), Limits()
        self.service = Listener("service", settings, Front(), Door(lambda: calls, telemetry), limits)
        pages = health_pages(lambda: ("drained",) if self.doors.draining else (), telemetry.metrics_text)
        self.health = Listener("health", settings, Front(), Pages(pages, structlog.get_logger()), limits)
        self.doors = Doors([self.service], self.health, drain)


@pytest.fixture
def slow(calls: Calls) -> asyncio.Event:
    """Calls below /v1/things/slow wait until this is set."""
    go_on = asyncio.Event()

    async def answer(exchange: Exchange) -> Response:
        if exchange.request.path.endswith("slow"):
            await go_on.wait()
        return Response(200, (), await exchange.request.read(1000))

    calls.handler = answer
    return go_on


async def test_a_call_in_flight_is_answered_and_idle_connections_are_closed(calls, telemetry, dial, slow):
    house = House(calls, telemetry, Drain(notice=Seconds(0), grace=Seconds(10)))
    await house.doors.open()
    busy, idle = await dial(house.service.port), await dial(house.service.port)
    assert not (await idle.get()).closing
    calls.begun.clear()
    busy.say(request("POST", "/v1/things/slow", "Content-Length: 5", body="he"))
    await calls.begun.wait()
    port = house.service.port
    closing = asyncio.create_task(house.doors.close())
    assert await idle.ended()
    with pytest.raises(OSError, match="refused"):
        await asyncio.open_connection("127.0.0.1", port)
    # The rest of a body that was on its way still counts.
    busy.say("llo")
    slow.set()
    answer = await busy.answer()
    assert (answer.status, answer.body, answer.closing) == (200, b"hello", True)
    assert await closing == 0


@pytest.mark.usefixtures("slow")
async def test_during_the_notice_calls_are_still_taken_and_readiness_is_denied(calls, telemetry, dial):
    house = House(calls, telemetry, Drain(notice=Seconds(0.5), grace=Seconds(5)))
    await house.doors.open()
    old, probe = await dial(house.service.port), await dial(house.health.port)
    assert (await probe.get("/readyz")).status == 200
    await old.get()
    closing = asyncio.create_task(house.doors.close())
    await asyncio.sleep(0)
    assert (await probe.get("/readyz")).status == 503
    new = await dial(house.service.port)
    for wire in (old, new):
        answer = await wire.get()
        assert (answer.status, answer.closing) == (200, True)
        assert await wire.ended()
    assert await closing == 0


@pytest.mark.usefixtures("slow")
async def test_what_does_not_end_in_the_grace_is_cut(calls, telemetry, dial):
    house = House(calls, telemetry, Drain(notice=Seconds(0), grace=Seconds(0.2)))
    await house.doors.open()
    stuck = await dial(house.service.port)
    stuck.say(request("GET", "/v1/things/slow"))
    await calls.begun.wait()
    began = time.monotonic()
    assert await house.doors.close() == 1
    assert 0.15 < time.monotonic() - began < 3
    assert await stuck.ended()


async def test_a_call_whose_caller_is_gone_is_waited_for_too(calls, telemetry, dial, slow):
    house = House(calls, telemetry, Drain(notice=Seconds(0), grace=Seconds(10)))
    await house.doors.open()
    wire = await dial(house.service.port)
    wire.say(request("GET", "/v1/things/slow"))
    await calls.begun.wait()
    wire.writer.transport.abort()
    closing = asyncio.create_task(house.doors.close())
    await asyncio.sleep(0.1)
    assert not closing.done()
    slow.set()
    assert await closing == 0


async def test_all_doors_open_or_none(calls, telemetry):
    house = House(calls, telemetry, Drain())
    attendant = Pages({}, structlog.get_logger())
    impossible = Listener("admin", ListenerSettings(address=Address("192.0.2.1:1")), Front(), attendant, Limits())
    doors = Doors([house.service, impossible], house.health, Drain())
    with pytest.raises(ListenerUnavailable, match=r"listeners\.admin"):
        await doors.open()
    assert not house.service.listening


@pytest.mark.usefixtures("slow")
async def test_whoever_hurries_ends_the_notice_and_the_waiting(calls, telemetry, dial):
    house = House(calls, telemetry, Drain(notice=Seconds(600), grace=Seconds(600)))
    await house.doors.open()
    busy = await dial(house.service.port)
    calls.begun.clear()
    busy.say(request("GET", "/v1/things/slow"))
    await calls.begun.wait()
    closing = asyncio.create_task(house.doors.close())
    house.doors.hurry()
    assert await asyncio.wait_for(closing, 60) == 1
    assert await busy.ended()
