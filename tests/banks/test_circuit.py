import asyncio

import pytest

from gateway.banks.circuit import Circuit, CircuitOpen, Tolerance
from gateway.contract import BankResponse
from gateway.errors import BankNonsense, BankTimedOut, BankUnreachable, GatewayError, Overloaded


class Bank:
    """Answers what it is told to: a status, an error, or a future that a test ends."""

    def __init__(self, tally, *, failures: int = 3) -> None:
        self.now = 1000.0
        self.asked = 0
        self.does: object = 200
        self.circuit = Circuit("albion", Tolerance(failures, 30.0, 15.0), lambda: self.now, tally)
        self.send = self.circuit.around(self._answer)

    async def _answer(self, _outgoing):
        self.asked += 1
        does = await self.does if isinstance(self.does, asyncio.Future) else self.does
        if isinstance(does, BaseException):
            raise does
        return BankResponse(status=does, headers={}, body=b"", url="", request_id="")

    async def ask(self, does: object = None) -> object:
        """What a call came to: a status, or the class of the error."""
        self.does = does if does is not None else self.does
        try:
            return (await self.send(None)).status
        except GatewayError as error:
            return type(error)

    async def fail(self, times: int) -> None:
        for _ in range(times):
            await self.ask(BankUnreachable())


@pytest.fixture
def bank(tally):
    return Bank(tally)


@pytest.mark.parametrize("ill", [500, 502, 503, 504, BankUnreachable(), BankTimedOut()])
async def test_failures_in_a_row_open_it(bank, tally, ill):
    for _ in range(3):
        await bank.ask(ill)
    assert await bank.ask(200) is CircuitOpen
    assert bank.asked == 3
    assert bank.circuit.state == "open"
    assert tally.states == [("albion", "closed"), ("albion", "open")]


@pytest.mark.parametrize("well", [200, 201, 204, 302, 400, 401, 403, 404, 429, 501, BankNonsense(), Overloaded()])
async def test_nothing_else_does(bank, well):
    for _ in range(10):
        assert await bank.ask(well) is not CircuitOpen
    assert bank.circuit.state == "closed"


async def test_an_answer_in_between_ends_the_row(bank):
    for _ in range(5):
        await bank.fail(2)
        await bank.ask(404)
    assert bank.circuit.state == "closed"


async def test_what_says_neither_ends_no_row(bank):
    await bank.fail(2)
    await bank.ask(501)
    await bank.ask(BankNonsense())
    await bank.fail(1)
    assert bank.circuit.state == "open"


async def test_failures_far_apart_open_nothing(bank):
    for _ in range(10):
        await bank.fail(1)
        bank.now += 16
    assert bank.circuit.state == "closed"


async def test_an_open_circuit_says_when_to_come_back(bank):
    await bank.fail(3)
    bank.now += 4.5
    with pytest.raises(CircuitOpen) as caught:
        await bank.send(None)
    assert caught.value.safe_to_repeat
    assert caught.value.members == {"retry_after": 11}
    assert caught.value.headers == (("Retry-After", "11"),)


async def test_one_good_call_after_the_time_closes_it(bank, tally):
    await bank.fail(3)
    bank.now += 15
    assert bank.circuit.state == "half_open"
    assert await bank.ask(200) == 200
    assert bank.circuit.state == "closed"
    assert [state for _, state in tally.states] == ["closed", "open", "half_open", "closed"]
    await bank.fail(2)
    assert bank.circuit.state == "closed"


async def test_one_bad_call_after_the_time_opens_it_again(bank):
    await bank.fail(3)
    bank.now += 15
    await bank.fail(1)
    assert bank.circuit.state == "open"
    bank.now += 14.9
    assert await bank.ask(200) is CircuitOpen
    bank.now += 0.1
    assert await bank.ask(200) == 200


async def test_only_one_call_tries_whether_the_bank_is_back(bank):
    await bank.fail(3)
    bank.now += 15
    bank.does = probe = asyncio.get_running_loop().create_future()
    trying = asyncio.create_task(bank.ask())
    await asyncio.sleep(0)
    asked = bank.asked
    assert await bank.ask(200) is CircuitOpen
    assert bank.asked == asked
    probe.set_result(200)
    assert await trying == 200
    assert await bank.ask(200) == 200


@pytest.mark.parametrize("does", [BankNonsense(), 501, asyncio.CancelledError()])
async def test_a_try_that_says_neither_lets_the_next_one_try(bank, does):
    await bank.fail(3)
    bank.now += 15
    bank.does = does
    await asyncio.gather(bank.send(None), return_exceptions=True)
    assert bank.circuit.state == "half_open"
    assert await bank.ask(200) == 200
    assert bank.circuit.state == "closed"


async def test_what_was_asked_before_it_opened_says_nothing_about_now(bank):
    bank.does = late = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(bank.ask())
    await asyncio.sleep(0)
    await bank.fail(3)
    late.set_result(200)
    assert await waiting == 200
    assert bank.circuit.state == "open"


async def test_health_is_told_with_its_age(bank):
    assert bank.circuit.health() == ("up", None)
    await bank.fail(1)
    bank.now += 2
    await bank.fail(1)
    assert bank.circuit.health() == ("degraded", 2)
    await bank.fail(1)
    bank.now += 5
    assert bank.circuit.health() == ("down", 5)
    bank.now += 10
    assert bank.circuit.health() == ("degraded", 15)
    await bank.ask(200)
    bank.now += 7
    assert bank.circuit.health() == ("up", 7)


async def test_what_opens_a_shared_circuit_is_told_to_others_once(bank):
    told = []
    bank.circuit.share(told.append)
    await bank.fail(5)
    assert told == [15.0]
    bank.now += 15
    await bank.fail(1)
    assert told == [15.0, 15.0], "a try that fails opens it anew"


async def test_what_another_process_saw_fail_is_left_alone_as_long_as_there(bank, tally):
    told = []
    bank.circuit.share(told.append)
    bank.circuit.leave_alone(4.0)
    assert await bank.ask(200) is CircuitOpen
    bank.circuit.leave_alone(9.0)
    bank.now += 4
    assert await bank.ask(200) == 200
    assert tally.states == [("albion", state) for state in ("closed", "open", "half_open", "closed")]
    assert told == [], "what was heard is not told again"
