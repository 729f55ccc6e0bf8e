"""One timer for whatever a connection waits for: set anew for every phase, but in the loop only when it must.

Most phases end long before their time. The loop's timer is left as it is when the next phase ends later; when it rings
too early it is set to the time that is then due. An ordinary request so costs no timer at all.
"""

import asyncio
import math
from collections.abc import Callable


class Alarm:
    """Calls one action at one time of the loop's clock; setting it again replaces both."""

    __slots__ = ("_action", "_due", "_loop", "_rings_at", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, action: Callable[[], None]) -> None:
        self._loop = loop
        self._action = action
        self._due = self._rings_at = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def set(self, when: float, action: Callable[[], None]) -> None:
        """At `when`, `action` is called, unless something else is set before."""
        self._due, self._action = when, action
        if when < self._rings_at:
            if self._timer is not None:
                self._timer.cancel()
            self._timer, self._rings_at = self._loop.call_at(when, self._ring), when

    def set_in(self, seconds: float, action: Callable[[], None]) -> None:
        """As `set`, from now on."""
        self.set(self._loop.time() + seconds, action)

    def no_later(self, when: float, action: Callable[[], None]) -> tuple[float, Callable[[], None]]:
        """As `set`, unless something is set for an earlier time. Returns what was set, for `set` to restore."""
        before = self._due, self._action
        if when < self._due:
            self.set(when, action)
        return before

    def end(self) -> None:
        """Nothing is called any more."""
        self._due = math.inf
        if self._timer is not None:
            self._timer.cancel()
            self._timer, self._rings_at = None, math.inf

    def _ring(self) -> None:
        self._timer, self._rings_at = None, math.inf
        if self._loop.time() >= self._due:
            self._due = math.inf
            self._action()
        elif self._due < math.inf:
            self.set(self._due, self._action)
