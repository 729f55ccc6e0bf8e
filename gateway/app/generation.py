"""One set of files, ready to serve: banks opened, mappings bound to their keys, routes built; replaced as a whole.

`prepare` does what may fail or take time, in a thread; `Generation` is then made in the loop and can not fail.
"""

import gc
import hashlib
import hmac
from collections.abc import Callable
from datetime import timedelta

import msgspec

from gateway.app.files import FileSet
from gateway.app.reviewing import keeping
from gateway.banks.registry import Bank, Prepared, Registry, open_banks, prepare_banks
from gateway.calls import Catalogue, Desk, Parts, build_operations
from gateway.calls.catalogue import CatalogueEntry, Health
from gateway.contract import Clock
from gateway.exchange import ConsentStore
from gateway.files import Problem, Refused, near
from gateway.filters import Building
from gateway.filters.tokens.keysets import KeySets
from gateway.mapping.identity import Identities
from gateway.mapping.pages import instant
from gateway.mapping.records import BoundMapping
from gateway.routes import PreparedFilters, RouteTable
from gateway.routes import prepare as prepare_filters
from gateway.secrets import CertificateUnusable, Sealer, Secrets, SecretUnreadable
from gateway.settings import Settings
from gateway.store.counters import Counters
from gateway.store.redis import RedisCircuits
from gateway.store.replays import ReplaySet
from gateway.store.reviews import Reviews
from gateway.telemetry.metrics import Metrics
from gateway.upstreams import Upstreams


class Lasting(msgspec.Struct, frozen=True, kw_only=True):
    """What outlives a generation: keys, consents, counters, key sets, metrics, clocks."""

    settings: Settings
    identities: Identities
    sealer: Sealer
    hash_key: bytes
    consents: ConsentStore
    counters: Counters
    local_counters: Counters
    replays: ReplaySet
    circuits: RedisCircuits | None
    key_sets: KeySets
    metrics: Metrics
    clock: Clock
    monotonic: Callable[[], float]
    new_id: Callable[[], str]
    reviews: Reviews | None = None

    def hash_consent(self, consent_id: str) -> str:
        """The keyed hash under which telemetry knows a consent: 16 hex digits of an HMAC-SHA256."""
        return hmac.new(self.hash_key, consent_id.encode(), hashlib.sha256).hexdigest()[:16]


class Ready(msgspec.Struct, frozen=True):
    """A set of files of which nothing can fail any more."""

    files: FileSet
    banks: tuple[Prepared, ...]
    filters: PreparedFilters
    upstreams: Upstreams
    mappings: dict[str, dict[str, BoundMapping]]
    openapi: bytes


def prepare(files: FileSet, lasting: Lasting) -> Ready:
    """Reads secrets, binds mappings, writes the contract down. Blocks; to be called in a thread. Raises Refused."""
    # A set is full of circles (functions and their modules, handlers and what they close over), and the collector looks
    # seldom. Those that were retired or refused before go now: of a heap that is frozen this takes milliseconds.
    gc.collect()
    served, problems = [], []
    for name in lasting.settings.banks:
        if name in files.banks:
            served.append(files.banks[name])
        else:
            told = f"'{name}' is not a bank that can be served{near(name, files.banks)}"
            problems.append(Problem("settings", 1, 1, "banks", told))
    if problems:
        raise Refused(problems)
    banks = prepare_banks(served, lasting.settings.secrets)
    filters = prepare_filters(files.policies, lasting.settings.secrets)
    upstreams = _upstreams(files, lasting.settings.secrets)
    mappings = {bank.file.profile.name: _bound(files, bank, lasting.identities) for bank in banks}
    return Ready(files, banks, filters, upstreams, mappings, files.openapi())


def _upstreams(files: FileSet, secrets: Secrets) -> Upstreams:
    upstreams, problems = Upstreams(secrets.read), []
    for policy in files.policies:
        if policy.upstream is not None:
            try:
                upstreams.prepare(policy.upstream)
            except (SecretUnreadable, CertificateUnusable) as error:
                problems.append(policy.problem(str(error), "upstream", "tls"))
    if problems:
        raise Refused(problems)
    return upstreams


def _bound(files: FileSet, bank: Prepared, identities: Identities) -> dict[str, BoundMapping]:
    library, profile = files.library, bank.file.profile
    bound: dict[str, BoundMapping] = {}
    for name in library.mappings:
        dialect, last = name.partition("/")[0], name.rpartition("/")[2]
        resource, verb, *rest = last.split(".")
        operation, form = f"{resource}.{verb}", ".".join(rest)
        if dialect == profile.dialect and last not in bound:
            compiled = library.select(dialect, profile.lineage, operation, form)
            if compiled is not None:
                bound[last] = BoundMapping(compiled, library.contract.records, profile.zone, identities)
    return bound


class Generation:
    """A set of files that serves; `number` counts the sets of this process from 1."""

    def __init__(self, ready: Ready, lasting: Lasting, number: int, previous: "Generation | None") -> None:
        self.number = number
        self.content_hash = ready.files.content_hash
        self.openapi = ready.openapi
        self.loaded_at = lasting.clock()
        self._clock = lasting.clock
        before = previous.registry if previous is not None else None
        self.registry: Registry = open_banks(
            ready.banks, lasting.metrics, lasting.clock, before, keeping(lasting.reviews, lasting.clock)
        )
        if lasting.circuits is not None:
            banks = self.registry.banks.items()
            lasting.circuits.share({name: one.circuit for name, one in banks if one.way.conditions.tolerance.shared})
        self.upstreams = ready.upstreams
        parts = Parts(
            desks={name: _desk(bank, ready.mappings[name]) for name, bank in self.registry.banks.items()},
            catalogue=Catalogue({name: _entry(bank) for name, bank in self.registry.banks.items()}, self.health),
            consents=lasting.consents,
            sealer=lasting.sealer,
            clock=lasting.clock,
            new_id=lasting.new_id,
        )
        building = Building(
            operations=build_operations(parts),
            upstream=self.upstreams.handler,
            consents=lasting.consents,
            counters=lasting.counters,
            local_counters=lasting.local_counters,
            replays=lasting.replays,
            key_sets=lasting.key_sets,
            hash_consent=lasting.hash_consent,
            clock=lasting.clock,
            monotonic=lasting.monotonic,
            new_id=lasting.new_id,
        )
        self.table = RouteTable(ready.files.policies, building, ready.filters)

    def health(self, bank: str) -> Health:
        """How a bank fares, as its circuit sees it."""
        status, seconds = self.registry.banks[bank].circuit.health()
        return Health(status, None if seconds is None else instant(self._clock() - timedelta(seconds=seconds)))

    async def close(self, successor: "Generation | None" = None) -> None:
        """Ends what no successor has taken over; to be called when nothing is under way on this generation."""
        await self.registry.close(successor.registry if successor is not None else None)
        await self.upstreams.close()


def _desk(bank: Bank, mappings: dict[str, BoundMapping]) -> Desk:
    return Desk(bank.profile, bank.dialect, bank.send, bank.origins, mappings)


def _entry(bank: Bank) -> CatalogueEntry:
    profile = bank.profile
    return CatalogueEntry(
        id=profile.name,
        title=profile.title,
        dialect=profile.dialect,
        version=profile.version,
        environment=bank.environment,
        country=bank.country,
        operations=tuple(bank.dialect.OPERATIONS),
        capabilities={"never": bank.never},
    )
