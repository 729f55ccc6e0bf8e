import asyncio

import pytest

from gateway.banks.limits import Limit, Room
from gateway.contract import BankResponse
from gateway.errors import Overloaded


class Bank:
    """Holds every request until `free` lets one go."""

    def __init__(self, room: Room) -> None:
        self.limit = Limit("albion", room)
        self.send = self.limit.around(self._answer)
        self.running: dict[str, asyncio.Future[None]] = {}
        self.most = 0

    async def _answer(self, outgoing):
        name = outgoing.request.url
        self.running[name] = asyncio.get_running_loop().create_future()
        self.most = max(self.most, len(self.running))
        try:
            await self.running[name]
        finally:
            del self.running[name]
        return BankResponse(status=200, headers={}, body=b"", url=name, request_id="")

    def free(self, name: str) -> None:
        self.running[name].set_result(None)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_so_many_run_and_so_many_wait_in_order(outgoing):
    bank = Bank(Room(concurrency=2, queue=2))
    tasks = {name: asyncio.create_task(bank.send(outgoing(name))) for name in "abcd"}
    await settle()
    assert list(bank.running) == ["a", "b"]
    assert (bank.limit.taken, bank.limit.waiting) == (2, 2)
    bank.free("b")
    await settle()
    assert list(bank.running) == ["a", "c"]
    bank.free("a")
    await settle()
    assert list(bank.running) == ["c", "d"]
    bank.free("c")
    bank.free("d")
    await asyncio.gather(*tasks.values())
    assert (bank.limit.taken, bank.limit.waiting, bank.most) == (0, 0, 2)


async def test_who_finds_the_queue_full_is_sent_away_and_told_which_bank(outgoing):
    bank = Bank(Room(concurrency=1, queue=1))
    tasks = [asyncio.create_task(bank.send(outgoing(name))) for name in "ab"]
    await settle()
    with pytest.raises(Overloaded) as caught:
        await bank.send(outgoing("c"))
    assert caught.value.members == {"bank": "albion"}
    assert caught.value.safe_to_repeat
    bank.free("a")
    await settle()
    bank.free("b")
    await asyncio.gather(*tasks)


async def test_nobody_waits_past_the_deadline(outgoing):
    bank = Bank(Room(concurrency=1, queue=5))
    first = asyncio.create_task(bank.send(outgoing("a")))
    await settle()
    sent = outgoing("b", within=0.1)
    with pytest.raises(Overloaded):
        await bank.send(sent)
    assert asyncio.get_running_loop().time() < sent.deadline
    assert bank.limit.waiting == 0
    bank.free("a")
    await first
    assert bank.limit.taken == 0


async def test_who_gives_up_waiting_leaves_the_queue(outgoing):
    bank = Bank(Room(concurrency=1, queue=5))
    tasks = {name: asyncio.create_task(bank.send(outgoing(name))) for name in "abc"}
    await settle()
    tasks["b"].cancel()
    await settle()
    bank.free("a")
    await settle()
    assert list(bank.running) == ["c"]
    bank.free("c")
    await asyncio.gather(tasks["a"], tasks["c"])
    assert bank.limit.taken == 0


async def test_a_place_that_comes_as_its_waiter_gives_up_goes_to_the_next(outgoing):
    bank = Bank(Room(concurrency=1, queue=5))
    tasks = {name: asyncio.create_task(bank.send(outgoing(name))) for name in "abc"}
    await settle()
    bank.free("a")
    await tasks["a"]
    # "b" has its place, and has not run since.
    tasks["b"].cancel()
    await settle()
    assert list(bank.running) == ["c"]
    bank.free("c")
    await tasks["c"]
    assert bank.limit.taken == 0


async def test_a_failure_gives_its_place_back(outgoing):
    async def fail(_outgoing):
        raise ValueError("ours")

    limit = Limit("albion", Room(concurrency=1, queue=0))
    send = limit.around(fail)
    for _ in range(3):
        with pytest.raises(ValueError, match="ours"):
            await send(outgoing("a"))
    assert limit.taken == 0
