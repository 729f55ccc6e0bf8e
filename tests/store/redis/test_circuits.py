"""What one process opens, the others open too, for as long as it does; what no process has open is left as it is."""

from collections.abc import Awaitable, Callable

import pytest

from gateway.banks.circuit import Circuit, CircuitOpen, Tolerance
from gateway.contract import BankResponse
from gateway.errors import BankUnreachable, StoreUnavailable
from gateway.store.redis import Line, RedisCircuits
from tests.store.servers import RedisServer

Lines = Callable[..., Awaitable[Line]]


class Counted:
    """A meter of circuits."""

    def circuit(self, bank, state):
        """Nothing is counted here."""


class Process:
    """One process with a circuit for each of two banks; `bank_is_up` says what all of them would be answered."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.bank_is_up = False
        tolerance = Tolerance(2, 30.0, 600.0, shared=True)
        self.circuits = {name: Circuit(name, tolerance, lambda: 1000.0, Counted()) for name in ("albion", "havel")}
        self.shared = RedisCircuits(line)
        self.shared.share(self.circuits)

    async def call(self, bank: str) -> type[Exception] | int:
        async def send(_outgoing):
            if not self.bank_is_up:
                raise BankUnreachable
            return BankResponse(status=200, headers={}, body=b"", url="", request_id="")

        try:
            return (await self.circuits[bank].around(send)(None)).status
        except BankUnreachable as error:
            return type(error)

    async def told(self) -> None:
        """Once what it has to tell has been told."""
        while self.shared._telling:
            await next(iter(self.shared._telling))


async def test_a_bank_that_fails_at_one_is_left_alone_by_all(server: RedisServer, lines: Lines):
    server.say("FLUSHALL")
    one, other = [Process(await lines(server.url)) for _ in range(2)]
    for _ in range(2):
        await one.call("albion")
    await one.told()
    await other.shared.look()
    other.bank_is_up = True
    assert await other.call("albion") is CircuitOpen
    assert await other.call("havel") == 200
    lives = await one.line.ask("ttl", "PTTL", "test:{circuits}:albion")
    assert 0 < lives <= 600_000


async def test_it_is_looked_at_though_nobody_asks(server: RedisServer, lines: Lines):
    server.say("FLUSHALL")
    one, other = [Process(await lines(server.url)) for _ in range(2)]
    await other.shared.open()
    for _ in range(2):
        await one.call("havel")
    await one.told()
    while other.circuits["havel"].state != "open":
        await other.line.ask("ping", "PING")
    await other.shared.close()


async def test_without_redis_each_goes_by_what_it_sees(lines: Lines):
    process = Process(await lines("redis://127.0.0.1:1"))
    for _ in range(2):
        assert await process.call("albion") is BankUnreachable
    await process.told()
    assert await process.call("albion") is CircuitOpen
    with pytest.raises(StoreUnavailable):
        await process.shared.look()
    assert process.circuits["havel"].state == "closed"


async def test_circuits_that_are_shared_no_more_hear_nothing(server: RedisServer, lines: Lines):
    server.say("FLUSHALL")
    one, other = [Process(await lines(server.url)) for _ in range(2)]
    other.shared.share({"havel": other.circuits["havel"]})
    for _ in range(2):
        await one.call("albion")
    await one.told()
    await other.shared.look()
    assert other.circuits["albion"].state == "closed"
