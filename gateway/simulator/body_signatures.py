"""UK Open Banking's `x-jws-signature` as a bank reads and writes it: over the body, in the header of a JWS without one.

Read from the Read/Write Data API profile 3.1.11 and 4.0, "Message signing" (and 3.1.3 for `b64`), for the simulated
banks alone.
"""

import base64
import json
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from gateway.simulator.configuration import BodySignature
from gateway.simulator.received import Answer, Received
from gateway.simulator.refusal import Refusal
from gateway.simulator.seals import Seals, alive

HEADER = "x-jws-signature"
_PREFIX = "http://openbanking.org.uk/"
_CLAIMS = [f"{_PREFIX}{name}" for name in ("iat", "iss", "tan")]
_CLOCKS_DIFFER_SECONDS = 60
_SCHEME = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)


def check_body_signature(wanted: BodySignature, seals: Seals, received: Received) -> None:
    """A request with a body must be signed, one without must not. Raises Refusal."""
    given = received.headers.get(HEADER, ())
    if not received.body:
        if given:
            raise Refusal("signature_unexpected", HEADER)
        return
    if not given:
        raise Refusal("signature_missing", HEADER)
    parts = given[0].split(".")
    try:
        head, middle, signature = parts
        said = json.loads(_decode(head))
        signed = _decode(signature)
    except ValueError:
        raise Refusal("signature_malformed", HEADER) from None
    if len(given) > 1 or middle or not isinstance(said, dict):
        raise Refusal("signature_malformed", HEADER)
    _check_claims(wanted, received, said)
    payload = received.body if wanted.era == "unencoded" else _encode(received.body).encode()
    for certificate in seals.registered:
        key = certificate.public_key()
        if isinstance(key, rsa.RSAPublicKey) and alive(certificate, received.at):
            try:
                key.verify(signed, head.encode() + b"." + payload, _SCHEME, hashes.SHA256())
            except InvalidSignature:
                continue
            return
    raise Refusal("signature_invalid", HEADER)


def sign_answer(wanted: BodySignature, seals: Seals, answer: Answer, at: datetime, *, wrongly: bool) -> tuple[str, str]:
    """The header that signs an answer; `wrongly` signs another body than the one that goes out."""
    said: dict[str, Any] = {"alg": "PS256", "kid": wanted.key_id, "typ": "JOSE", "cty": "application/json"}
    critical = list(_CLAIMS)
    if wanted.era == "unencoded":
        said["b64"] = False
        critical.append("b64")
    said |= dict(zip(_CLAIMS, (int(at.timestamp()), wanted.issuer, wanted.trust_anchor), strict=True))
    head = _encode(json.dumps(said | {"crit": critical}).encode())
    body = answer.body + b" " if wrongly else answer.body
    payload = body if wanted.era == "unencoded" else _encode(body).encode()
    signature = seals.key.sign(head.encode() + b"." + payload, _SCHEME, hashes.SHA256())
    return HEADER, f"{head}..{_encode(signature)}"


def _check_claims(wanted: BodySignature, received: Received, said: dict[str, Any]) -> None:
    must = {"alg", "kid", "crit", *_CLAIMS} | ({"b64"} if wanted.era == "unencoded" else set())
    for name in must - said.keys():
        raise Refusal("signature_claim_missing", name)
    for name in said.keys() - must - {"typ", "cty"}:
        raise Refusal("signature_claim_invalid", name)
    issued, issuer, anchor = (said[name] for name in _CLAIMS)
    criticals = [*_CLAIMS, "b64"] if wanted.era == "unencoded" else _CLAIMS
    right = {
        "alg": said["alg"] == "PS256",
        "kid": said["kid"] == wanted.key_id,
        "crit": isinstance(said["crit"], list) and sorted(map(str, said["crit"])) == sorted(criticals),
        "b64": said.get("b64", False) is False,
        _CLAIMS[0]: type(issued) in {int, float} and issued <= received.at.timestamp() + _CLOCKS_DIFFER_SECONDS,
        _CLAIMS[1]: issuer == wanted.issuer,
        _CLAIMS[2]: anchor == wanted.trust_anchor,
    }
    for name, holds in right.items():
        if not holds:
            raise Refusal("signature_claim_invalid", name)


def _decode(text: str) -> bytes:
    """Raises ValueError for what is not base64url without padding."""
    if "=" in text or "+" in text or "/" in text:
        raise ValueError
    return base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
