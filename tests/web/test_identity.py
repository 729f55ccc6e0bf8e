"""Who called is what the verified certificate says, in the way the listener is set up to read it, and only once."""

import asyncio
import base64
import datetime as dt
import functools
import hashlib
import json
import pathlib
import socket
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.settings import TlsSettings
from gateway.telemetry.calls import Telemetry
from gateway.web.door import Door
from gateway.web.identity import IdentityKind, identity_of, thumbprint_of
from tests.filters.calling import DEFAULTS, ROUTE, access_token, claims, sign
from tests.filters.calling import Gateway as Behind
from tests.web.authorities import Issued, root
from tests.web.authorities import uri as uri_name
from tests.web.conftest import Answer, Calls, Serve, Trust
from tests.web.gate import Gate

SPIFFE = "spiffe://bank.example/payments"


def certificate(*names: x509.GeneralName, subject: str = "Payments") -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, subject)])
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def uri(value: str) -> x509.GeneralName:
    return x509.UniformResourceIdentifier(value)


@pytest.mark.parametrize(
    ("kind", "names", "identity"),
    [
        ("uri", (uri(SPIFFE), x509.DNSName("a.example")), SPIFFE),
        ("uri", (uri(SPIFFE), uri("spiffe://bank.example/other")), None),
        ("uri", (x509.DNSName("a.example"),), None),
        ("uri", (), None),
        ("dns", (x509.DNSName("Payments.Example"), uri(SPIFFE)), "payments.example"),
        ("dns", (x509.DNSName("a.example"), x509.DNSName("b.example")), None),
        ("dns", (), None),
        ("subject", (uri(SPIFFE),), "O=Payments"),
    ],
)
def test_an_identity_is_read_where_there_is_one_of_it(
    kind: IdentityKind, names: tuple[x509.GeneralName, ...], identity: str | None
):
    assert identity_of(certificate(*names), kind) == identity


def test_a_subject_can_not_pretend_to_have_another_part():
    assert identity_of(certificate(subject="Payments,CN=admin"), "subject") == r"O=Payments\,CN=admin"


def test_what_is_no_certificate_identifies_nobody():
    assert identity_of(b"nonsense", "uri") is None


def test_a_thumbprint_is_that_of_rfc_8705():
    content = certificate()
    padded = thumbprint_of(content) + "="
    assert base64.urlsafe_b64decode(padded) == hashlib.sha256(content).digest()


async def test_the_peer_of_a_connection_is_what_its_certificate_says(serve: Serve, trust: Trust, calls: Calls):
    settings = TlsSettings(certificate="a", key="b", client_ca="c", identity="dns")
    place = await serve(context=await trust.context(), tls=settings)
    wire = await place.connect(await trust.client("payments.example"))
    await wire.get()
    await wire.get()
    first, second = (exchange.request.peer for exchange in calls.seen)
    assert first is second
    assert (first.identity, first.address) == ("payments.example", "127.0.0.1")
    assert first.thumbprint is not None
    assert len(first.thumbprint) == 43


async def test_who_shows_no_certificate_has_no_identity(serve: Serve, trust: Trust, calls: Calls):
    context = await trust.context(client_certificate="optional")
    wire = await (await serve(context=context, tls=trust.settings)).connect(await trust.client())
    await wire.get()
    peer = calls.seen[0].request.peer
    assert (peer.identity, peer.thumbprint) == (None, None)


async def test_a_resumed_session_shows_its_certificate_again(serve: Serve, trust: Trust, calls: Calls):
    settings = TlsSettings(certificate="a", key="b", client_ca="c", identity="dns")
    place = await serve(context=await trust.context(), tls=settings)
    client = await trust.client("payments.example")
    client.maximum_version = ssl.TLSVersion.TLSv1_2

    def call(session: ssl.SSLSession | None) -> tuple[ssl.SSLSession | None, bool]:
        with (
            socket.create_connection(("127.0.0.1", place.listener.port)) as plain,
            client.wrap_socket(plain, server_hostname="localhost", session=session) as secure,
        ):
            secure.sendall(b"GET /v1/things HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            while secure.recv(4096):
                pass
            return secure.session, bool(secure.session_reused)

    session, _ = await asyncio.to_thread(call, None)
    await asyncio.to_thread(call, session)
    assert [exchange.request.peer.identity for exchange in calls.seen] == ["payments.example"] * 2


async def test_certificates_of_another_authority_are_refused_in_the_handshake(serve: Serve, trust: Trust, calls: Calls):
    place = await serve(context=await trust.context(), tls=trust.settings)
    stranger = await trust.client("payments.example", authority=trustme.CA())
    with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
        await (await place.connect(stranger)).get()
    assert calls.seen == []


class Bound:
    """A gate with the usual filters behind it: certificate, token, consent."""

    def __init__(self, gate: Gate, behind: Behind, holder: Issued) -> None:
        self.gate, self.behind, self.holder = gate, behind, holder

    def token(self, **changed: Any) -> str:
        proof = {"x5t#S256": thumbprint_of(self.holder.der)}
        return access_token(self.behind.clock, **{"cnf": proof, **changed})

    async def call(self, shown: Issued | None, token: str) -> Answer:
        wire = await self.gate.connect(shown)
        return await wire.get("/v1/accounts", f"Authorization: Bearer {token}", "Consent-Id: consent-1")

    async def refused(self, shown: Issued | None, token: str, told: str) -> None:
        answer = await self.call(shown, token)
        assert (answer.status, answer.problem["code"]) == (401, "unauthenticated")
        assert told in answer.problem["detail"]
        assert self.behind.innermost.exchanges == []


CLIENTS = root("Clients")
HOLDER = CLIENTS.issue(uri_name("spiffe://test/books"), common_name="books")


@pytest.fixture
async def bound(serve: Serve, telemetry: Telemetry, tmp_path: pathlib.Path) -> AsyncIterator[Bound]:
    behind = await asyncio.to_thread(Behind, tmp_path, DEFAULTS + ROUTE)
    gate = Gate(tmp_path, functools.partial(serve, attendant=Door(lambda: behind.table, telemetry)), CLIENTS)
    yield Bound(await gate.open(client_certificate="optional"), behind, HOLDER)
    await behind.key_sets.close()


async def test_case_16_the_certificate_that_a_token_is_bound_to(bound: Bound):
    assert (await bound.call(HOLDER, bound.token())).status == 200
    assert bound.behind.innermost.exchanges[0].principal is not None


async def test_case_16_no_certificate(bound: Bound):
    await bound.refused(None, bound.token(), "needs a client certificate")


async def test_case_16_another_certificate_of_the_same_name(bound: Bound):
    twin = CLIENTS.issue(uri_name("spiffe://test/books"), common_name="books")
    await bound.refused(twin, bound.token(), "bound to another certificate")


async def test_case_16_a_renewed_certificate_of_the_same_key(bound: Bound):
    renewed = CLIENTS.issue(uri_name("spiffe://test/books"), common_name="books", key=HOLDER.key)
    await bound.refused(renewed, bound.token(), "bound to another certificate")
    proof = {"x5t#S256": thumbprint_of(renewed.der)}
    assert (await bound.call(renewed, bound.token(cnf=proof))).status == 200, "with a token of its own it is let in"


async def test_case_16_the_certificate_of_another_tenant(bound: Bound):
    other = CLIENTS.issue(uri_name("spiffe://test/rival"), common_name="rival")
    await bound.refused(other, bound.token(), "bound to another certificate")
    own = bound.token(cnf={"x5t#S256": thumbprint_of(other.der)}, tenant="rival", client_id="rival")
    answer = await bound.call(other, own)
    assert (answer.status, answer.problem["code"]) == (404, "not_found"), "the consent is not the rival's"


@pytest.mark.parametrize(
    "confirmation",
    [
        None,
        {},
        {"x5t#S256": thumbprint_of(HOLDER.der) + "="},
        {"x5t#S256": hashlib.sha256(HOLDER.der).hexdigest()},
        {"x5t#S256": base64.b64encode(hashlib.sha256(HOLDER.der).digest()).decode()},
        {"x5t#S256": thumbprint_of(HOLDER.der), "jkt": "A" * 43},
        {"x5t#S256": thumbprint_of(HOLDER.der), "x5t": "A" * 27},
        {"x5t#S256": [thumbprint_of(HOLDER.der)]},
        {"jkt": "A" * 43},
    ],
    ids=["none", "empty", "padding", "hex", "standard-base64", "two-members", "two-thumbprints", "list", "key"],
)
async def test_case_16_confirmations_that_bind_nothing(bound: Bound, confirmation: dict[str, Any] | None):
    await bound.refused(HOLDER, bound.token(cnf=confirmation), "The access token is refused")


async def test_case_16_two_confirmations(bound: Bound):
    proof = json.dumps({"x5t#S256": thumbprint_of(HOLDER.der)})
    written = json.dumps(claims(bound.behind.clock, cnf=None))[:-1] + f', "cnf": {{}}, "cnf": {proof}}}'
    token = sign({"alg": "ES256", "typ": "at+jwt", "kid": "first"}, written.encode())
    await bound.refused(HOLDER, token, "strict JSON")


async def test_case_16_a_remembered_token_is_checked_on_each_connection(bound: Bound):
    token = bound.token()
    assert (await bound.call(HOLDER, token)).status == 200
    bound.behind.innermost.exchanges.clear()
    await bound.refused(CLIENTS.issue(common_name="books"), token, "bound to another certificate")
