"""HTTP message signatures as a bank reads and writes them: of requests that it wants signed, and of what it answers.

Read from RFC 9421 (sections 2, 3 and 6.2), RFC 9530 and the draft FAPI 2.0 HTTP Signatures, for the simulated banks
alone. A bank's file says what must be covered, by which key and which algorithm; the message decides none of it.
"""

import base64
import hashlib
from collections.abc import Iterable
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from gateway.simulator.configuration import MessageAlgorithm, MessageSignature, SignedMessages
from gateway.simulator.received import Answer, Received
from gateway.simulator.refusal import Refusal
from gateway.simulator.seals import Seals, alive
from gateway.simulator.signature_fields import Listed, read_digests, read_inputs, read_signatures

_INPUT, _SIGNATURE, _DIGEST = "Signature-Input", "Signature", "Content-Digest"
_HASHES = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}
_BROKEN = frozenset({"md5", "sha", "unixsum", "unixcksum", "adler", "crc32c"})
_PARAMETERS = frozenset({"created", "expires", "keyid", "alg", "nonce", "tag"})
_CLOCKS_DIFFER_SECONDS = 10
_PSS = padding.PSS(padding.MGF1(hashes.SHA512()), hashes.SHA512.digest_size)
_CURVES: dict[MessageAlgorithm, tuple[type[ec.EllipticCurve], hashes.HashAlgorithm, int]] = {
    "ecdsa-p256-sha256": (ec.SECP256R1, hashes.SHA256(), 32),
    "ecdsa-p384-sha384": (ec.SECP384R1, hashes.SHA384(), 48),
}


def check_message_signature(wanted: SignedMessages, seals: Seals, received: Received) -> None:
    """Raises Refusal unless a request is signed as the bank wants it, and its digest is that of its body."""
    listed, signature = _presented(wanted, received)
    _check_parameters(wanted, listed, received.at.timestamp())
    _check_coverage(wanted, listed, received)
    if received.body or received.header("content-digest") is not None:
        _check_digest(received)
    lines = [f"{identifier}: {_value(received, identifier[1:-1])}" for identifier in listed.covered]
    base = _base(lines, listed.written)
    certificates = [one for one in seals.registered if _made_for(wanted.algorithm, one)]
    living = [one for one in certificates if alive(one, received.at)]
    if certificates and not living:
        raise Refusal("signer_expired", _SIGNATURE)
    if not any(_verifies(wanted.algorithm, one, signature, base) for one in living):
        raise Refusal("signature_invalid", _SIGNATURE)


def sign_message(
    wanted: MessageSignature, seals: Seals, answer: Answer, received: Received, at: datetime, *, wrongly: bool
) -> tuple[tuple[str, str], ...]:
    """The headers that sign an answer; `wrongly` signs another one than the one that goes out."""
    headers = {name.lower(): value for name, value in answer.headers}
    digests: tuple[tuple[str, str], ...] = ()
    covered = {'"@status"': str(answer.status)}
    if answer.body:
        digest = f"sha-256=:{base64.b64encode(hashlib.sha256(answer.body).digest()).decode()}:"
        digests = ((_DIGEST, digest),)
        headers[_DIGEST.lower()] = digest
        covered['"content-digest"'] = digest
    covered |= {f'"{name}"': headers[name] for name in wanted.covered if name in headers}
    for name in wanted.of_request:
        if name.startswith("@") or received.header(name) is not None:
            covered[f'"{name}";req'] = _value(received, name)
    key_id = wanted.key_id.replace("\\", "\\\\").replace('"', '\\"')
    written = f'({" ".join(covered)});created={int(at.timestamp())};keyid="{key_id}";tag="{wanted.tag}"'
    if wrongly:
        covered['"@status"'] = str(answer.status + 1)
    base = _base([f"{identifier}: {value}" for identifier, value in covered.items()], written)
    if wanted.algorithm == "rsa-pss-sha512":
        signature = seals.key.sign(base, _PSS, hashes.SHA512())
    else:
        signature = seals.key.sign(base, padding.PKCS1v15(), hashes.SHA256())
    return (*digests, (_INPUT, f"bank={written}"), (_SIGNATURE, f"bank=:{base64.b64encode(signature).decode()}:"))


def _presented(wanted: SignedMessages, received: Received) -> tuple[Listed, bytes]:
    """The one signature with the tag; others are somebody else's business."""
    if not received.header("signature"):
        raise Refusal("signature_missing", _SIGNATURE)
    inputs, signatures = read_inputs(received), read_signatures(received)
    tagged = [label for label, one in inputs.items() if one.word("tag") == wanted.tag]
    if not tagged:
        raise Refusal("signature_claim_missing", "tag")
    if len(tagged) > 1:
        raise Refusal("signature_unexpected", _INPUT)
    if tagged[0] not in signatures:
        raise Refusal("signature_missing", _SIGNATURE)
    return inputs[tagged[0]], signatures[tagged[0]]


def _check_parameters(wanted: SignedMessages, listed: Listed, now: float) -> None:
    for name in ("created", "keyid"):
        if name not in listed.parameters:
            raise Refusal("signature_claim_missing", name)
    created, expires = listed.instant("created"), listed.instant("expires")
    if listed.word("keyid") != wanted.key_id:
        raise Refusal("signer_refused", "keyid")
    right = {
        "created": created is not None and now - wanted.max_age_seconds <= created <= now + _CLOCKS_DIFFER_SECONDS,
        "expires": "expires" not in listed.parameters or (expires is not None and now <= expires),
        "alg": listed.parameters.get("alg") is None or listed.word("alg") == wanted.algorithm,
        "nonce": listed.parameters.get("nonce") is None or bool(listed.word("nonce")),
        **dict.fromkeys(listed.parameters.keys() - _PARAMETERS, False),
    }
    for name, holds in right.items():
        if not holds:
            raise Refusal("signature_claim_invalid", name)


def _check_coverage(wanted: SignedMessages, listed: Listed, received: Received) -> None:
    must = [*wanted.covered, *(name for name in wanted.covered_when_sent if name in received.headers)]
    if received.body:
        must.append(_DIGEST.lower())
    if len(set(listed.covered)) != len(listed.covered) or any(f'"{name}"' not in listed.covered for name in must):
        raise Refusal("signature_invalid", _INPUT)
    # This bank asks for plain components: one with parameters is another component than it would read.
    if any(identifier.count('"') != 2 or not identifier.endswith('"') for identifier in listed.covered):
        raise Refusal("signature_invalid", _INPUT)


def _check_digest(received: Received) -> None:
    digests = read_digests(received)
    known = {name: digest for name, digest in digests.items() if name in _HASHES}
    if not known or _BROKEN & digests.keys():
        raise Refusal("signature_invalid", _DIGEST)
    if any(_HASHES[name](received.body).digest() != digest for name, digest in known.items()):
        raise Refusal("signature_invalid", _DIGEST)


def _value(received: Received, name: str) -> str:
    """A component of a request (RFC 9421 sections 2.1 and 2.2). Raises Refusal for one that it does not have."""
    query = f"?{received.query}" if received.query else ""
    scheme, _, authority = received.origin.lower().partition("://")
    authority = authority.removesuffix(":443")
    match name:
        case "@method":
            return received.method
        case "@target-uri":
            return f"{scheme}://{authority}{received.path or '/'}{query}"
        case "@authority":
            return authority
        case "@scheme":
            return scheme
        case "@request-target":
            return f"{received.path or '/'}{query}"
        case "@path":
            return received.path or "/"
        case "@query":
            return query or "?"
    values = received.headers.get(name)
    if values is None:
        raise Refusal("signature_invalid", _INPUT)
    return ", ".join(value.strip(" \t") for value in values)


def _base(lines: Iterable[str], parameters: str) -> bytes:
    """RFC 9421 section 2.5."""
    return "\n".join([*lines, f'"@signature-params": {parameters}']).encode("utf-8", "surrogateescape")


def _made_for(algorithm: MessageAlgorithm, certificate: x509.Certificate) -> bool:
    key = certificate.public_key()
    if algorithm in _CURVES:
        return isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, _CURVES[algorithm][0])
    return isinstance(key, ed25519.Ed25519PublicKey if algorithm == "ed25519" else rsa.RSAPublicKey)


def _verifies(algorithm: MessageAlgorithm, certificate: x509.Certificate, signature: bytes, base: bytes) -> bool:
    """By a key that is made for the algorithm."""
    key = certificate.public_key()
    try:
        match key:
            case rsa.RSAPublicKey() if algorithm == "rsa-pss-sha512":
                key.verify(signature, base, _PSS, hashes.SHA512())
            case rsa.RSAPublicKey():
                key.verify(signature, base, padding.PKCS1v15(), hashes.SHA256())
            case ec.EllipticCurvePublicKey():
                _, hashed, width = _CURVES[algorithm]
                if len(signature) != 2 * width:
                    return False
                r, s = (int.from_bytes(half) for half in (signature[:width], signature[width:]))
                key.verify(encode_dss_signature(r, s), base, ec.ECDSA(hashed))
            case ed25519.Ed25519PublicKey():
                key.verify(signature, base)
            case _:
                return False
    except (InvalidSignature, ValueError):
        return False
    return True
