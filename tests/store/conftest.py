import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from gateway.secrets import Secrets
from gateway.settings import RedisSettings
from gateway.store.redis import Line, Opening
from gateway.telemetry.calls import Telemetry, TelemetrySettings
from tests.store.servers import RedisServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server for a module; a test that harms it repairs it."""
    started = RedisServer(tmp_path_factory.mktemp("redis"))
    yield started
    started.close()


class Tally:
    """A meter that keeps what it is told; what it is waited for can be awaited."""

    def __init__(self) -> None:
        self.states: list[bool] = []
        self.failures: list[str] = []
        self.operations: list[str] = []
        self._changed = asyncio.Event()

    def store(self, *, there: bool) -> None:
        self.states.append(there)
        self._changed.set()

    def store_failed(self, reason: str) -> None:
        self.failures.append(reason)
        self._changed.set()

    def store_asked(self, operation: str, seconds: float) -> None:
        assert seconds >= 0
        self.operations.append(operation)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits for what it is told next, until that is so."""
        async with asyncio.timeout(20):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


@pytest.fixture
async def tally() -> Tally:
    return Tally()


@pytest.fixture
async def lines(tally: Tally) -> AsyncIterator[Callable[..., Awaitable[Line]]]:
    """`await lines(url, within=..., secrets={...}, **settings)` opens a line; each is closed after the test."""
    log = io.BytesIO()
    opened: list[Line] = []
    telemetry = Telemetry(TelemetrySettings(log_stream=log))

    async def open_line(
        url: str, *, within: float = 5.0, secrets: dict[str, str] | None = None, prefix: str = "test", **more: str
    ) -> Line:
        settings = RedisSettings(url=url, timeout=within, prefix=prefix, **more)
        line = Line(
            Opening(settings, Secrets(None, secrets or {})).connection,
            tally,
            telemetry.log,
            prefix=prefix,
            timeout=within,
            connect_timeout=settings.connect_timeout,
        )
        opened.append(line)
        await line.open()
        return line

    yield open_line
    for line in opened:
        await line.close()
    await asyncio.to_thread(telemetry.close)
