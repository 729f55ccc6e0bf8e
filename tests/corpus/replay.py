"""Serves one bank's recorded conversation by the recording's own matchers, and keeps a journal of what was asked.

Of several pairs that match, the lowest priority number wins, then the pair that demands most (a page's own pair before
the one of the first page), then the first name. A request that matches nothing answers 404, and the journal names the
nearest pair and each of its matchers that failed.
"""

import re
import socket
import ssl
import struct
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from difflib import SequenceMatcher

import msgspec
from aiohttp import web

from tests.corpus.matchers import Finding, Received
from tests.corpus.pairs import Pair, Recording

_TEMPLATE = re.compile(rb"\{\{\s*request\.(?P<what>requestLine\.baseUrl|(?:requestLine\.)?port|headers\.[\w-]+)\s*\}\}")
_OF_THE_CONNECTION = frozenset(("connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding"))


class Exchange(msgspec.Struct, frozen=True):
    """One request and its fate: `file` is the pair that answered, else `nearest` the pair that came closest.

    `waived` holds the matchers of the answering pair that did not hold and are not enforced; `missed` those of the
    nearest pair that failed.
    """

    received: Received
    status: int
    file: str | None = None
    waived: tuple[Finding, ...] = ()
    nearest: str | None = None
    missed: tuple[Finding, ...] = ()

    def __str__(self) -> str:
        asked = f"{self.received.method} {self.received.target}"
        if self.file is not None:
            return f"{asked} -> {self.status} {self.file}"
        why = "; ".join(map(str, self.missed)) or "no pair of this method"
        return f"{asked} -> {self.status}, nearest {self.nearest}: {why}"


class RecordedBank:
    """A recording while it is served; `base_url` has no trailing slash and names localhost, as the recordings do."""

    def __init__(self, recording: Recording, scheme: str) -> None:
        self.recording = recording
        self.journal: list[Exchange] = []
        self.port = 0
        self._scheme = scheme
        self._states: dict[str, str] = {}

    @property
    def base_url(self) -> str:
        return f"{self._scheme}://localhost:{self.port}"

    @property
    def unmatched(self) -> list[Exchange]:
        return [exchange for exchange in self.journal if exchange.file is None]

    def not_enforced(self) -> Counter[tuple[str, str]]:
        """How often a matcher was waived, by the first two words of the matcher and the reason."""
        return Counter(
            (" ".join(finding.about.split()[:2]) if finding.about.startswith("header") else "url", finding.waived)
            for exchange in self.journal
            for finding in exchange.waived
        )

    def match(self, received: Received) -> tuple[Pair | None, Exchange]:
        """Finds the pair for a request and moves its scenario on; the exchange tells how, or what came nearest."""
        best: tuple[tuple[int, int, str], Pair, list[Finding]] | None = None
        nearest: tuple[tuple[bool, int, float], Pair, list[Finding]] | None = None
        for pair in self.recording.pairs:
            if pair.method not in (received.method, "ANY") or not self._in_state(pair):
                continue
            findings = [condition.examine(received) for condition in pair.conditions]
            missed = [finding for finding in findings if not finding.passes]
            if not missed:
                rank = (pair.priority, -len(findings), pair.file)
                if best is None or rank < best[0]:
                    best = (rank, pair, findings)
            else:
                unlike = 1 - SequenceMatcher(None, pair.address, received.target).ratio()
                distance = (not findings[0].passes, len(missed), unlike)
                if nearest is None or distance < nearest[0]:
                    nearest = (distance, pair, missed)
        if best is not None:
            _, pair, findings = best
            if pair.scenario is not None and pair.scenario.following is not None:
                self._states[pair.scenario.name] = pair.scenario.following
            waived = tuple(finding for finding in findings if not finding.holds)
            return pair, Exchange(received, pair.response.status, pair.file, waived)
        if nearest is not None:
            return None, Exchange(received, 404, nearest=nearest[1].file, missed=tuple(nearest[2]))
        return None, Exchange(received, 404)

    def _in_state(self, pair: Pair) -> bool:
        if pair.scenario is None or pair.scenario.required is None:
            return True
        return self._states.get(pair.scenario.name, "Started") == pair.scenario.required

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answers one request of the socket, or ends its connection where the pair says so."""
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.raw_headers)
        received = Received(request.method, request.raw_path, headers, await request.read())
        pair, exchange = self.match(received)
        self.journal.append(exchange)
        if pair is None:
            return web.Response(status=404, text="no recorded pair matches\n")
        if pair.response.fault:
            return _break(request, pair.response.fault)
        response = web.Response(status=pair.response.status, body=self._filled(pair.response.body, received))
        # aiohttp would name a type of its own; a recording without one answers without one.
        response.headers.pop("Content-Type", None)
        for name, value in pair.response.headers:
            if name.lower() not in _OF_THE_CONNECTION:
                response.headers.add(name, self._filled(value.encode(), received).decode())
        return response

    def _filled(self, template: bytes, received: Received) -> bytes:
        def fill(place: re.Match[bytes]) -> bytes:
            what = place["what"].decode()
            if what.endswith("baseUrl"):
                return self.base_url.encode()
            if what.endswith("port"):
                return str(self.port).encode()
            return ", ".join(received.values("header", what.removeprefix("headers."))).encode()

        return _TEMPLATE.sub(fill, template)


def _break(request: web.BaseRequest, fault: str) -> web.StreamResponse:
    transport = request.transport
    if transport is not None:
        if fault == "CONNECTION_RESET_BY_PEER":
            connection: socket.socket = transport.get_extra_info("socket")
            # Lingering for no time at all makes the close a reset (socket(7)).
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response()


@asynccontextmanager
async def serve(recording: Recording, tls: ssl.SSLContext | None = None) -> AsyncIterator[RecordedBank]:
    """Serves a recording on a free port of the loopback, over TLS where a context is given."""
    bank = RecordedBank(recording, "https" if tls else "http")
    runner = web.ServerRunner(web.Server(bank.answer, access_log=None))
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        bank.port = runner.addresses[0][1]
        yield bank
    finally:
        await runner.cleanup()


def describe(exchanges: Sequence[Exchange]) -> str:
    """The journal, a line each, as a test prints it."""
    return "\n".join(map(str, exchanges))
