"""Raw upstreams that say exactly what a test wants, and calls to them."""

import asyncio
import contextlib

import pytest
from multidict import CIMultiDict

from gateway.exchange import CallRecord, Exchange, Peer, Request, RouteFacts
from gateway.upstreams import Upstreams, UpstreamSettings

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 3\r\n\r\na,b"


class RawUpstream:
    """Answers with the next of its `answers` (the last one for ever), or leaves a connection to a test's own `talk`."""

    def __init__(self, *answers, talk=None) -> None:
        self.answers = list(answers)
        self.talk = talk or self._answer
        self.requests: list[bytes] = []
        self.connections = 0
        self.url = ""
        self.left = asyncio.Event()

    async def _answer(self, reader, writer):
        while True:
            await self.request(reader)
            writer.write(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])
            await writer.drain()

    async def request(self, reader) -> bytes:
        """Reads one whole request, whichever way its body is framed."""
        head = await reader.readuntil(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
        body = b""
        if b"transfer-encoding" in fields:
            while not body.endswith(b"0\r\n\r\n"):
                body += await reader.readuntil(b"\r\n")
        else:
            body = await reader.readexactly(int(fields.get(b"content-length", 0)))
        self.requests.append(head + body)
        return head + body

    async def connected(self, reader, writer):
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await self.talk(reader, writer)
        writer.close()
        self.left.set()


@pytest.fixture
async def listen():
    """`await listen(*answers)` starts an upstream; `talk` replaces what it does on a connection."""
    servers = []

    async def start(*answers, talk=None, tls=None):
        upstream = RawUpstream(*(answers or (OK,)), talk=talk)
        server = await asyncio.start_server(upstream.connected, "127.0.0.1", 0, ssl=tls)
        port = server.sockets[0].getsockname()[1]
        upstream.url = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
        servers.append(server)
        return upstream

    yield start
    for server in servers:
        server.close()


class Way:
    """Calls an upstream as its route would; `records` keeps what happened in each call."""

    def __init__(self, settings, secrets) -> None:
        self.upstreams = Upstreams(lambda reference: secrets[reference])
        self.handler = self.upstreams.handler(settings)
        self.records: list[CallRecord] = []

    async def call(
        self,
        path="/reports",
        headers=(),
        *,
        method="GET",
        query=None,
        body=None,
        within=5.0,
        body_limit=1 << 20,
        named=False,
    ):
        """`body` is a list of pieces, one of which may be an exception that breaks it off."""
        pieces = body or []

        async def stream():
            for piece in pieces:
                if isinstance(piece, Exception):
                    raise piece
                yield piece
                await asyncio.sleep(0)

        async def read(_limit):
            return b"".join(pieces)

        request = Request(
            method,
            path,
            query,
            CIMultiDict(headers),
            Peer(address="192.0.2.1"),
            read,
            stream,
            has_body=body is not None,
        )
        facts = RouteFacts("reports", method, "/{path*}", None, within, body_limit)
        record = CallRecord("ab" * 16, "cd" * 8, "", "vendor=1", sampled=True, started=0)
        record.interaction_id = "11111111-2222-4333-8444-555555555555" if named else ""
        self.records.append(record)
        return await self.handler(Exchange(request, facts, {}, asyncio.get_running_loop().time() + within, record))


@pytest.fixture
async def way():
    """`way(url, strip="")` leads to an upstream; it is closed after the test."""
    made = []

    def build(url, *, secrets=None, **settings):
        made.append(Way(UpstreamSettings(url, **settings), secrets or {}))
        return made[-1]

    yield build
    for one in made:
        await one.upstreams.close()
