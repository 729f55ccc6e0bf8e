"""Key sets of issuers: fetched when needed, by one task at a time, kept through failures, never asked too often.

A set is fresh for `refresh`. After that, or when a token names a key that it lacks, it is fetched anew, but never
within `cooldown` of the last try: random key ids make no traffic. While fetching fails, the set at hand is used until
it is `max_stale` old; then no token can be judged and KeysUnavailable is raised.
"""

import asyncio
import math
import ssl
from collections.abc import Awaitable, Callable

import aiohttp
import msgspec
from aiocache import SimpleMemoryCache

from gateway.banks.destinations import CheckedResolver
from gateway.errors import KeysUnavailable
from gateway.files.hosts import Network
from gateway.filters.tokens.keys import Key, choose, read_keys

_MOST_BYTES = 256 * 1024
_SECONDS_TO_ANSWER = 3.0
_FIRST_COOLDOWN = 1.0
"""With nothing at hand every token is refused: then a try a second is not too much to ask."""
_MEDIA_TYPES = frozenset({"application/jwk-set+json", "application/json"})

Observe = Callable[[str, Callable[[], float], tuple[str, ...]], None]
"""Told of an issuer's new set: the issuer, how to read the set's age in seconds, the ids of its keys."""


class KeySetSource(msgspec.Struct, frozen=True):
    """Where an issuer's keys are and how long they are good; `keys` is an https URL or a secret's reference.

    `ca` is the reference of the authorities that the URL's server is verified against, else the system's are;
    `network` says whether its name may lead to private addresses.
    """

    issuer: str
    keys: str
    ca: str | None
    refresh: float
    cooldown: float
    max_stale: float
    network: Network = "public"


class KeySetReport(msgspec.Struct, frozen=True):
    """What operators see of a key set; `age` in seconds, None before the first success."""

    issuer: str
    key_ids: tuple[str, ...]
    age: float | None
    last_failure: str | None


class Held(msgspec.Struct, frozen=True):
    """A set at hand; `version` grows whenever the keys differ from those before."""

    keys: tuple[Key, ...]
    version: int
    fetched_at: float
    content: bytes


class KeySetFailure(Exception):
    """Why a set could not be fetched: a sentence of ours, for the report."""


class KeySet:
    """One issuer's keys."""

    def __init__(self, source: KeySetSource, parts: "KeySetParts") -> None:
        self.source = source
        self.version = 0
        self.fresh_until = -math.inf
        self._parts = parts
        self._cache = SimpleMemoryCache(namespace=f"keys:{source.issuer}:", timeout=None)
        self._held: Held | None = None
        self._tried_at = -math.inf
        self._failure: str | None = None
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, kid: str | None, algorithm: str) -> Key | None:
        """The key that a token names, fetching the set where that is due. Raises KeysUnavailable."""
        held = await self._current()
        key = choose(held.keys, kid, algorithm)
        if key is None and self._may_try(self.source.cooldown):
            await self._refresh()
            held = await self._current()
            key = choose(held.keys, kid, algorithm)
        return key

    def report(self) -> KeySetReport:
        """What is at hand, and how the last try failed if it did."""
        ids = tuple(sorted(key.kid or "" for key in self._held.keys)) if self._held else ()
        return KeySetReport(self.source.issuer, ids, self.age() if self._held else None, self._failure)

    def age(self) -> float:
        """Seconds since the set at hand was fetched; infinite before."""
        return self._parts.monotonic() - self._held.fetched_at if self._held else math.inf

    async def close(self) -> None:
        """Ends a fetch that is under way."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    def _may_try(self, cooldown: float) -> bool:
        return self._fetching is not None or self._parts.monotonic() >= self._tried_at + cooldown

    async def _current(self) -> Held:
        held: Held | None = await self._cache.get("set")
        if held is not None and self._parts.monotonic() < self.fresh_until:
            return held
        if self._may_try(self.source.cooldown if held else min(self.source.cooldown, _FIRST_COOLDOWN)):
            await self._refresh()
            held = await self._cache.get("set")
        if held is None or self._parts.monotonic() > held.fetched_at + self.source.max_stale:
            raise KeysUnavailable(headers=(("Retry-After", str(math.ceil(self.source.cooldown))),))
        return held

    async def _refresh(self) -> None:
        """Waits for the one fetch under way, begun here if there is none; a caller that gives up does not end it."""
        if self._fetching is None:
            self._tried_at = self._parts.monotonic()
            self._fetching = asyncio.create_task(self._fetch())
        await asyncio.shield(self._fetching)

    async def _fetch(self) -> None:
        source = self.source
        try:
            content = await self._parts.fetch(source)
            keys = read_keys(content)
        except KeySetFailure as failure:
            self._failed(str(failure))
        except ValueError as failure:
            self._failed(f"what was fetched is refused: {failure}")
        else:
            self._failure = None
            now = self._parts.monotonic()
            if self._held is None or self._held.content != content:
                self.version += 1
            self._held = Held(keys, self.version, now, content)
            self.fresh_until = now + source.refresh
            await self._cache.set("set", self._held, ttl=source.max_stale)
            self._parts.observe(source.issuer, self.age, self.report().key_ids)
        finally:
            self._fetching = None

    def _failed(self, reason: str) -> None:
        self._failure = reason
        if self._held is not None:
            # What is held counts as fresh until the next try is due, so that verified tokens stay remembered meanwhile.
            oldest = self._held.fetched_at + self.source.max_stale
            self.fresh_until = min(self._parts.monotonic() + self.source.cooldown, oldest)


class KeySetParts(msgspec.Struct, frozen=True):
    """What every key set stands on; `fetch` answers a source's document or raises KeySetFailure."""

    fetch: Callable[[KeySetSource], Awaitable[bytes]]
    monotonic: Callable[[], float]
    observe: Observe


def key_session(network: Network) -> aiohttp.ClientSession:
    """What key sets are fetched with: no proxy or .netrc of the environment, no cookies, addresses that are checked."""
    connector = aiohttp.TCPConnector(resolver=CheckedResolver(network))
    return aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, auto_decompress=False
    )


class KeySets:
    """All issuers' key sets of a process; they outlive the route tables that use them."""

    def __init__(
        self,
        *,
        session: Callable[[Network], aiohttp.ClientSession],
        secrets: Callable[[str], bytes],
        monotonic: Callable[[], float],
        observe: Observe,
    ) -> None:
        self._new_session = session
        self._sessions: dict[Network, aiohttp.ClientSession] = {}
        self._secrets = secrets
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._parts = KeySetParts(self._fetch, monotonic, observe)
        self._sets: dict[KeySetSource, KeySet] = {}

    def of(self, source: KeySetSource) -> KeySet:
        """The key set of a source; the same one for an equal source."""
        if source not in self._sets:
            self._sets[source] = KeySet(source, self._parts)
        return self._sets[source]

    def reports(self) -> tuple[KeySetReport, ...]:
        """What operators see, by issuer."""
        return tuple(sorted((one.report() for one in self._sets.values()), key=lambda report: report.issuer))

    async def close(self) -> None:
        """Ends fetches and the connections that they used."""
        for one in self._sets.values():
            await one.close()
        for session in self._sessions.values():
            await session.close()

    async def _fetch(self, source: KeySetSource) -> bytes:
        """The document, at most 256 KiB of it. Raises KeySetFailure."""
        if not source.keys.startswith("https://"):
            try:
                return await asyncio.to_thread(self._secrets, source.keys)
            except Exception as error:  # whatever a store of secrets may raise: the reference can not be read
                raise KeySetFailure("the reference can not be read") from error
        if source.network not in self._sessions:
            self._sessions[source.network] = self._new_session(source.network)
        try:
            async with self._sessions[source.network].get(
                source.keys,
                headers={"Accept": ", ".join(sorted(_MEDIA_TYPES)), "Accept-Encoding": "identity"},
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=_SECONDS_TO_ANSWER),
                ssl=await self._trust(source.ca),
            ) as answer:
                return await _bounded(answer)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise KeySetFailure("the URL can not be fetched") from error

    async def _trust(self, ca: str | None) -> ssl.SSLContext | bool:
        if ca is None:
            return True
        if ca not in self._contexts:
            authorities = await asyncio.to_thread(self._secrets, ca)
            self._contexts[ca] = ssl.create_default_context(cadata=authorities.decode("ascii"))
        return self._contexts[ca]


async def _bounded(answer: aiohttp.ClientResponse) -> bytes:
    if answer.status != 200:
        raise KeySetFailure(f"the URL answers {answer.status}")
    if answer.content_type not in _MEDIA_TYPES or answer.headers.get("Content-Encoding", "identity") != "identity":
        raise KeySetFailure("the URL does not answer plain JSON")
    content = bytearray()
    async for piece in answer.content.iter_any():
        content += piece
        if len(content) > _MOST_BYTES:
            raise KeySetFailure("the answer is too large")
    return bytes(content)
