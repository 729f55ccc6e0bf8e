"""Banks that are left alone by all processes, once one of them has seen enough.

No call waits for any of this. Who opens a circuit writes it down for as long as it is open; every process looks once a
second. That it ends needs no telling: the note ends by itself, and then each process tries for itself.
"""

import asyncio
import contextlib
import functools
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from gateway.errors import StoreUnavailable
from gateway.store.redis.line import Line, Script

_LOOK_EVERY = 1.0
_LOOK = Script(
    "look_at_circuits",
    """
local left = {}
for number, key in ipairs(KEYS) do left[number] = math.max(0, redis.call('PTTL', key)) end
return table.concat(left, ' ')
""",
)


class Shareable(Protocol):
    """A circuit as far as others must know it."""

    def share(self, announce: Callable[[float], None]) -> None:
        """From now on `announce` is told when it opens, and for how many seconds."""
        ...

    def leave_alone(self, seconds: float) -> None:
        """Another process opened its own for so long."""
        ...


class RedisCircuits:
    """The circuits that this process shares, by name of bank."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._circuits: dict[str, Shareable] = {}
        self._looking: asyncio.Task[None] | None = None
        self._telling: set[asyncio.Task[None]] = set()

    def share(self, circuits: Mapping[str, Shareable]) -> None:
        """Shares these from now on, and no others."""
        self._circuits = dict(circuits)
        for bank, circuit in circuits.items():
            circuit.share(functools.partial(self._announce, bank))

    async def open(self) -> None:
        """Begins to look."""
        self._looking = asyncio.create_task(self._look_again_and_again())

    async def close(self) -> None:
        """Looks no more."""
        tasks = [*self._telling, *([self._looking] if self._looking is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def look(self) -> None:
        """Opens each circuit that another process has open. Raises StoreUnavailable."""
        circuits = self._circuits
        if not circuits:
            return
        answer: Any = await self._line.run(_LOOK, [self._key(bank) for bank in circuits], ())
        for circuit, left in zip(circuits.values(), answer.split(), strict=True):
            if int(left) > 0:
                circuit.leave_alone(int(left) / 1000)

    async def _look_again_and_again(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            with contextlib.suppress(StoreUnavailable):
                await self.look()

    def _announce(self, bank: str, seconds: float) -> None:
        task = asyncio.create_task(self._tell(bank, seconds))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell(self, bank: str, seconds: float) -> None:
        with contextlib.suppress(StoreUnavailable):
            await self._line.ask("open_circuit", "SET", self._key(bank), 1, "PX", max(1, round(seconds * 1000)))

    def _key(self, bank: str) -> str:
        return f"{self._line.prefix}:{{circuits}}:{bank}"
