"""A listener opens, or says in one line why it can not; while it renews its TLS, nobody is refused."""

import asyncio
import pathlib
import socket

import pytest
import structlog

from gateway.settings import Address, Limits, ListenerSettings
from gateway.web.listeners import Front, Listener, ListenerUnavailable
from gateway.web.pages import Pages
from tests.web.authorities import caller, root
from tests.web.conftest import Serve
from tests.web.gate import Gate

RENEWALS, TASKS = 50, 8
CONNECTS, REQUESTS = 20, 60  # that are seen between two renewals
CLIENTS = root("Clients")


def listener(address: str) -> Listener:
    settings = ListenerSettings(address=Address(address))
    return Listener("health", settings, Front(), Pages({}, structlog.get_logger()), Limits())


async def test_an_address_in_use_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ListenerUnavailable) as refused:
            await listener(address).open()
    assert str(refused.value) == f"listeners.health: {address} can not be listened on: Address already in use"


async def test_an_address_that_is_nobodys_is_named():
    for address in ("192.0.2.1:8081", "gateway.invalid:8081"):
        with pytest.raises(ListenerUnavailable, match=f"listeners.health: {address} can not be listened on: "):
            await listener(address).open()


async def test_nothing_is_left_of_a_closed_listener():
    one = listener("127.0.0.1:0")
    await one.open()
    port = one.port
    one.take_no_more()
    assert await one.empty(1) == 0
    with socket.create_server(("127.0.0.1", port)):
        pass


async def test_a_listener_that_was_never_opened_can_be_closed():
    one = listener("127.0.0.1:0")
    one.answer_for_the_last_time()
    one.take_no_more()
    assert await one.empty(1) == 0


async def test_nobody_is_refused_while_certificates_are_renewed_again_and_again(serve: Serve, tmp_path: pathlib.Path):
    gate = Gate(tmp_path, serve, CLIENTS)
    await gate.write(clients_crl=CLIENTS.revoke())
    await gate.open(revocation_lists=("file:clients.crl",))
    context = await caller(gate.ours, CLIENTS.issue())
    over = asyncio.Event()
    connects: asyncio.Queue[None] = asyncio.Queue()
    requests: asyncio.Queue[None] = asyncio.Queue()

    async def come_and_go() -> None:
        while not over.is_set():
            wire = await gate.place.connect(context)
            assert (await wire.get("/v1/things", "Connection: close")).status == 200
            wire.writer.close()
            connects.put_nowait(None)

    async def stay() -> None:
        while not over.is_set():
            wire, told_to_go = await gate.place.connect(context), False
            while not told_to_go and not over.is_set():
                answer = await wire.get()
                assert answer.status == 200
                requests.put_nowait(None)
                told_to_go = answer.closing
            wire.writer.close()

    async def renew() -> None:
        shown = set()
        for number in range(RENEWALS):
            await gate.new_certificate()
            if number % 5 == 4:  # every certificate is judged anew, and every connection asked to begin anew
                await gate.write(clients_crl=CLIENTS.revoke())
            await gate.renew()
            for _ in range(CONNECTS):
                await connects.get()
            for _ in range(REQUESTS):
                await requests.get()
            shown.add(gate.tls.content if gate.tls else b"")
        over.set()
        assert len(shown) == RENEWALS

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for _ in range(TASKS):
            group.create_task(come_and_go())
            group.create_task(stay())
        group.create_task(renew())
    assert not gate.failures
