"""A door on a real socket whose routes want signed calls, and callers that sign them by a library of another make."""

import asyncio
import io
import json
import pathlib
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import http_message_signatures as library
import msgspec
from aiohttp import web
from multidict import CIMultiDict

from gateway.secrets import Secrets
from gateway.settings import Address, Limits, ListenerSettings
from gateway.telemetry.calls import Telemetry, TelemetrySettings
from gateway.upstreams import Upstreams
from gateway.web.door import Door
from gateway.web.listeners import Front, Listener
from tests.filters.calling import Gateway, access_token
from tests.signatures.pems import private, private_pem, public_pem

ORIGIN = "https://gateway.example"
TAG = "fapi-2-request"
ALGORITHMS = {
    "P-256": library.algorithms.ECDSA_P256_SHA256,
    "P-384": library.algorithms.ECDSA_P384_SHA384,
    "Ed25519": library.algorithms.ED25519,
    "RSA": library.algorithms.RSA_PSS_SHA512,
}


OURS = {"id": "ours-1", "algorithm": "ES256", "key": "file:ours.pem"}


def policy(upstream: str = "http://upstream.test", ours: tuple[dict[str, str], ...] = (OURS,), **changed: Any) -> str:
    """Two routes: an operation whose answers are signed, and a plain upstream; `changed` are settings of both."""
    callers = [
        {
            "client": "books",
            "keys": [
                {"id": "books-1", "algorithm": "ES256", "key": "file:books.pem"},
                {"id": "books-2", "algorithm": "EdDSA", "key": "file:books-next.pem"},
                {
                    "id": "books-0",
                    "algorithm": "PS512",
                    "key": "file:books-old.pem",
                    "not_after": "2026-11-01T00:00:00Z",
                },
            ],
        },
        {"client": "ledger", "key_set": {"keys": "file:ledger.json", "algorithm": "ES384"}},
    ]
    signature = {"name": "signature", "origin": ORIGIN, "callers": callers, **changed}
    issuers = [{"issuer": "https://identity.test", "keys": "file:keys"}]
    token = {"name": "jwt", "issuers": issuers, "audience": "https://gateway.test", "binding": "none"}
    answered = {**signature, "answers": {"keys": ours}}
    banks = {"name": "banks-list", "method": "GET", "path": "/v1/banks", "operation": "banks.list"}
    reports: dict[str, Any] = {"name": "reports", "method": ["POST", "DELETE"], "path": "/reports/{rest*}"}
    reports |= {"upstream": {"url": upstream}, "filters": [signature]}
    defaults = {"timeout": "10s", "body_limit": "64KiB", "filters": [{"name": "headers"}, token]}
    return json.dumps({"defaults": defaults, "routes": [{**banks, "filters": [answered]}, reports]})


def write_keys(folder: pathlib.Path) -> None:
    """What the policy's references lead to; `ledger.json` is a JWK set that the key sets' own reader is given."""
    (folder / "books.pem").write_bytes(public_pem("P-256", "books"))
    (folder / "books-next.pem").write_bytes(public_pem("Ed25519", "books"))
    (folder / "books-old.pem").write_bytes(public_pem("RSA"))
    (folder / "ours.pem").write_bytes(private_pem("P-256", "ours"))


class Keys(library.HTTPSignatureKeyResolver):
    """One key pair under any id."""

    def __init__(self, kind: str, name: str = "") -> None:
        self._pair = private(kind, name)

    def resolve_public_key(self, _key_id: str) -> Any:
        return self._pair.public_key()

    def resolve_private_key(self, _key_id: str) -> Any:
        return self._pair


class Answer(msgspec.Struct, frozen=True):
    """An answer off the wire."""

    status: int
    headers: CIMultiDict[str]
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.body)
        return told


class Call:
    """A request in the making; `sign` may be called more than once, `raw` is what goes over the wire."""

    def __init__(self, method: str, target: str, token: str, body: bytes = b"", **fields: str) -> None:
        self.method = method
        self.target = target
        self.url = f"{ORIGIN}{target}"
        self.body = body
        self.headers: CIMultiDict[str] = CIMultiDict({"Host": "127.0.0.1", "Authorization": f"Bearer {token}"})
        self.headers.update({name.replace("_", "-"): value for name, value in fields.items()})
        if body:
            self.headers["Content-Length"] = str(len(body))

    def sign(
        self,
        now: datetime,
        *covered: str,
        key: tuple[str, str] = ("P-256", "books"),
        key_id: str = "books-1",
        ago: float = 0,
        **more: Any,
    ) -> "Call":
        """Adds a signature over what is given, else over what the profile wants; `ago` seconds ago."""
        signer = library.HTTPMessageSigner(signature_algorithm=ALGORITHMS[key[0]], key_resolver=Keys(*key))
        covered = covered or ("@method", "@target-uri", "authorization")
        body = {"body": self.body} if self.body and "Content-Digest" not in self.headers else {}
        options = {"created": now - timedelta(seconds=ago), "tag": TAG, "include_alg": False, **body, **more}
        existing = {"use_existing_digest": True} if "Content-Digest" in self.headers else {}
        signer.sign(self, key_id=key_id, covered_component_ids=covered, **options, **existing)
        return self

    def raw(self) -> bytes:
        lines = [f"{self.method} {self.target} HTTP/1.1", *(f"{name}: {value}" for name, value in self.headers.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body


class SignedDoor:
    """The table of a policy behind a listener, with an upstream that keeps what it got."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder
        self._log = io.BytesIO()
        self._telemetry = Telemetry(TelemetrySettings(log_stream=self._log, ratio=0.0))
        self._upstreams = Upstreams(Secrets(folder, {}).read)
        self._listener: Listener | None = None
        self._runner: web.AppRunner | None = None
        self.received: list[tuple[str, CIMultiDict[str], bytes]] = []
        self.gateway: Any = None
        self.port = 0

    async def open(self, **settings: Any) -> None:
        write_keys(self._folder)
        upstream = f"http://127.0.0.1:{await self._open_upstream()}"
        limits = ListenerSettings(address=Address("127.0.0.1:0"), tls=None)
        door = Door(lambda: self.gateway.table, self._telemetry)
        self._listener = Listener("service", limits, Front(), door, Limits())
        await self._listener.open()
        self.port = self._listener.port
        text = policy(upstream, **settings).replace("{port}", str(self.port))
        self.gateway = Gateway(self._folder, text, upstream=self._upstreams.handler)

    async def close(self) -> None:
        if self._listener is not None:
            self._listener.take_no_more()
            await self._listener.empty(0)
        await self._upstreams.close()
        if self.gateway is not None:
            await self.gateway.key_sets.close()
        if self._runner is not None:
            await self._runner.cleanup()
        self._telemetry.close()

    async def _open_upstream(self) -> int:
        async def keep(request: web.Request) -> web.Response:
            self.received.append((request.raw_path, CIMultiDict(request.headers), await request.read()))
            return web.Response(text="kept")

        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", keep)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port: int = self._runner.addresses[0][1]
        return port

    @property
    def acted(self) -> int:
        """How many calls came through all filters."""
        return len(self.gateway.innermost.exchanges) + len(self.received)

    @property
    def now(self) -> datetime:
        return self.gateway.clock()

    @property
    def told(self) -> str:
        """What was logged."""
        return self._log.getvalue().decode()

    def get(self, target: str = "/v1/banks", client: str = "books", **fields: str) -> Call:
        return Call("GET", target, self.token(client), **fields)

    def post(self, body: bytes = b'{"amount": "12.00"}', target: str = "/reports/new?a=1", **fields: str) -> Call:
        return Call("POST", target, self.token("books"), body, **fields)

    def token(self, client: str) -> str:
        return access_token(self.gateway.clock, client_id=client, cnf=None)

    async def send(self, call: Call | bytes) -> Answer:
        """One request over a connection of its own."""
        raw = call if isinstance(call, bytes) else call.raw()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(raw)
            async with asyncio.timeout(10):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
                headers = CIMultiDict(line.split(": ", 1) for line in lines)
                length = 0 if raw.startswith(b"HEAD") else int(headers.get("Content-Length", "0"))
                return Answer(int(first.split(" ")[1]), headers, await reader.readexactly(length))
        finally:
            writer.close()
            await writer.wait_closed()


def verify_answer(answer: Answer, call: Call, *, body: bytes | None = None) -> None:
    """Raises the library's InvalidSignature unless our answer is signed, and bound to the call."""

    class Ageless(library.HTTPMessageVerifier):
        def validate_created_and_expires(self, sig_input: Any, max_age: Any = None) -> None: ...

    message = SimpleNamespace(status_code=answer.status, headers=answer.headers, request=call, url="")
    verifier = Ageless(signature_algorithm=ALGORITHMS["P-256"], key_resolver=Keys("P-256", "ours"))
    covered = ["@status", '"@method";req', '"@target-uri";req', '"signature";req', '"signature-input";req']
    content = answer.body if body is None else body
    verifier.verify(message, expect_tag="fapi-2-response", require_components=covered, body=content or None)
