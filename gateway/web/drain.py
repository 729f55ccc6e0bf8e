"""All listeners from their opening to their end.

Stopping loses no call that was begun: first the gateway says that it is not ready, and that every answer is its
connection's last, while it still takes what comes (`notice`); then it takes no more and waits for the calls in flight
(`grace`). The health listener speaks until the end.
"""

import asyncio
from collections.abc import Sequence

from gateway.settings import Drain
from gateway.web.listeners import Listener


class Doors:
    """The listeners of a process; `health` may be None in tests and where a parent process has it."""

    def __init__(self, listeners: Sequence[Listener], health: Listener | None, drain: Drain) -> None:
        self._listeners = tuple(listeners)
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
        if self._drain.notice:
            await asyncio.sleep(self._drain.notice)
        for listener in self._listeners:
            listener.take_no_more()
        cut = sum(await asyncio.gather(*(listener.empty(self._drain.grace) for listener in self._listeners)))
        if self._health is not None:
            self._health.take_no_more()
            await self._health.empty(0)
        return cut

    def _all(self) -> tuple[Listener, ...]:
        return (*self._listeners, self._health) if self._health is not None else self._listeners
