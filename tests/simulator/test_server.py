import asyncio
import contextlib
import pathlib
import socket
from datetime import UTC, date, datetime
from typing import Any

import aiohttp
import msgspec
import pytest

from gateway.files import Refused
from gateway.simulator.server import Options, Simulation, clock_on, run, serve


def options(material: Any, file: pathlib.Path, **settings: Any) -> Options:
    return Options(
        certificate=material.certificate,
        key=material.key,
        client_authorities=material.authorities,
        files=(file,),
        **settings,
    )


def port_of(url: str) -> int:
    port = aiohttp.client.URL(url).port
    assert port is not None
    return port


def is_open(port: int) -> bool:
    with contextlib.closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def test_no_port_is_left(material: Any, written: Any) -> None:
    async with serve(options(material, written())) as simulation:
        ports = [simulation.banks["corbel"].port, port_of(simulation.admin_url)]
        assert all(is_open(port) for port in ports)
    assert not any(is_open(port) for port in ports)


async def test_the_end_does_not_wait_for_a_slow_answer(simulate: Any, written: Any) -> None:
    drip = {"kind": "slow_drip", "milliseconds": 600_000, "drop_bytes": 1}
    loop = asyncio.get_running_loop()
    async with simulate(written(faults=[drip])) as caller:
        slow = asyncio.ensure_future(caller.get("corbel", "/accounts"))
        running = caller.simulation.banks["corbel"].state.journal
        async with asyncio.timeout(5):
            while not running.requests:
                await caller.admin("GET", "/banks")
        before = loop.time()
    assert loop.time() - before < 5
    with pytest.raises((aiohttp.ClientError, ConnectionError)):
        await slow


async def test_a_bank_may_stand_on_the_port_of_its_file(material: Any, written: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        free = probe.getsockname()[1]
    async with serve(options(material, written(port=free), fixed_ports=True)) as simulation:
        assert simulation.banks["corbel"].port == free
        assert simulation.banks["corbel"].base_url == f"https://127.0.0.1:{free}/api/v1"


async def test_a_taken_port_is_an_error_that_leaves_nothing(material: Any, written: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = holder.getsockname()[1]
        with pytest.raises(OSError, match="address already in use"):
            async with serve(options(material, written(port=taken), fixed_ports=True)):
                pass


async def test_a_file_with_problems_starts_nothing(material: Any, written: Any) -> None:
    with pytest.raises(Refused, match="is no time zone"):
        async with serve(options(material, written(zone="Nowhere"))):
            pass


async def test_run_reports_what_started_and_ends_when_cancelled(material: Any, written: Any) -> None:
    started: asyncio.Future[Simulation] = asyncio.get_running_loop().create_future()
    running = asyncio.ensure_future(run(options(material, written()), started.set_result))
    simulation = await asyncio.wait_for(started, 10)
    assert is_open(simulation.banks["corbel"].port)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not is_open(simulation.banks["corbel"].port)


def test_a_clock_may_tell_another_day() -> None:
    told = clock_on(date(2026, 3, 18))()
    assert told.tzinfo is UTC
    assert told.date() in {date(2026, 3, 18), date(2026, 3, 19)}, "midnight may pass while the test runs"
    assert abs((clock_on(None)() - datetime.now(UTC)).total_seconds()) < 60


async def test_a_stranger_to_the_authorities_gets_no_connection(caller: Any) -> None:
    running = caller.simulation.banks["albion"]
    with pytest.raises(aiohttp.ClientError):
        async with caller.session.get(running.base_url + "/accounts", ssl=caller.material.nobody):
            pass


def test_options_are_frozen(material: Any, written: Any) -> None:
    wanted = options(material, written())
    assert msgspec.structs.replace(wanted, admin_port=1).admin_port == 1
    with pytest.raises(AttributeError):
        wanted.admin_port = 1  # type: ignore[misc]
