"""Messages of tests, keys for both sides, and answers that a bank signed by the very settings under test."""

from typing import Any

import msgspec

from gateway.signatures.algorithms import ALGORITHMS
from gateway.signatures.header_lines import Answer, Request
from gateway.signatures.keys import SigningKey, SigningKeys, VerificationKey, VerificationKeys, Window
from tests.signatures.pems import certificate, private

BODY = b'{"Data":{"Amount":"12.30","Currency":"GBP"}}'
HEADERS = (
    ("Accept", "application/json"),
    ("X-Request-ID", "9f5b1a1e-54b5-4e3b-9d3d-0d2f6f1c2a77"),
    ("PSU-ID", "person one"),
    ("Content-Type", "application/json"),
)
REQUEST = Request("POST", "/v1/payments/sepa?x=1", "api.bank.example", HEADERS, BODY)

KINDS = {"RS256": "RSA", "RS512": "RSA", "PS256": "RSA", "ES256": "P-256", "ES384": "P-384", "EdDSA": "Ed25519"}


def signing(algorithm: str = "RS256", name: str = "", key_id: str = "key-1", **named: Any) -> SigningKeys:
    kind = KINDS[algorithm]
    chain = (certificate(kind, name, **named),)
    return SigningKeys((SigningKey(key_id, ALGORITHMS[algorithm], Window(), private(kind, name), chain),), b"")


def verifying(algorithm: str = "RS256", name: str = "", key_id: str = "key-1", **named: Any) -> VerificationKeys:
    kind = KINDS[algorithm]
    chain = (certificate(kind, name, **named),)
    public = private(kind, name).public_key()
    return VerificationKeys((VerificationKey(key_id, ALGORITHMS[algorithm], Window(), public, chain),), b"")


def answered(sign: Any, now: Any, request: Request = REQUEST, **changed: Any) -> Answer:
    """A bank's answer, signed as requests are."""
    body = changed.pop("body", BODY)
    headers = changed.pop("headers", HEADERS)
    signed = sign(Request(request.method, request.target, request.authority, headers, body), now)
    return Answer(200, signed, body, request)


def with_header(answer: Answer, name: str, value: str | None) -> Answer:
    """The answer with one header in the place of another, or without it."""
    kept = tuple(pair for pair in answer.headers if pair[0].lower() != name.lower())
    return msgspec.structs.replace(answer, headers=kept if value is None else (*kept, (name, value)))


def header(answer: Answer | tuple, name: str) -> str:
    headers = answer if isinstance(answer, tuple) else answer.headers
    [value] = [value for key, value in headers if key.lower() == name.lower()]
    return value
