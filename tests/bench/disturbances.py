"""What changes and breaks around a gateway in the soak: its bank, its Redis, its files, its certificate, a worker.

Each is one turn. `Stage` holds the processes that are broken; what is wrong at a moment, and what was wrong lately, is
told by `faults`, so that an answer that failed can be held against it.
"""

import asyncio
import contextlib
import os
import pathlib
import signal
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

from tests.bench.authority import renew_server
from tests.bench.installation import REFERENCES, ROOT
from tests.bench.load import LOAD_PROCESSOR, processes
from tests.bench.ports import PORTS, filled

_LASTS = 4.0
_RECOVERS = 15.0
"""Seconds in which a circuit closes again, callers of a stopped bank are answered, and a worker is replaced."""


class Stage:
    """The bank and the Redis as processes, the gateway's folder, and what has been done to all of them."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.gateway = 0
        self.done: Counter[str] = Counter()
        self._wrong: dict[str, float] = {}
        self._bank = self._redis = _NOTHING
        self._settled = (REFERENCES / "bank.conf").read_text()

    @property
    def faults(self) -> frozenset[str]:
        """What is wrong, or was until some seconds ago."""
        return frozenset(name for name, ended in self._wrong.items() if time.monotonic() - ended < _RECOVERS)

    def begin(self) -> None:
        """Starts the bank and the Redis."""
        self._bank_begins(self._settled)
        self._redis_begins()

    def end(self) -> None:
        """Ends them."""
        for process in (self._bank, self._redis):
            _tell(process, signal.SIGCONT)
            _tell(process, signal.SIGKILL)
            process.wait()

    @property
    def turns(self) -> tuple[Callable[[], Awaitable[None]], ...]:
        """All that can be done, in the order of a round."""
        return (
            self.edit_a_mapping,
            self.renew_the_certificate,
            self.stop_the_bank,
            self.kill_redis,
            self.edit_a_mapping,
            self.end_the_bank,
            self.kill_a_worker,
            self.stop_redis,
            self.let_the_bank_fail,
        )

    async def edit_a_mapping(self) -> None:
        """Every worker reads, checks and compiles all files again."""
        self.done["files edited"] += 1
        path = self.folder / "files/mappings/uk_openbanking/transactions.list.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = (ROOT / "mappings/uk_openbanking/transactions.list.yaml").read_text()
        path.write_text(f"{text}# edit {self.done['files edited']}\n")

    async def renew_the_certificate(self) -> None:
        """Every worker's service listener is renewed."""
        self.done["certificate renewed"] += 1
        renew_server(self.folder)

    async def stop_the_bank(self) -> None:
        """It takes connections, and answers nothing."""
        async with self._wrong_with("bank"):
            _tell(self._bank, signal.SIGSTOP)
            await asyncio.sleep(_LASTS)
            _tell(self._bank, signal.SIGCONT)

    async def end_the_bank(self) -> None:
        """Nothing listens, and answers break in their middle."""
        async with self._wrong_with("bank"):
            self._bank_ends()
            await asyncio.sleep(_LASTS)
            self._bank_begins(self._settled)

    async def let_the_bank_fail(self) -> None:
        """It answers 500 to everything."""
        async with self._wrong_with("bank"):
            self._bank_ends()
            self._bank_begins(self._settled.replace("set $refused", "return 500; set $refused"))
            await asyncio.sleep(_LASTS)
            self._bank_ends()
            self._bank_begins(self._settled)

    async def kill_redis(self) -> None:
        """It comes back empty."""
        async with self._wrong_with("redis"):
            _tell(self._redis, signal.SIGKILL)
            self._redis.wait()
            await asyncio.sleep(_LASTS)
            self._redis_begins()

    async def stop_redis(self) -> None:
        """It hangs, and goes on."""
        async with self._wrong_with("redis"):
            _tell(self._redis, signal.SIGSTOP)
            await asyncio.sleep(_LASTS)
            _tell(self._redis, signal.SIGCONT)

    async def kill_a_worker(self) -> None:
        """What it was answering is lost; another takes its place."""
        async with self._wrong_with("worker"):
            os.kill(processes(self.gateway)[-1], signal.SIGKILL)
            await asyncio.sleep(_LASTS)

    @contextlib.asynccontextmanager
    async def _wrong_with(self, what: str) -> AsyncIterator[None]:
        self.done[f"{what} at fault"] += 1
        self._wrong[what] = float("inf")
        try:
            yield
        finally:
            self._wrong[what] = time.monotonic()

    def _bank_begins(self, configuration: str) -> None:
        path = self.folder / "bank.conf"
        path.write_text(filled(configuration, FOLDER=self.folder))
        self._bank = _started("nginx", "-c", str(path))

    def _bank_ends(self) -> None:
        _tell(self._bank, signal.SIGKILL)
        self._bank.wait()

    def _redis_begins(self) -> None:
        port, folder = str(PORTS["REDIS"]), str(self.folder)
        self._redis = _started("redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", folder)


def _started(*command: str) -> "subprocess.Popen[bytes]":
    quiet = subprocess.DEVNULL
    return subprocess.Popen(
        ["taskset", "-c", LOAD_PROCESSOR, *command], stdout=quiet, stderr=quiet, start_new_session=True
    )


def _tell(process: "subprocess.Popen[bytes]", what: signal.Signals) -> None:
    """A signal to a process and all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, what)


_NOTHING: "subprocess.Popen[bytes]" = None  # type: ignore[assignment] # until `begin`
