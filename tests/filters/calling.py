"""Calls through a compiled route table: an issuer that signs anything, a clock that is set, consents by the handful."""

import asyncio
import base64
import functools
import hashlib
import json
import pathlib
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from multidict import CIMultiDict

from gateway.exchange import CallRecord, Consent, Exchange, Handler, Peer, Request, Response
from gateway.files import Layers
from gateway.filters import Building
from gateway.filters.tokens.keysets import KeySets
from gateway.routes import RouteTable, load
from gateway.secrets import Secrets
from gateway.store.counters import MemoryCounters
from gateway.store.replays import MemoryReplays

ISSUER, AUDIENCE = "https://identity.test", "https://gateway.test"
THUMBPRINT = base64.urlsafe_b64encode(hashlib.sha256(b"the caller's certificate").digest()).rstrip(b"=").decode()
OTHER_THUMBPRINT = base64.urlsafe_b64encode(hashlib.sha256(b"another certificate").digest()).rstrip(b"=").decode()
CALLER = Peer(address="192.0.2.1", identity="spiffe://test/service/books", thumbprint=THUMBPRINT)
START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DEFAULTS = """
defaults:
  timeout: 10s
  filters:
    - {name: headers}
    - {name: mtls}
    - {name: jwt, issuers: [{issuer: 'https://identity.test', keys: 'file:keys'}], audience: 'https://gateway.test'}
"""
ROUTE = """
routes:
  - name: accounts-list
    method: GET
    path: /v1/accounts
    operation: accounts.list
    filters: [{name: consent}]
"""


class SetClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.passed = 0.0

    def __call__(self) -> datetime:
        return START + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return 1000.0 + self.passed

    @property
    def epoch(self) -> int:
        return int(self().timestamp())


@functools.cache
def elliptic(_name: str = "first") -> ec.EllipticCurvePrivateKey:
    """A key pair by name, the same one for a test run."""
    return ec.generate_private_key(ec.SECP256R1())


@functools.cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def jwk(key: Any, kid: str | None, **more: Any) -> dict[str, Any]:
    algorithm = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    members = algorithm.to_jwk(key.public_key(), as_dict=True)
    return {**members, **({"kid": kid} if kid is not None else {}), **more}


def jwks(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": keys}).encode()


def b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def claims(clock: SetClock, **changed: Any) -> dict[str, Any]:
    """An access token's claims; a change to None takes one out."""
    whole = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "service-books",
        "client_id": "books",
        "tenant": "acme",
        "jti": "token-1",
        "iat": clock.epoch,
        "exp": clock.epoch + 300,
        "scope": "accounts balances transactions",
        "cnf": {"x5t#S256": THUMBPRINT},
        **changed,
    }
    return {name: value for name, value in whole.items() if value is not None}


def sign(
    header: dict[str, Any] | bytes, payload: dict[str, Any] | bytes, key: Any = None, *, algorithm: str = "ES256"
) -> str:
    """A token of any header and payload, signed all the same."""
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload)]
    signing_input = ".".join(b64(part) for part in parts)
    signature = jwt.algorithms.get_default_algorithms()[algorithm].sign(signing_input.encode(), key or elliptic())
    return f"{signing_input}.{b64(signature)}"


def access_token(clock: SetClock, header: dict[str, Any] | None = None, **changed: Any) -> str:
    whole = {"alg": "ES256", "typ": "at+jwt", "kid": "first", **(header or {})}
    return sign({name: value for name, value in whole.items() if value is not None}, claims(clock, **changed))


class Consents:
    """Ready-made consents by tenant and id."""

    def __init__(self, *consents: Consent) -> None:
        self.known = {(consent.tenant, consent.id): consent for consent in consents}

    async def find(self, tenant, consent_id):
        return self.known.get((tenant, consent_id))


class Innermost:
    """The handler behind all filters: keeps each exchange, answers what it is told to."""

    def __init__(self, body: bytes = b"{}") -> None:
        self.exchanges: list[Exchange] = []
        self.answer: Response | Exception | Handler = Response(200, (("Content-Type", "application/json"),), body)

    async def __call__(self, exchange: Exchange) -> Response:
        self.exchanges.append(exchange)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer if isinstance(self.answer, Response) else await self.answer(exchange)


class Gateway:
    """A table with everything it stands on within reach; `secrets` holds the key set under `file:keys`."""

    def __init__(self, folder: pathlib.Path, policy: str, **parts: Any) -> None:
        self.clock = parts.pop("clock", None) or SetClock()
        self.secrets: dict[str, bytes] = {"file:keys": jwks(jwk(elliptic(), "first"))}
        self.innermost = Innermost()
        self.counters = MemoryCounters(self.clock.monotonic)
        self.observed: list[tuple[str, tuple[str, ...]]] = []
        self.key_sets = KeySets(
            session=parts.pop("session", None) or _no_network,
            secrets=lambda reference: self.secrets[reference],
            monotonic=self.clock.monotonic,
            observe=lambda issuer, _age, ids: self.observed.append((issuer, ids)),
        )
        self.building = Building(
            operations=dict.fromkeys(("accounts.list", "accounts.get", "banks.list", "banks.get"), self.innermost),
            upstream=parts.pop("upstream", lambda _settings: self.innermost),
            consents=parts.pop("consents", None) or Consents(Consent(id="consent-1", tenant="acme", bank="havel")),
            counters=parts.pop("counters", self.counters),
            local_counters=self.counters,
            replays=MemoryReplays(lambda: self.clock().timestamp()),
            key_sets=self.key_sets,
            hash_consent=lambda consent_id: f"hash of {len(consent_id)}",
            clock=self.clock,
            monotonic=self.clock.monotonic,
            new_id=lambda: "00000000-0000-4000-8000-000000000001",
        )
        (folder / "policies").mkdir(exist_ok=True)
        (folder / "policies" / "one.yaml").write_text(policy)
        self.table: RouteTable = load(Layers((folder,)), self.building, Secrets(folder, {}))

    async def call(
        self,
        path: str = "/v1/accounts",
        headers: dict[str, str] | list[tuple[str, str]] | None = None,
        *,
        method: str = "GET",
        query: str | None = None,
        peer: Peer = CALLER,
        record: CallRecord | None = None,
    ) -> Response:
        match = self.table.match(method, path)
        request = Request(method, path, query, CIMultiDict(headers or {}), peer, _no_body, _no_stream)
        deadline = asyncio.get_running_loop().time() + match.route.timeout
        return await match.handler(Exchange(request, match.route, match.parameters, deadline, record or a_record()))

    def authorised(self, **changed: Any) -> dict[str, str]:
        """The headers of a call that everything is well with."""
        return {"Authorization": f"Bearer {access_token(self.clock, **changed)}", "Consent-Id": "consent-1"}


def a_record() -> CallRecord:
    return CallRecord("0" * 31 + "1", "0" * 15 + "2", "", "", sampled=False, started=0)


async def _no_body(_limit: int) -> bytes:
    return b""


async def _no_stream():
    return
    yield b""


def _no_network(_network):
    raise AssertionError("no key set is fetched over the network here")
