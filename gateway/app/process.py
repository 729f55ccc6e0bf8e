"""The gateway's one process, or the parent of its workers: files watched, admin and health served, signals obeyed."""

import asyncio
import contextlib
import os
import pathlib
import signal
import tempfile
from collections.abc import Callable, Mapping
from typing import Any

import uvloop

from gateway.app.certificates import Certificates
from gateway.app.crew import Alone, Crew, Loaded
from gateway.app.report import state
from gateway.app.secret_files import watch_secrets
from gateway.app.serving import Serving, clock, tune
from gateway.app.telling import open_telemetry
from gateway.app.watching import Watch
from gateway.app.workers import Workers
from gateway.files import Layers, Refused
from gateway.settings import Settings
from gateway.telemetry.calls import Telemetry
from gateway.web.admin import admin_pages
from gateway.web.drain import Doors
from gateway.web.health import health_pages
from gateway.web.listeners import Listener
from gateway.web.pages import Pages


class Gateway:
    """Made in a running loop, opened, and closed. `listeners` are those of this side, by name, once it is open."""

    def __init__(self, settings: Settings, telemetry: Telemetry) -> None:
        self.settings = settings
        self.telemetry = telemetry
        self.layers = Layers.over_shipped(settings.files)
        self.listeners: dict[str, Listener] = {}
        self.last_refusal: tuple[str, ...] = ()
        self.certificates = Certificates(settings, telemetry, ("admin", "health"))
        self.crew: Crew = (
            Workers(settings, telemetry, settings.workers)
            if settings.workers > 1
            else Alone(Serving(settings, telemetry))
        )
        self.number = 0
        self._doors: Doors | None = None
        self._watching: tuple[asyncio.Task[None], ...] = ()
        self._changing = asyncio.Lock()
        self._loaded: Loaded | None = None
        self._loaded_at = clock()
        telemetry.metrics.workers(lambda: self.crew.serving)

    async def open(self) -> None:
        """Loads the files, opens all listeners, begins to watch. Raises Refused, ListenerUnavailable, WorkerFailed."""
        try:
            await self._open()
        except BaseException:
            await self.crew.close()
            raise

    async def close(self) -> int:
        """Stops as the settings' `drain` says. Returns how many connections had to be cut."""
        for watching in self._watching:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching
        cut = await self._doors.close() if self._doors is not None else 0
        await self.crew.close()
        self.telemetry.log.info("stopped", cut=cut)
        return cut

    def hurry(self) -> None:
        """A `close` under way cuts what is left, now."""
        if self._doors is not None:
            self._doors.hurry()

    async def reload(self) -> bool:
        """Reads the files anew, changed or not, with all secrets that they name; whether they serve now."""
        return await self.judge(await asyncio.to_thread(self.layers.hold))

    async def follow(self, changed: frozenset[pathlib.Path]) -> None:
        """Takes what secrets' files hold now: listeners by themselves, banks and upstreams with their files."""
        certificates = self.certificates.files()
        if changed & certificates:
            await self.renew()
        if changed - certificates:
            await self.reload()

    async def judge(self, held: Layers) -> bool:
        """Takes a set of files, or refuses it: then it is told, and the old one goes on. Whether it serves now."""
        async with self._changing:
            try:
                self._serves(await self.crew.change(held, self.number + 1))
            except Refused as refused:
                self.last_refusal = tuple(str(problem) for problem in refused.problems)
                self.telemetry.metrics.generation_refused()
                problems = list(self.last_refusal)
                self.telemetry.log.warning("files refused, the old ones go on serving", problems=problems)
                return False
            self.last_refusal = ()
            self.telemetry.log.info("files loaded", generation=self.number, hash=self.content_hash)
            return True

    async def renew(self) -> bool:
        """Reads the listeners' certificates anew; whether they serve now. Refused ones are told, and the old go on."""
        own = await self.certificates.renew(self.listeners)
        return await self.crew.renew() and own

    @property
    def content_hash(self) -> str:
        """The hash of the files that serve."""
        return self._loaded.content_hash if self._loaded is not None else ""

    def ports(self) -> dict[str, int]:
        """The ports of all listeners, by name."""
        return {**self.crew.ports(), **{name: listener.port for name, listener in self.listeners.items()}}

    async def state(self) -> Mapping[str, Any]:
        """The gateway's state: files, workers, banks, key sets, Redis, certificates."""
        await self.crew.refresh()
        now = clock()
        files = {
            "generation": self.number,
            "hash": self.content_hash,
            "loaded_at": self._loaded_at.isoformat(),
            "age_seconds": round((now - self._loaded_at).total_seconds(), 3),
            "last_refusal": self.last_refusal,
        }
        return state(self.crew.members(), files, self.certificates, now)

    async def _open(self) -> None:
        held = await asyncio.to_thread(self.layers.hold)
        self._serves(await self.crew.start(held, 1))
        fronts = await asyncio.to_thread(self.certificates.load)
        pages = await asyncio.to_thread(admin_pages, self._openapi, self.state)
        log, limits, named = self.telemetry.log, self.settings.limits, self.settings.listeners
        admin = Listener("admin", named.admin, fronts["admin"], Pages(pages, log), limits)
        probes = Pages(health_pages(self._waits_for, self._metrics_text), log)
        health = Listener("health", named.health, fronts["health"], probes, limits)
        self.listeners = {"admin": admin, "health": health}
        self._doors = Doors((*self.crew.entrances(), admin), health, self.settings.drain)
        await self._doors.open()
        watch = Watch(self.layers, self.content_hash, self.judge, log)
        self._watching = (
            asyncio.create_task(watch.run()),
            asyncio.create_task(watch_secrets(self.settings.secrets, self.follow, log)),
        )
        log.info("serving", ports=self.ports(), generation=self.number, banks=list(self.settings.banks))

    def _serves(self, loaded: Loaded) -> None:
        self.number += 1
        self._loaded, self._loaded_at = loaded, clock()
        self.telemetry.metrics.generation(self.number, loaded.content_hash)

    def _openapi(self) -> bytes:
        assert self._loaded is not None
        return self._loaded.openapi

    async def _metrics_text(self) -> bytes:
        await self.crew.refresh()
        return self.crew.metrics_text()

    def _waits_for(self) -> tuple[str, ...]:
        if self._doors is not None and self._doors.draining:
            return ("drained",)
        return () if self.crew.serving else ("workers",)


def run(settings: Settings, opened: Callable[[Gateway], None] = lambda _: None) -> bool:
    """Serves until SIGTERM or SIGINT, then drains; a second one ends the waiting. SIGHUP reads all files anew.

    `opened` is told once all doors are open. Returns whether nothing had to be cut in a hurry.
    """
    return uvloop.run(_serve(settings, opened))


def _log_lock() -> int:
    """The descriptor of a file without a name, for as long as the process lives."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("log-lock")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


async def _serve(settings: Settings, opened: Callable[[Gateway], None]) -> bool:
    telemetry = open_telemetry(settings, _log_lock() if settings.workers > 1 else None)
    tune()
    stop, hurried = asyncio.Event(), asyncio.Event()
    reloads: set[asyncio.Task[bool]] = set()
    loop = asyncio.get_running_loop()

    def end() -> None:
        if stop.is_set():
            hurried.set()
            gateway.hurry()
        stop.set()

    def reload() -> None:
        for work in (gateway.reload(), gateway.renew()):
            task = asyncio.create_task(work)
            reloads.add(task)
            task.add_done_callback(reloads.discard)

    try:
        gateway = Gateway(settings, telemetry)
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, end)
        await gateway.open()
        loop.add_signal_handler(signal.SIGHUP, reload)
        opened(gateway)
        await stop.wait()
        await gateway.close()
    finally:
        await asyncio.to_thread(telemetry.close)
    return not hurried.is_set()
