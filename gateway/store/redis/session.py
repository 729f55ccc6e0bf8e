"""One connection while it lasts: what calls ask in one turn of the loop goes out together, answers come in that order.

It ends at the first sign of trouble, for then nobody can tell which answer belongs to whom; whoever waits is told.
"""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Sequence
from typing import Any

from redis import exceptions
from redis.asyncio.connection import AbstractConnection

from gateway.store.redis.translation import FOREIGN, word_for


class Lost(Exception):
    """The connection ended before the answer came: whether it was done is not known. The message is one word."""


class Session:
    """A connection in use; `lost` has the one word for why it ended, once it has. `timeout` is in seconds."""

    def __init__(self, connection: AbstractConnection, timeout: float) -> None:
        self._loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[str] = self._loop.create_future()
        self._connection = connection
        self._timeout = timeout
        self._outbox: list[bytes] = []
        self._wake = asyncio.Event()
        self._asked: deque[tuple[float, asyncio.Future[Any]]] = deque()
        self._alarm: asyncio.TimerHandle | None = None
        self._tasks = (asyncio.create_task(self._write()), asyncio.create_task(self._read()))

    def ask(self, command: Sequence[str | bytes | int]) -> Awaitable[Any]:
        """The answer to come: raises Lost, or redis-py's ResponseError. Sent in the order of the calls."""
        answer: asyncio.Future[Any] = self._loop.create_future()
        if self.lost.done():
            answer.set_exception(Lost(self.lost.result()))
            return answer
        self._outbox += self._connection.pack_command(*command)
        self._asked.append((self._loop.time() + self._timeout, answer))
        self._wake.set()
        if self._alarm is None:
            self._alarm = self._loop.call_later(self._timeout, self._ring)
        return answer

    def hasten(self, timeout: float) -> None:
        """From now on, answers may take so many seconds; to be called while nobody waits."""
        self._timeout = timeout
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def lose(self, word: str) -> None:
        """Ends it: everybody who waits is told why."""
        if self.lost.done():
            return
        self.lost.set_result(word)
        for _, answer in self._asked:
            if not answer.done():
                answer.set_exception(Lost(word))

    async def close(self) -> None:
        """Gives the connection back to the system."""
        self.lose("closed")
        if self._alarm is not None:
            self._alarm.cancel()
        for task in self._tasks:
            task.cancel()
        try:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        finally:
            await self._connection.disconnect(nowait=True)

    async def _write(self) -> None:
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                written, self._outbox = self._outbox, []
                await self._connection.send_packed_command(b"".join(written), check_health=False)
        except FOREIGN as error:
            self.lose(word_for(error))

    async def _read(self) -> None:
        read = self._connection.read_response
        try:
            while True:
                try:
                    said = await read(timeout=math.inf, disconnect_on_error=False)
                except exceptions.ResponseError as error:
                    said = error
                if not self._asked:
                    self.lose("no_redis")
                    return
                _, answer = self._asked.popleft()
                if answer.done():
                    continue  # its call was given up
                if isinstance(said, Exception):
                    answer.set_exception(said)
                else:
                    answer.set_result(said)
        except FOREIGN as error:
            self.lose(word_for(error))

    def _ring(self) -> None:
        """One timer for all: answers come in order, so only the first of those that wait can be late first."""
        self._alarm = None
        if not self._asked:
            return
        due, _ = self._asked[0]
        if due <= self._loop.time():
            self.lose("timed_out")
        else:
            self._alarm = self._loop.call_at(due, self._ring)
