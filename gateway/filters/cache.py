"""`cache`: answers of operations that allow it, kept for a while for the one principal and consent that got them.

Private by construction: tenant, principal, consent, path and query are the key. Bounded by entries and bytes, the
least used going first (aiocache's memory has no bound of its own). Equal calls at one time are one call. A PSU who is
present may ask for what is new with `Cache-Control: no-cache`; background work may not: it has no budget to waste.
"""

import asyncio
import copy
import math
from collections import OrderedDict
from collections.abc import Callable

import msgspec
from aiocache import SimpleMemoryCache

from gateway.errors import BankError
from gateway.exchange import CallNext, Exchange, Filter, Headers, Response
from gateway.files.quantities import Seconds, Size
from gateway.filters.building import Building


class CacheSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`keep` is how long an answer is good; `entries` and `bytes` bound what all routes with equal settings hold."""

    keep: Seconds
    entries: int = 1000
    bytes: Size = Size(16 * 1024 * 1024)


class Kept(msgspec.Struct, frozen=True):
    """An answer and when it came, on the monotonic clock."""

    headers: Headers
    body: bytes
    at: float


class BoundedAnswers:
    """aiocache's memory within bounds; `len()` is the number of entries, `held` their bytes."""

    def __init__(self, settings: CacheSettings, monotonic: Callable[[], float]) -> None:
        self._cache = SimpleMemoryCache(timeout=None)
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self._settings = settings
        self._monotonic = monotonic
        self.held = 0

    def __len__(self) -> int:
        """How many answers are held."""
        return len(self._sizes)

    async def get(self, key: str) -> Kept | None:
        """A kept answer that is still good."""
        kept: Kept | None = await self._cache.get(key)
        if kept is not None and self._monotonic() < kept.at + self._settings.keep:
            self._sizes.move_to_end(key)
            return kept
        await self._drop(key)
        return None

    async def put(self, key: str, kept: Kept) -> None:
        """Keeps an answer; what would alone fill the cache is not kept."""
        await self._drop(key)
        size = len(kept.body) + len(key) + sum(len(name) + len(value) for name, value in kept.headers)
        if size > self._settings.bytes:
            return
        self._sizes[key] = size
        self.held += size
        await self._cache.set(key, kept, ttl=self._settings.keep)
        while len(self._sizes) > self._settings.entries or self.held > self._settings.bytes:
            await self._drop(next(iter(self._sizes)))

    async def _drop(self, key: str) -> None:
        size = self._sizes.pop(key, None)
        if size is not None:
            self.held -= size
            await self._cache.delete(key)


def build(settings: CacheSettings, building: Building) -> Filter:
    """Builds the filter. A failure of the bank is shared by the calls that waited for it; none is kept."""
    monotonic = building.monotonic
    answers = BoundedAnswers(settings, monotonic)
    under_way: dict[str, asyncio.Future[Kept | None]] = {}

    async def ask(key: str, exchange: Exchange, call_next: CallNext) -> Response:
        future: asyncio.Future[Kept | None] = asyncio.get_running_loop().create_future()
        # Nobody may be waiting when it fails, and that is no fault.
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        under_way[key] = future
        try:
            response = await call_next(exchange)
            kept = None
            if response.status == 200 and isinstance(response.body, bytes):
                kept = Kept(response.headers, response.body, monotonic())
                await answers.put(key, kept)
            future.set_result(kept)
        except BankError as error:
            future.set_exception(copy.copy(error))
            raise
        finally:
            del under_way[key]
            if not future.done():
                future.set_result(None)
        return response

    async def cache(exchange: Exchange, call_next: CallNext) -> Response:
        key = _key(exchange)
        if _wants_new(exchange):
            return await call_next(exchange) if key in under_way else await ask(key, exchange, call_next)
        kept = await answers.get(key)
        if kept is None and key not in under_way:
            return await ask(key, exchange, call_next)
        if kept is None:
            try:
                kept = await asyncio.shield(under_way[key])
            except BankError as error:
                # Each call adds its own header fields to its own copy.
                raise copy.copy(error) from None
        if kept is None:
            return await call_next(exchange)
        exchange.record.cached = True
        age = ("Age", str(math.floor(monotonic() - kept.at)))
        return Response(200, (*kept.headers, age), kept.body)

    return cache


def _key(exchange: Exchange) -> str:
    principal, consent, request = exchange.principal, exchange.consent, exchange.request
    who = (principal.tenant, principal.client_id, principal.subject) if principal else ()
    target = request.path if request.query is None else f"{request.path}?{request.query}"
    return "\x1f".join((*who, consent.id if consent else "", target))


def _wants_new(exchange: Exchange) -> bool:
    if exchange.psu is None:
        return False
    asked = ",".join(exchange.request.headers.getall("Cache-Control", []))
    return any(directive.strip().lower() == "no-cache" for directive in asked.split(","))
