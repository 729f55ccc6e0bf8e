"""Watches the folders of the layers, and judges their files whenever the content of any has changed.

Names, times and events say nothing: a ConfigMap swaps one link, an editor writes the same text again. What counts is
the hash over all contents, taken at the start of every watch (what changed before it began has no event), after every
event, and now and then without one, since not every file system tells.
"""

import asyncio
from collections.abc import Awaitable, Callable

from structlog.typing import FilteringBoundLogger
from watchfiles import awatch

from gateway.app.files import content_hash
from gateway.files import Layers
from gateway.files.layers import SHIPPED

_SETTLE_MILLISECONDS = 100
_WAIT_MILLISECONDS = 1000
_LOOK_ANYWAY = 30
"""After so many waits without an event the files are looked at all the same."""

Judge = Callable[[Layers], Awaitable[object]]
"""What becomes of a set of files: layers that are held, of another content than those before."""


class Watch:
    """Looks at `layers` and hands changed ones, held, to `judge`; `seen` is the hash of those that were judged last."""

    def __init__(self, layers: Layers, seen: str, judge: Judge, log: FilteringBoundLogger) -> None:
        self.seen = seen
        self._layers = layers
        self._judge = judge
        self._log = log
        self._blind = False

    async def run(self) -> None:
        """Watches until it is cancelled. A folder that can not be watched is looked at every second, and told once."""
        while True:
            try:
                await self._follow()
            except Exception as error:  # noqa: BLE001 - a folder that is swapped, a limit of the kernel: go on looking
                if not self._blind:
                    self._log.error("files can not be watched; they are looked at every second", exc_info=error)
                self._blind = True
            await asyncio.sleep(_WAIT_MILLISECONDS / 1000)
            await self.look()

    async def look(self) -> None:
        """Judges the files if any content differs from what was judged last."""
        try:
            held = await asyncio.to_thread(self._layers.hold)
            now = await asyncio.to_thread(content_hash, held)
            if now != self.seen:
                self.seen = now
                await self._judge(held)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next change is another chance
            self._log.error("files could not be judged", exc_info=error)

    async def _follow(self) -> None:
        shipped, *own = self._layers.roots
        folders = [*(shipped / folder for folder in SHIPPED), *own]
        quiet = _LOOK_ANYWAY
        async for events in awatch(
            *folders, step=_SETTLE_MILLISECONDS, rust_timeout=_WAIT_MILLISECONDS, yield_on_timeout=True
        ):
            if self._blind:
                self._log.info("files are watched again")
                self._blind = False
            quiet += 1
            if events or quiet > _LOOK_ANYWAY:
                quiet = 0
                await self.look()
