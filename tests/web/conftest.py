"""Listeners over real sockets, on the loop that serves in production, and a client that writes raw bytes."""

import asyncio
import contextlib
import io
import json
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPMethod
from typing import Any

import msgspec
import pytest
import trustme
import uvloop
from blockbuster import BlockBuster, blockbuster_ctx
from msgspec.structs import replace

from gateway.errors import MethodUnknown, NotFound
from gateway.exchange import Exchange, Handler, Response, RouteFacts
from gateway.secrets import Secrets
from gateway.settings import Address, Limits, ListenerSettings, TlsSettings
from gateway.telemetry.calls import Telemetry, TelemetrySettings
from gateway.web.balancer import Balancer
from gateway.web.connection import Attendant
from gateway.web.door import Door
from gateway.web.listeners import Front, Listener
from gateway.web.tls import Tls, build_tls
from tests.web.raw import request

LOOPBACK = Address("127.0.0.1:0")


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(autouse=True)
def nothing_blocks_the_loop() -> Any:
    with blockbuster_ctx() as watch:
        assert isinstance(watch, BlockBuster)
        # A loop that ends joins its threads, and may wait for one that is just going.
        watch.functions["threading.Lock.acquire"].can_block_in("asyncio/runners.py", "close")
        yield


class Answer(msgspec.Struct, frozen=True):
    """One answer as it came: header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        assert self.headers["content-type"] == "application/problem+json"
        assert self.headers["cache-control"] == "no-store"
        told: dict[str, Any] = json.loads(self.body)
        assert told["status"] == self.status
        return told

    @property
    def closing(self) -> bool:
        return self.headers.get("connection") == "close"


class Wire:
    """A connection that says exactly what a test wants."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def say(self, content: bytes | str) -> None:
        self.writer.write(content if isinstance(content, bytes) else content.encode("latin-1"))

    async def answer(self, *, to_head: bool = False) -> Answer:
        async with asyncio.timeout(10):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
            version, status, _reason = first.split(" ", 2)
            assert version == "HTTP/1.1"
            pairs = [line.split(": ", 1) for line in lines]
            headers = {name.lower(): value for name, value in pairs}
            assert len(headers) == len(pairs), "a field stands twice"
            body = b""
            if to_head or int(status) in {100, 204, 304}:
                pass
            elif "content-length" in headers:
                body = await self.reader.readexactly(int(headers["content-length"]))
            elif headers.get("transfer-encoding") == "chunked":
                while size := int(await self.reader.readuntil(b"\r\n"), 16):
                    body += await self.reader.readexactly(size)
                    assert await self.reader.readexactly(2) == b"\r\n"
                assert await self.reader.readexactly(2) == b"\r\n"
            else:
                body = await self.reader.read()
            return Answer(int(status), headers, body)

    async def ask(self, request: bytes | str) -> Answer:
        self.say(request)
        return await self.answer()

    async def get(self, target: str = "/v1/things", *lines: str) -> Answer:
        return await self.ask(request("GET", target, *lines))

    async def ended(self) -> bool:
        """Whether the other end closes, in time and without a further byte."""
        async with asyncio.timeout(10):
            try:
                return await self.reader.read() == b""
            except ConnectionError:
                return True


class Match(msgspec.Struct, frozen=True):
    route: RouteFacts
    parameters: dict[str, str]
    handler: Handler


THINGS = RouteFacts("things", "GET", "/v1/things", "accounts.list", 5.0, 1000)
PLAIN = RouteFacts("plain", "GET", "/plain", None, 5.0, 1000)


class Calls:
    """A table of two routes: `/plain` streams both ways as plain upstreams do, all below `/v1/things` is a contract's.

    `handler` answers; `seen` keeps the exchanges.
    """

    def __init__(self) -> None:
        self.seen: list[Exchange] = []
        self.begun = asyncio.Event()
        self.handler: Handler = self.say_hello
        self.timeout = 5.0

    async def say_hello(self, _exchange: Exchange) -> Response:
        return Response(200, (("Content-Type", "application/json"),), b'{"hello":"there"}')

    def match(self, method: str, path: str) -> Match:
        if method not in HTTPMethod.__members__:
            raise MethodUnknown
        if path.startswith("/v1/things"):
            return Match(replace(THINGS, timeout=self.timeout), {}, self._handle)
        if path == "/plain":
            return Match(replace(PLAIN, timeout=self.timeout), {}, self._handle)
        raise NotFound

    async def _handle(self, exchange: Exchange) -> Response:
        self.seen.append(exchange)
        self.begun.set()
        return await self.handler(exchange)


@pytest.fixture
def calls() -> Calls:
    return Calls()


class Log(io.BytesIO):
    """What telemetry wrote, from whichever thread."""

    def __init__(self) -> None:
        super().__init__()
        self._written = threading.Condition()

    def write(self, content: Any) -> int:
        with self._written:
            size = super().write(content)
            self._written.notify_all()
        return size

    async def line(self, **fields: Any) -> dict[str, Any]:
        """The first line that has these fields, waited for."""

        def found() -> dict[str, Any] | None:
            lines = (json.loads(line) for line in self.getvalue().splitlines())
            return next((line for line in lines if fields.items() <= line.items()), None)

        def wait() -> dict[str, Any]:
            with self._written:
                line = self._written.wait_for(found, timeout=10)
            assert line is not None, f"{fields} was not told in {self.getvalue().decode()}"
            return line

        return await asyncio.to_thread(wait)


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def telemetry(log: Log) -> Any:
    telemetry = Telemetry(TelemetrySettings(log_stream=log, ratio=0.0))
    yield telemetry
    telemetry.close()


LIMITS = Limits()


Dial = Callable[..., Awaitable[Wire]]


@pytest.fixture
async def dial() -> AsyncIterator[Dial]:
    """Connects to a port of this machine; what is left open is closed at the end."""
    async with contextlib.AsyncExitStack() as wires:

        async def dial(port: int, context: ssl.SSLContext | None = None, *, small_buffers: bool = False) -> Wire:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1",
                port,
                ssl=context,
                server_hostname="localhost" if context else None,
                limit=2**12 if small_buffers else 2**20,
            )

            async def leave() -> None:
                writer.transport.abort()
                with contextlib.suppress(OSError, ssl.SSLError):
                    await writer.wait_closed()

            wires.push_async_callback(leave)
            return Wire(reader, writer)

        yield dial


class Place:
    """An open listener and the way to it."""

    def __init__(self, listener: Listener, dial: Dial) -> None:
        self.listener = listener
        self._dial = dial

    async def connect(self, context: ssl.SSLContext | None = None, *, small_buffers: bool = False) -> Wire:
        return await self._dial(self.listener.port, context, small_buffers=small_buffers)


Serve = Callable[..., Awaitable[Place]]


@pytest.fixture
async def serve(calls: Calls, telemetry: Telemetry, dial: Dial) -> AsyncIterator[Serve]:
    """Opens a listener, plain or with TLS, with the service's door or another attendant."""
    async with contextlib.AsyncExitStack() as open_places:

        async def serve(
            limits: Limits = LIMITS,
            context: Tls | None = None,
            tls: TlsSettings | None = None,
            attendant: Attendant | None = None,
            balancer: Balancer | None = None,
        ) -> Place:
            attendant = attendant or Door(lambda: calls, telemetry)
            listener = Listener(
                "service", ListenerSettings(address=LOOPBACK, tls=tls), Front(context, balancer), attendant, limits
            )
            await listener.open()

            async def stop() -> None:
                listener.take_no_more()
                await listener.empty(0)

            open_places.push_async_callback(stop)
            return Place(listener, dial)

        yield serve


@pytest.fixture
async def wire(serve: Serve) -> Wire:
    """A plain connection to the service's door."""
    return await (await serve()).connect()


class Trust(msgspec.Struct, frozen=True):
    """Authorities and what they issued; `settings` and `secrets` are the listener's."""

    authority: trustme.CA
    settings: TlsSettings
    secrets: Secrets

    async def context(self, **changes: Any) -> Tls:
        return await asyncio.to_thread(build_tls, replace(self.settings, **changes), self.secrets)

    async def client(self, *identities: str, authority: trustme.CA | None = None, **options: Any) -> ssl.SSLContext:
        """A caller's context; without identities it has no certificate."""

        def build() -> ssl.SSLContext:
            context = ssl.create_default_context()
            self.authority.configure_trust(context)
            if identities or options:
                (authority or self.authority).issue_cert(*identities, **options).configure_cert(context)
            return context

        return await asyncio.to_thread(build)


@pytest.fixture(scope="session")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    folder = tmp_path_factory.mktemp("trust")
    authority = trustme.CA()
    server = authority.issue_cert("localhost")
    (folder / "server.pem").write_bytes(b"".join(pem.bytes() for pem in server.cert_chain_pems))
    (folder / "server.key").write_bytes(server.private_key_pem.bytes())
    (folder / "clients.pem").write_bytes(authority.cert_pem.bytes())
    settings = TlsSettings(certificate="file:server.pem", key="file:server.key", client_ca="file:clients.pem")
    return Trust(authority, settings, Secrets(folder, {}))
