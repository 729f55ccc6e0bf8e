"""All listeners from their opening to their end.

Stopping loses no call that was begun: first the gateway says that it is not ready, and that every answer is its
connection's last, while it still takes what comes (`notice`); then it takes no more and waits for the calls in flight
(`grace`). The health listener speaks until the end.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, Protocol

from gateway.settings import Drain


class Entrance(Protocol):
    """A listener, or whatever stands for those of other processes."""

    async def open(self) -> None:
        """Begins to take connections. Raises ListenerUnavailable."""
        ...

    def answer_for_the_last_time(self) -> None:
        """From now on every answer is its connection's last; connections are still taken."""
        ...

    def take_no_more(self) -> None:
        """Takes no connection any more, and closes those that wait for a next request."""
        ...

    async def empty(self, seconds: float) -> int:
        """Waits for the calls in flight, cuts what is left then, and says how many connections that were."""
        ...


class Doors:
    """The entrances of a gateway; `health` may be None in tests and where a parent process has it."""

    def __init__(self, listeners: Sequence[Entrance], health: Entrance | None, drain: Drain) -> None:
        self._listeners = tuple(listeners)
        self._hurried = asyncio.Event()
        self._health = health
        self._drain = drain
        self._draining = False

    @property
    def draining(self) -> bool:
        """Whether the gateway is about to stop; /readyz says so."""
        return self._draining

    async def open(self) -> None:
        """Opens all, or none: raises ListenerUnavailable for the first that can not be."""
        try:
            for listener in self._all():
                await listener.open()
        except BaseException:
            for listener in self._all():
                listener.take_no_more()
                await listener.empty(0)
            raise

    async def close(self) -> int:
        """Stops as the module says. Returns how many connections had to be cut."""
        self._draining = True
        for listener in self._listeners:
            listener.answer_for_the_last_time()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._hurried.wait(), self._drain.notice)
        for listener in self._listeners:
            listener.take_no_more()
        cut = await self._emptied()
        if self._health is not None:
            self._health.take_no_more()
            await self._health.empty(0)
        return cut

    def hurry(self) -> None:
        """No more waiting: a `close` under way cuts what is left, now."""
        self._hurried.set()

    async def _emptied(self) -> int:
        emptying = asyncio.gather(*(listener.empty(self._drain.grace) for listener in self._listeners))
        hurried = asyncio.create_task(self._hurried.wait())
        waited: set[asyncio.Future[Any]] = {emptying, hurried}
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        if emptying.done():
            return sum(emptying.result())
        emptying.cancel()
        return sum(await asyncio.gather(*(listener.empty(0) for listener in self._listeners)))

    def _all(self) -> tuple[Entrance, ...]:
        return (*self._listeners, self._health) if self._health is not None else self._listeners
