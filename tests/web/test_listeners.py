"""A listener opens, or says in one line why it can not."""

import socket

import pytest
import structlog

from gateway.settings import Address, Limits, ListenerSettings
from gateway.web.listeners import Front, Listener, ListenerUnavailable
from gateway.web.pages import Pages


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
