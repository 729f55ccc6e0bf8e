"""What takes calls: the service and public listeners, the generation behind them, and what outlives it.

It stands in the gateway's one process, or in each of its workers. New files are prepared beside the calls, in a thread,
and then taken in one step that can not fail; calls under way end on the set that they began with.
"""

import asyncio
import gc
import random
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from gateway.app.certificates import Certificates
from gateway.app.files import read_files
from gateway.app.generation import Generation, Lasting, Ready, prepare
from gateway.app.report import BankReport, Report
from gateway.app.reviewing import open_reviews
from gateway.app.shared import Shared
from gateway.consents.ready import ReadyConsents, read_consents
from gateway.files import Layers
from gateway.filters.tokens.keysets import KeySets, key_session
from gateway.mapping.identity import Identities
from gateway.secrets import Sealer
from gateway.settings import Settings
from gateway.telemetry.calls import Telemetry
from gateway.web.door import Door
from gateway.web.listeners import Listener
from gateway.web.pages import Pages

_OLDEST_REQUEST_SECONDS = 120.0
_COLLECT_SELDOM = (50_000, 10, 10)
"""The whole heap but what is frozen is looked at after five million objects: what ends in a circle (a connection that
outlived two looks, say) must not wait for days."""
_SWITCH_SECONDS = 0.0005
"""How long a thread that compiles may hold the interpreter while calls wait; the default is ten times as much."""


def clock() -> datetime:
    """The present instant, in UTC."""
    return datetime.now(UTC)


def tune() -> None:
    """Sets the interpreter up for taking calls."""
    gc.set_threshold(*_COLLECT_SELDOM)
    sys.setswitchinterval(_SWITCH_SECONDS)


class Serving:
    """The listeners `service` and `public`, and what answers behind them. To be made in a running loop.

    Raises Refused where keys or consents can not be read.
    """

    def __init__(self, settings: Settings, telemetry: Telemetry) -> None:
        self.settings = settings
        self.telemetry = telemetry
        self.listeners: dict[str, Listener] = {}
        self.certificates = Certificates(settings, telemetry, ("service", "public"))
        self.openapi = b""
        self._started_at = clock()
        self._retired: set[asyncio.Task[None]] = set()
        self._key_sets = KeySets(
            session=key_session, secrets=settings.secrets.read, monotonic=time.monotonic, observe=self._observe
        )
        self._shared = Shared(settings, telemetry, clock)
        self.lasting = self._build_lasting()
        self._generation: Generation | None = None

    @property
    def generation(self) -> Generation:
        """The set of files that serves."""
        assert self._generation is not None
        return self._generation

    async def prepare(self, layers: Layers) -> Ready:
        """Makes a set of files ready, beside the calls. Raises Refused with every problem."""
        return await asyncio.to_thread(lambda: prepare(read_files(layers), self.lasting))

    def take(self, ready: Ready, number: int) -> None:
        """From now on new calls are answered by this set."""
        before = self._generation
        self._generation = Generation(ready, self.lasting, number, before)
        self.openapi = ready.openapi
        if before is not None:
            self._retire(before, self._generation)
            return
        # What was read and built so far lives as long as the process: the collector need not walk it. Later sets are
        # left to it: what is frozen is never collected.
        gc.collect()
        gc.freeze()

    async def build_listeners(self, sockets: Mapping[str, Sequence[socket.socket]] | None = None) -> None:
        """Makes the listeners, not yet open; on sockets that listen already where they are given. Raises Refused.

        One try is made to reach what processes share.
        """
        await self._shared.open()
        fronts = await asyncio.to_thread(self.certificates.load)
        named, limits, given = self.settings.listeners, self.settings.limits, sockets or {}
        door = Door(lambda: self.generation.table, self.telemetry)
        self.listeners["service"] = Listener(
            "service", named.service, fronts["service"], door, limits, sockets=given.get("service", ())
        )
        if named.public is not None:
            pages = Pages({}, self.telemetry.log)
            self.listeners["public"] = Listener(
                "public", named.public, fronts["public"], pages, limits, sockets=given.get("public", ())
            )

    def report(self) -> Report:
        """How it stands."""
        generation = self.generation
        return Report(
            started_at=self._started_at,
            generation=generation.number,
            hash=generation.content_hash,
            loaded_at=generation.loaded_at,
            in_flight=self.telemetry.active,
            connections=sum(listener.connected for listener in self.listeners.values()),
            banks={
                name: BankReport(bank.circuit.state, bank.limit.taken)
                for name, bank in generation.registry.banks.items()
            },
            key_sets=tuple(self._key_sets.reports()),
            redis_answers=self._shared.answers,
            certificates=self.certificates.ends(),
            certificates_refusal=self.certificates.last_refusal,
            metrics=self.telemetry.metrics.snapshot(),
        )

    async def close(self) -> None:
        """Ends what is behind the listeners; to be called when they are empty."""
        for task in self._retired:
            task.cancel()
        await asyncio.gather(*self._retired, return_exceptions=True)
        if self._generation is not None:
            await self._generation.close()
        await self._key_sets.close()
        await self._shared.close()

    def _retire(self, before: Generation, successor: Generation) -> None:
        async def later() -> None:
            await asyncio.sleep(_OLDEST_REQUEST_SECONDS)
            await before.close(successor)

        task = asyncio.create_task(later())
        self._retired.add(task)
        task.add_done_callback(self._retired.discard)

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
            circuits=self._shared.circuits,
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
