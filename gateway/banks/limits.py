"""A bound on what runs at one bank at a time (`Send -> Send`), and on who waits for a place.

A slow bank fills its own places and its own queue, never the gateway. Who waits is served in order, and not beyond the
deadline of the call.
"""

import asyncio
from collections import deque

import msgspec

from gateway.banks.client import MARGIN
from gateway.contract import BankResponse
from gateway.errors import Overloaded
from gateway.exchange import Outgoing, Send


class Room(msgspec.Struct, frozen=True):
    """How many requests may run at a bank at once, and how many may wait."""

    concurrency: int
    queue: int


class Limit:
    """The places of one bank."""

    def __init__(self, bank: str, room: Room) -> None:
        self._bank = bank
        self._room = room
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def taken(self) -> int:
        """Requests that run now."""
        return self._taken

    @property
    def waiting(self) -> int:
        """Requests that wait for a place."""
        return len(self._waiting)

    def around(self, send: Send) -> Send:
        """The limit around a way to the bank. Raises Overloaded, naming the bank, where no place comes free."""

        async def limited(outgoing: Outgoing) -> BankResponse:
            if self._taken < self._room.concurrency:
                self._taken += 1
            else:
                await self._wait(outgoing.deadline)
            try:
                return await send(outgoing)
            finally:
                self._hand_on()

        return limited

    async def _wait(self, deadline: float) -> None:
        """Returns with a place taken."""
        if len(self._waiting) >= self._room.queue:
            raise self._overloaded()
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            async with asyncio.timeout_at(deadline - MARGIN):
                await place
        except BaseException as error:
            if place.done() and not place.cancelled():
                # The place came in the same moment: it goes to the next.
                self._hand_on()
            else:
                self._waiting.remove(place)
            if isinstance(error, TimeoutError):
                raise self._overloaded() from None
            raise

    def _hand_on(self) -> None:
        """A place that was given up goes straight to who waits longest, so that nobody overtakes."""
        if self._waiting:
            self._waiting.popleft().set_result(None)
        else:
            self._taken -= 1

    def _overloaded(self) -> Overloaded:
        return Overloaded(
            "Too many requests to this bank are under way.", headers=(("Retry-After", "1"),), bank=self._bank
        )
