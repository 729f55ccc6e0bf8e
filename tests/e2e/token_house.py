"""A gateway process behind TLS, issuers whose key sets it fetches over https, and a service with a certificate.

Each issuer is a path of one key server, which counts what it is asked; a test changes what its issuer publishes.
"""

import base64
import contextlib
import hashlib
import http.client
import http.server
import json
import pathlib
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.demo.calls import Answer
from gateway.demo.children import Child, end
from gateway.demo.stage import ports_of
from tests.app import premises
from tests.filters.calling import elliptic, jwk, jwks, sign

AUDIENCE = "https://gateway.test"
SETTINGS = premises.SETTINGS.replace("optional", "required") + "drain: {notice: 0s, grace: 5s}\n"
# What an issuer's set may be like: how long it is fresh, how soon it is asked again, how long it is good.
ISSUERS = {
    "main": "refresh: 1h, cooldown: 1h",
    "two": "refresh: 1h, cooldown: 1h",
    "weak": "refresh: 1h, cooldown: 1h",
    "rsa": "refresh: 1h, cooldown: 1h",
    "twins": "refresh: 1h, cooldown: 1h",
    "encrypting": "refresh: 1h, cooldown: 1h",
    "flooded": "refresh: 1h, cooldown: 1h",
    "rotating": "refresh: 1h, cooldown: 1ms",
    "removing": "refresh: 1ms, cooldown: 1ms",
    "resting": "refresh: 1ms, cooldown: 1ms",
    "lapsing": "refresh: 1ms, cooldown: 1ms, max_stale: 1ms",
    **dict.fromkeys(("huge", "redirecting", "page", "packed", "empty", "failing"), "cooldown: 1h"),
}


def issuer_of(name: str) -> str:
    return f"https://{name}.identity.test"


class KeyServer:
    """An https server of key sets by issuer; `answers` gives the status, content type, body and other fields."""

    def __init__(self, authority: trustme.CA) -> None:
        self.asked: Counter[str] = Counter()
        self.answers: dict[str, Callable[[], tuple[int, str, bytes, dict[str, str]]]] = {}
        self.trapped = 0
        served = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.removeprefix("/keys/")
                served.asked[name] += 1
                if name not in served.answers:
                    served.trapped += 1
                    self.send_error(404)
                    return
                status, kind, body, fields = served.answers[name]()
                self.send_response(status)
                for field, value in {**fields, "Content-Type": kind, "Content-Length": str(len(body))}.items():
                    self.send_header(field, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("localhost").configure_cert(context)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://localhost:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def publish(self, name: str, *keys: dict[str, Any]) -> None:
        """The issuer's key set from now on."""
        self.say(name, 200, "application/jwk-set+json", jwks(*keys))

    def say(self, name: str, status: int, kind: str, body: bytes, **fields: str) -> None:
        """Anything else in its place."""
        self.answers[name] = lambda: (status, kind, body, fields)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class House:
    """The gateway, the issuers, and calls of one service over one kept connection."""

    def __init__(self, keys: KeyServer, gateway: Child, authority: trustme.CA) -> None:
        self.keys = keys
        self.gateway = gateway
        leaf = authority.issue_cert("books.services.test")
        der = x509.load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes()).public_bytes(Encoding.DER)
        self.thumbprint = base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()
        context = ssl.create_default_context()
        authority.configure_trust(context)
        leaf.configure_cert(context)
        port = ports_of(gateway)["service"]
        self._connection = http.client.HTTPSConnection("localhost", port, timeout=15, context=context)

    def close(self) -> None:
        """Ends the service's connection."""
        self._connection.close()

    def claims(self, issuer: str = "main", **changed: Any) -> dict[str, Any]:
        """An access token's claims; a change to None takes one out."""
        now = int(time.time())
        whole = {
            "iss": issuer_of(issuer),
            "aud": AUDIENCE,
            "sub": "service-books",
            "client_id": "books",
            "tenant": "acme",
            "jti": "token-1",
            "iat": now,
            "exp": now + 300,
            "scope": "banks",
            "cnf": {"x5t#S256": self.thumbprint},
            **changed,
        }
        return {name: value for name, value in whole.items() if value is not None}

    def token(
        self,
        issuer: str = "main",
        header: dict[str, Any] | None = None,
        key: Any = None,
        algorithm: str = "ES256",
        **changed: Any,
    ) -> str:
        """A token that is good but for what is changed; a change to None takes a member out."""
        whole = {"alg": algorithm, "typ": "at+jwt", "kid": "first", **(header or {})}
        members = {name: value for name, value in whole.items() if value is not None}
        return sign(members, self.claims(issuer, **changed), key or elliptic(), algorithm=algorithm)

    def call(self, token: str) -> Answer:
        """What the gateway answers to a token."""
        self._connection.request("GET", "/v1/banks", headers={"Authorization": f"Bearer {token}"})
        response = self._connection.getresponse()
        return Answer(response.status, {n.lower(): v for n, v in response.getheaders()}, response.read())


@contextlib.contextmanager
def house(root: pathlib.Path) -> Iterator[House]:
    """All of it, up while the context lasts."""
    authority = premises.furnish(root)
    keys = KeyServer(authority)
    for name in ISSUERS:
        keys.publish(name, jwk(elliptic(), "first"))
    issuers = [
        f"{{issuer: '{issuer_of(name)}', keys: '{keys.url}/keys/{name}', ca: 'file:ca.pem', network: private, {times}}}"
        for name, times in ISSUERS.items()
    ]
    service = {"filters": [{"name": "headers"}, {"name": "mtls"}]}
    jwt = f"{{name: jwt, audience: '{AUDIENCE}', issuers: [{', '.join(issuers)}]}}"
    text = json.dumps(service["filters"])[:-1] + f", {jwt}]"
    (root / "files/policies").mkdir(parents=True)
    (root / "files/policies/service.yaml").write_text(f"defaults: {{timeout: 10s, body_limit: 0B, filters: {text}}}\n")
    (root / "gateway.yaml").write_text(SETTINGS)
    gateway = Child("the gateway", ["gateway", "serve", "--settings", str(root / "gateway.yaml")], root / "gateway.log")
    try:
        up = House(keys, gateway, authority)
        try:
            yield up
        finally:
            up.close()
    finally:
        end([gateway])
        keys.close()
