"""A gateway process: doors, the generation that serves, and what happens when files change or it is told to stop."""

import asyncio
import contextlib
import gc
import pathlib
import random
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime

import orjson
import uvloop
from watchfiles import awatch

from gateway.app.certificates import Certificates
from gateway.app.files import POLICIES, content_hash, read_files
from gateway.app.generation import Generation, Lasting, prepare
from gateway.app.reviewing import open_reviews
from gateway.app.secret_files import watch_secrets
from gateway.app.shared import Shared
from gateway.banks.inheritance import FOLDER as BANKS
from gateway.consents.ready import ReadyConsents, read_consents
from gateway.files import Layers, Refused
from gateway.filters.tokens.keysets import KeySets, key_session
from gateway.mapping.identity import Identities
from gateway.mapping.library import FOLDER as MAPPINGS
from gateway.secrets import Sealer
from gateway.settings import Settings
from gateway.telemetry import Telemetry, TelemetrySettings
from gateway.web.admin import admin_pages
from gateway.web.door import Door
from gateway.web.drain import Doors
from gateway.web.health import health_pages
from gateway.web.listeners import Listener
from gateway.web.pages import Pages

_SETTLE_MILLISECONDS = 100
_OLDEST_REQUEST_SECONDS = 120.0
_COLLECT_SELDOM = (50_000, 50, 50)


def clock() -> datetime:
    """The present instant, in UTC."""
    return datetime.now(UTC)


class Gateway:
    """One process: made in a running loop, opened, and closed. `listeners` are by name once it is open."""

    def __init__(self, settings: Settings, telemetry: Telemetry) -> None:
        self.settings = settings
        self.telemetry = telemetry
        self.layers = Layers.over_shipped(settings.files)
        self.listeners: dict[str, Listener] = {}
        self.last_refusal: tuple[str, ...] = ()
        self._doors: Doors | None = None
        self._watching: asyncio.Task[None] | None = None
        self._following: asyncio.Task[None] | None = None
        self._loading = asyncio.Lock()
        self._retired: set[asyncio.Task[None]] = set()
        self.certificates = Certificates(settings, telemetry)
        self._key_sets = KeySets(
            session=key_session, secrets=settings.secrets.read, monotonic=time.monotonic, observe=self._observe
        )
        self._shared = Shared(settings, telemetry, clock)
        self._lasting = self._build_lasting()
        self._generation: Generation | None = None

    @property
    def generation(self) -> Generation:
        """The set of files that serves."""
        assert self._generation is not None
        return self._generation

    async def open(self) -> None:
        """Loads the files, opens all listeners, begins to watch. Raises Refused, ListenerUnavailable."""
        await self._load()
        await self._shared.open()
        fronts = await asyncio.to_thread(self.certificates.load)
        pages = await asyncio.to_thread(admin_pages, lambda: self.generation.openapi, self.status)
        door = Door(lambda: self.generation.table, self.telemetry)
        log, limits, named = self.telemetry.log, self.settings.limits, self.settings.listeners
        self.listeners["service"] = Listener("service", named.service, fronts["service"], door, limits)
        if named.public is not None:
            self.listeners["public"] = Listener("public", named.public, fronts["public"], Pages({}, log), limits)
        self.listeners["admin"] = Listener("admin", named.admin, fronts["admin"], Pages(pages, log), limits)
        probes = Pages(health_pages(self._waits_for, self.telemetry.metrics_text), log)
        health = Listener("health", named.health, fronts["health"], probes, limits)
        self._doors = Doors(tuple(self.listeners.values()), health, self.settings.drain)
        self.listeners["health"] = health
        await self._doors.open()
        self._watching = asyncio.create_task(self._watch())
        self._following = asyncio.create_task(watch_secrets(self.settings.secrets, self._follow, log))
        ports = {name: listener.port for name, listener in self.listeners.items()}
        log.info("serving", ports=ports, generation=self.generation.number, banks=list(self.settings.banks))

    async def close(self) -> int:
        """Stops as the settings' `drain` says. Returns how many connections had to be cut."""
        for watching in (self._watching, self._following):
            if watching is not None:
                watching.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await watching
        cut = await self._doors.close() if self._doors is not None else 0
        for task in self._retired:
            task.cancel()
        await asyncio.gather(*self._retired, return_exceptions=True)
        if self._generation is not None:
            await self._generation.close()
        await self._key_sets.close()
        await self._shared.close()
        self.telemetry.log.info("stopped", cut=cut)
        return cut

    async def reload(self) -> bool:
        """Loads the files anew; whether they serve now. A refused set is told, and the old one goes on."""
        try:
            async with self._loading:
                await self._load()
        except Refused as refused:
            self.last_refusal = tuple(str(problem) for problem in refused.problems)
            self.telemetry.metrics.generation_refused()
            self.telemetry.log.warning("files refused, the old ones go on serving", problems=list(self.last_refusal))
            return False
        self.last_refusal = ()
        self.telemetry.log.info("files loaded", generation=self.generation.number, hash=self.generation.content_hash)
        return True

    async def renew(self) -> bool:
        """Reads the listeners' certificates anew; whether they serve now. Refused ones are told, and the old go on."""
        return await self.certificates.renew(self.listeners)

    def status(self) -> bytes:
        """The gateway's state as JSON: files, banks, key sets, certificates, and how Redis fares where there is one."""
        generation = self.generation
        return orjson.dumps(
            {
                "files": {
                    "generation": generation.number,
                    "hash": generation.content_hash,
                    "loaded_at": generation.loaded_at.isoformat(),
                    "age_seconds": round((clock() - generation.loaded_at).total_seconds(), 3),
                    "last_refusal": self.last_refusal,
                },
                "banks": {
                    name: {"circuit": bank.circuit.state, "under_way": bank.limit.taken}
                    for name, bank in generation.registry.banks.items()
                },
                "key_sets": [
                    {
                        "issuer": one.issuer,
                        "keys": one.key_ids,
                        "age_seconds": one.age,
                        "failure": one.last_failure,
                    }
                    for one in self._key_sets.reports()
                ],
                "redis": self._shared.state(),
                "certificates": self.certificates.state(),
                "certificates_refusal": self.certificates.last_refusal,
            },
            option=orjson.OPT_INDENT_2,
        )

    async def _load(self) -> None:
        ready = await asyncio.to_thread(lambda: prepare(read_files(self.layers), self._lasting))
        before = self._generation
        number = before.number + 1 if before is not None else 1
        self._generation = Generation(ready, self._lasting, number, before)
        self.telemetry.metrics.generation(number, ready.files.content_hash)
        if before is not None:
            self._retire(before, self._generation)
        # What was just built lives long: the collector need not walk it. Without unfreezing first, old sets would stay.
        gc.unfreeze()
        gc.collect()
        gc.freeze()

    def _retire(self, before: Generation, successor: Generation) -> None:
        async def later() -> None:
            await asyncio.sleep(_OLDEST_REQUEST_SECONDS)
            await before.close(successor)

        task = asyncio.create_task(later())
        self._retired.add(task)
        task.add_done_callback(self._retired.discard)

    async def _watch(self) -> None:
        """Reloads when the content of any file changed; names and times of files say nothing (ConfigMaps)."""
        folders = [root / folder for root in self.layers.roots[:1] for folder in (MAPPINGS, POLICIES, BANKS)]
        folders += self.layers.roots[1:]
        seen = self.generation.content_hash
        while True:
            try:
                async for _ in awatch(*folders, step=_SETTLE_MILLISECONDS, recursive=True, rust_timeout=1000):
                    now = await asyncio.to_thread(content_hash, self.layers)
                    if now != seen:
                        seen = now
                        await self.reload()
            except Exception:  # a file that goes while it is read, a folder that is swapped: the next change counts
                self.telemetry.metrics.generation_refused()
                self.telemetry.log.exception("files can not be watched or loaded; trying again")
                await asyncio.sleep(1)

    async def _follow(self, changed: frozenset[pathlib.Path]) -> None:
        """Takes what secrets' files hold now: listeners by themselves, banks and upstreams with their files."""
        certificates = self.certificates.files()
        if changed & certificates:
            await self.renew()
        if changed - certificates:
            await self.reload()

    def _waits_for(self) -> tuple[str, ...]:
        return ("drained",) if self._doors is not None and self._doors.draining else ()

    def _build_lasting(self) -> Lasting:
        settings, keys = self.settings, self.settings.keys
        consents = (
            read_consents(settings.consents, settings.secrets, clock)
            if settings.consents is not None
            else ReadyConsents((), clock)
        )
        return Lasting(
            settings=settings,
            identities=Identities(settings.secrets.key(keys.ids).reveal()),
            sealer=Sealer([settings.secrets.key(reference) for reference in keys.cursors]),
            hash_key=settings.secrets.key(keys.hashes).reveal(),
            consents=consents,
            counters=self._shared.counters,
            local_counters=self._shared.local_counters,
            replays=self._shared.replays,
            key_sets=self._key_sets,
            metrics=self.telemetry.metrics,
            clock=clock,
            monotonic=time.monotonic,
            new_id=_new_id,
            reviews=open_reviews(settings),
        )

    def _observe(self, issuer: str, age: Callable[[], float], key_ids: tuple[str, ...]) -> None:
        self.telemetry.metrics.keyset(issuer, age, key_ids)


def _new_id() -> str:
    """A random UUID (RFC 9562 section 5.4): it tells calls apart and keeps no secret, so quick random bits will do."""
    digits = f"{random.getrandbits(128):032x}"
    variant = "89ab"[random.getrandbits(2)]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def run(settings: Settings, opened: Callable[[Gateway], None] = lambda _: None) -> None:
    """Serves until SIGTERM or SIGINT, then drains. `opened` is told once all doors are open."""
    uvloop.run(_serve(settings, opened))


async def _serve(settings: Settings, opened: Callable[[Gateway], None]) -> None:
    said = settings.telemetry
    telemetry = Telemetry(
        TelemetrySettings(
            service_name=said.service_name,
            endpoint=said.otlp_endpoint,
            authority=str(said.otlp_ca) if said.otlp_ca is not None else None,
            ratio=said.ratio,
            trust_traceparent=said.trust_traceparent,
            log_level=said.log_level,
            log_format=said.log_format,
        )
    )
    telemetry.report_uncaught()
    gc.set_threshold(*_COLLECT_SELDOM)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    try:
        gateway = Gateway(settings, telemetry)
        await gateway.open()
        opened(gateway)
        await stop.wait()
        await gateway.close()
    finally:
        await asyncio.to_thread(telemetry.close)
