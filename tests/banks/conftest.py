"""Banks to be asked in tests: raw servers that say exactly what a test wants, and ways to them."""

import asyncio
import contextlib
import functools
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
import trustme

from gateway.banks.circuit import Tolerance
from gateway.banks.client import Bounds
from gateway.banks.limits import Room
from gateway.banks.retry import Patience
from gateway.banks.tls import Identity, build_context
from gateway.banks.way import Conditions, Way
from gateway.contract import BankRequest
from gateway.exchange import CallRecord, Outgoing
from gateway.files import Layers, shipped
from tests.banks.files import FOLDER

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Tally:
    """A meter that keeps what it is told."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, str, float]] = []
        self.states: list[tuple[str, str]] = []
        self.rejections: list[tuple[str, bool]] = []
        self.retries: list[tuple[str, str]] = []
        self.places: dict[str, tuple[Callable[[], float], int]] = {}
        self.certificates: dict[str, datetime] = {}

    def bank_call(self, bank, operation, outcome, seconds):
        self.calls.append((bank, operation, outcome, seconds))

    def circuit(self, bank, state):
        self.states.append((bank, state))

    def rejected(self, bank, *, kept):
        self.rejections.append((bank, kept))

    def retried(self, bank, reason):
        self.retries.append((bank, reason))

    def concurrency(self, bank, in_use, limit):
        self.places[bank] = (in_use, limit)

    def certificate(self, name, not_after):
        self.certificates[name] = not_after


class RawBank:
    """Answers each request with the next of its `answers` (bytes), the last one for ever; keeps what it received.

    `closing` ends the connection after each answer. A `talk` of a test's own replaces all that.
    """

    def __init__(self, *answers: bytes, closing: bool = False, talk: Talk | None = None) -> None:
        self.answers = list(answers)
        self.closing = closing
        self.talk = talk or self._answer
        self.requests: list[bytes] = []
        self.connections = 0
        self.base_url = ""
        self._writers: list[asyncio.StreamWriter] = []

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await self.request(reader)
            writer.write(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])
            await writer.drain()
            if self.closing:
                return

    async def request(self, reader: asyncio.StreamReader) -> bytes:
        """Reads one whole request."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        whole = head + await reader.readexactly(length)
        self.requests.append(whole)
        return whole

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await self.talk(reader, writer)
        writer.close()

    def hang_up(self) -> None:
        """Ends all connections."""
        for writer in self._writers:
            writer.close()


@pytest.fixture
async def listen() -> AsyncIterator[Callable[..., Awaitable[RawBank]]]:
    """`await listen(*answers)` starts a raw bank on a port of its own."""
    servers: list[tuple[asyncio.Server, RawBank]] = []

    async def start(*answers: bytes, closing: bool = False, talk: Talk | None = None, tls=None) -> RawBank:
        bank = RawBank(*answers, closing=closing, talk=talk)
        server = await asyncio.start_server(bank.connected, "127.0.0.1", 0, ssl=tls)
        port = server.sockets[0].getsockname()[1]
        bank.base_url = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
        servers.append((server, bank))
        return bank

    yield start
    for server, bank in servers:
        server.close()
        bank.hang_up()


# The machine's authorities take long to load.
context_of = functools.cache(build_context)


@pytest.fixture
def tally() -> Tally:
    return Tally()


@pytest.fixture
async def reach(tally: Tally) -> AsyncIterator[Callable[..., Way]]:
    """`reach(base_url, attempts=1, ...)` opens a way to a bank; it is closed after the test."""
    ways: list[Way] = []

    def build(
        base_url: str,
        *,
        identity: Identity | None = None,
        server_ca: bytes | None = None,
        private: bool = True,
        connect: float = 2.0,
        answer: float = 2.0,
        answer_bytes: int = 1024 * 1024,
        concurrency: int = 10,
        queue: int = 10,
        failures: int = 100,
        attempts: int = 1,
    ) -> Way:
        conditions = Conditions(
            bank="albion",
            base_urls=(base_url,),
            network="private" if private else "public",
            identity=identity,
            server_ca=server_ca,
            bounds=Bounds(connect, answer, answer_bytes),
            room=Room(concurrency, queue),
            tolerance=Tolerance(failures, 10.0, 10.0),
            patience=Patience(attempts, 0.001, 0.001),
        )
        ways.append(
            Way(conditions, context_of(identity, server_ca), tally, lambda: datetime(2026, 3, 1, 12, tzinfo=UTC))
        )
        return ways[-1]

    yield build
    for way in ways:
        await way.close()


def new_record(*, sampled: bool = True) -> CallRecord:
    return CallRecord(trace_id="ab" * 16, span_id="cd" * 8, parent_id="", trace_state="x=y", sampled=sampled, started=0)


@pytest.fixture
def outgoing() -> Callable[..., Outgoing]:
    """`outgoing(url, within=2.0, method="GET", ...)` is a request on its way."""

    def build(url: str, *, within: float = 5.0, record: CallRecord | None = None, **request) -> Outgoing:
        request.setdefault("repeatable", request.get("method", "GET") == "GET")
        return Outgoing(
            request=BankRequest(method=request.pop("method", "GET"), url=url, **request),
            operation="accounts.list",
            deadline=asyncio.get_running_loop().time() + within,
            record=record or new_record(),
        )

    return build


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def service(authority: trustme.CA) -> SimpleNamespace:
    """Our certificate towards banks, and the bytes of the authority that signed theirs."""
    certificate = authority.issue_cert("gateway.example")
    chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
    return SimpleNamespace(
        identity=Identity(chain, certificate.private_key_pem.bytes()), server_ca=authority.cert_pem.bytes()
    )


@pytest.fixture
def layers(tmp_path) -> Callable[..., Layers]:
    """`layers({"albion": text}, {...})`: folders of bank files, over the contract's schemas and nothing else."""
    first = tmp_path / "shipped"
    shutil.copytree(shipped() / "mappings/canonical", first / "mappings/canonical")

    def build(*folders: dict[str, str]) -> Layers:
        roots = [first]
        for number, files in enumerate(folders):
            roots.append(first if number == 0 else tmp_path / f"over{number}")
            for name, text in files.items():
                path = roots[-1] / FOLDER / f"{name}.yaml"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        return Layers(tuple(dict.fromkeys(roots)))

    return build
