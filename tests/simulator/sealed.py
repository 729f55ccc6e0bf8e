"""Simulated banks with what signatures stand on, asked without sockets; requests are signed by the gateway's own code.

So where the two readings of a standard differ, a test fails.
"""

import functools
import uuid
from datetime import datetime, timedelta
from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from gateway.signatures.algorithms import ALGORITHMS
from gateway.signatures.header_lines import Request, Sign
from gateway.signatures.keys import SigningKey, SigningKeys, Window
from gateway.simulator.bank import SimulatedBank
from gateway.simulator.data_file import read_banks
from gateway.simulator.received import Answer, Certificate, Received
from gateway.simulator.seals import Seals
from tests.signatures.pems import private
from tests.simulator.conftest import NOON

ORGANISATION = "Example Gateway Ltd"
read_shipped = functools.cache(read_banks)


def named(organisation: str, common_name: str) -> x509.Name:
    parts = (
        (NameOID.COUNTRY_NAME, "CZ"),
        (NameOID.ORGANIZATION_NAME, organisation),
        (NameOID.COMMON_NAME, common_name),
    )
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])


@functools.cache
def issued(
    organisation: str = ORGANISATION,
    *,
    key: str = "seal",
    issuer_key: str = "authority",
    serial: int = 0x9FA1,
    begins: datetime = NOON - timedelta(days=1),
) -> x509.Certificate:
    """A certificate over the key of a name, of the authority that the banks trust unless another key signs it."""
    builder = x509.CertificateBuilder(
        named("Test Trust, a.s.", "Test Trust QSEAL"),
        named(organisation, key),
        private("RSA", key).public_key(),
        serial,
        begins,
        begins + timedelta(days=30),
    )
    return builder.sign(private("RSA", issuer_key), hashes.SHA256())


@functools.cache
def authority() -> x509.Certificate:
    name = named("Test Trust, a.s.", "Test Trust QSEAL")
    builder = x509.CertificateBuilder(
        name, name, private("RSA", "authority").public_key(), 1, NOON - timedelta(days=9), NOON + timedelta(days=99)
    )
    return builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).sign(
        private("RSA", "authority"), hashes.SHA256()
    )


def bank(name: str) -> SimulatedBank:
    """A shipped bank that asks for signatures; the certificate of `seal` is registered there."""
    seals = Seals((issued(),), (authority(),), private("RSA", "bank"))
    return SimulatedBank(name, read_shipped()[name], lambda: NOON, seals)


def keys(algorithm: str, chain: x509.Certificate, key: str = "seal", key_id: str = "gateway-signing") -> SigningKeys:
    one = SigningKey(key_id, ALGORITHMS[algorithm], Window(), private("RSA", key), (chain,))
    return SigningKeys((one,), b"")


def request_to(simulated: SimulatedBank, *, method: str = "GET", body: bytes = b"", query: str = "") -> Request:
    """A request for the accounts that the bank would answer, but for its signature."""
    access = simulated.bank.accesses[0]
    headers = [("Authorization", f"Bearer {access.token}"), ("Accept", "application/json")]
    if simulated.bank.dialect == "uk_openbanking":
        headers.append(("x-fapi-interaction-id", str(uuid.uuid4())))
        headers.append(("x-fapi-financial-id", simulated.bank.requires.financial_id or "any"))
    else:
        headers.append(("X-Request-ID", str(uuid.uuid4())))
    if simulated.bank.dialect == "berlin_group":
        headers.append(("Consent-ID", access.consent))
    target = f"{simulated.bank.base_path}/accounts" + (f"?{query}" if query else "")
    return Request(method, target, "localhost", tuple(headers), body)


def arrived(request: Request, **changed: Any) -> Received:
    """A request as it arrives at the bank."""
    headers: dict[str, tuple[str, ...]] = {}
    for name, value in request.headers:
        headers[name.lower()] = (*headers.get(name.lower(), ()), value)
    path, _, query = request.target.partition("?")
    received = Received(
        method=request.method,
        path=path,
        query=query,
        headers=headers,
        certificate=Certificate(
            common_name="tpp.gateway.example",
            organisation=ORGANISATION,
            organisation_identifier=None,
            thumbprint="",
        ),
        origin="https://localhost",
        at=NOON,
        body=request.body,
    )
    return msgspec.structs.replace(received, **changed)


def answered(simulated: SimulatedBank, request: Request, **changed: Any) -> Answer:
    """What the bank answers to a request as it arrived."""
    return simulated.answer(arrived(request, **changed))


def signed(sign: Sign, request: Request, at: datetime = NOON) -> Request:
    return msgspec.structs.replace(request, headers=sign(request, at))


def replaced(request: Request, name: str, value: str | None) -> Request:
    """The request with one header in the place of another, or without it."""
    kept = tuple(pair for pair in request.headers if pair[0].lower() != name.lower())
    return msgspec.structs.replace(request, headers=kept if value is None else (*kept, (name, value)))


def header(request: Request, name: str) -> str:
    [value] = [value for key, value in request.headers if key.lower() == name.lower()]
    return value
