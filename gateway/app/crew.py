"""Who takes the calls: the one process by itself, or workers. The gateway's parent side knows no more than this."""

from typing import Protocol

from gateway.app.report import Member
from gateway.app.serving import Serving
from gateway.files import Layers
from gateway.web.drain import Entrance
from gateway.web.listeners import Listener


class Loaded(Protocol):
    """A set of files that serves: the hash of its contents and the OpenAPI document of its routes."""

    @property
    def content_hash(self) -> str:
        """SHA-256, in hex."""
        ...

    @property
    def openapi(self) -> bytes:
        """JSON."""
        ...


class Crew(Protocol):
    """One or more processes that serve one set of files at a time."""

    async def start(self, layers: Layers, number: int) -> Loaded:
        """Gets ready with the first set. Raises Refused, ListenerUnavailable, WorkerFailed."""
        ...

    async def change(self, layers: Layers, number: int) -> Loaded:
        """Serves another set everywhere; raises Refused with every problem, and then serves it nowhere."""
        ...

    async def renew(self) -> bool:
        """Reads the listeners' certificates anew; whether they serve now everywhere."""
        ...

    async def refresh(self) -> None:
        """Brings the reports of `members` up to date."""
        ...

    async def close(self) -> None:
        """Ends what is behind the entrances; to be called when they are empty, or instead of opening them."""
        ...

    def entrances(self) -> tuple[Entrance, ...]:
        """What is opened, and closed in the end."""
        ...

    def ports(self) -> dict[str, int]:
        """The ports of the listeners where calls come in."""
        ...

    def members(self) -> tuple[Member, ...]:
        """The processes, with their latest reports."""
        ...

    def metrics_text(self) -> bytes:
        """The exposition of all processes together, of the latest reports."""
        ...

    @property
    def serving(self) -> int:
        """How many processes take calls."""
        ...


class Alone:
    """A crew of one: this process."""

    def __init__(self, serving: Serving) -> None:
        self.process = serving

    async def start(self, layers: Layers, number: int) -> Loaded:
        """See Crew.start."""
        loaded = await self.change(layers, number)
        await self.process.build_listeners()
        return loaded

    async def change(self, layers: Layers, number: int) -> Loaded:
        """See Crew.change."""
        ready = await self.process.prepare(layers)
        self.process.take(ready, number)
        return self.process.generation

    async def renew(self) -> bool:
        """See Crew.renew."""
        return await self.process.certificates.renew(self.process.listeners)

    async def refresh(self) -> None:
        """Nothing: a report is made when it is asked for."""

    async def close(self) -> None:
        """See Crew.close."""
        await self.process.close()

    def entrances(self) -> tuple[Listener, ...]:
        """The listeners."""
        return tuple(self.process.listeners.values())

    def ports(self) -> dict[str, int]:
        """See Crew.ports."""
        return {name: listener.port for name, listener in self.process.listeners.items()}

    def members(self) -> tuple[Member, ...]:
        """This process."""
        report = self.process.report()
        return (Member(1, "serving", report.pid, report),)

    def metrics_text(self) -> bytes:
        """See Crew.metrics_text."""
        return self.process.telemetry.metrics_text()

    @property
    def serving(self) -> int:
        """One: this process would not answer otherwise."""
        return 1
