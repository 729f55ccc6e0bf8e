"""Signed requests as banks of Berlin Group and STET read them: `Signature`, `Digest`, and a certificate.

Read from draft-cavage-http-signatures-10, NextGenPSD2 Implementation Guidelines 1.3.11 section 12 and STET 1.5 part 1,
for the simulated banks alone.
"""

import base64
import hashlib
import re
import urllib.parse
from datetime import UTC
from email.utils import parsedate_to_datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from gateway.simulator.configuration import SignedRequests
from gateway.simulator.received import Received
from gateway.simulator.refusal import Refusal
from gateway.simulator.seals import Seals, alive

_FIELD = re.compile(r'(keyId|algorithm|headers|signature)="((?:\\.|[^"\\])*)"')
_NAMED = re.compile(r"SN=([0-9A-Fa-f]+),CA=(.+)", re.DOTALL)
_URL = re.compile(r"https://[^\s]+_([0-9a-f]{64})")
_HASHES = {"SHA-256": hashlib.sha256, "SHA-512": hashlib.sha512}
_PADDED = {"rsa-sha256": hashes.SHA256(), "rsa-sha512": hashes.SHA512()}
_MUST_WHEN_SENT = ("psu-id", "psu-corporate-id", "tpp-redirect-uri")
_CLOCKS_DIFFER_SECONDS = 120


def check_header_signature(wanted: SignedRequests, seals: Seals, received: Received) -> None:
    """Raises Refusal unless a request is signed as the bank wants it."""
    fields = _fields(received)
    certificate = _brought(seals, received, fields["keyId"]) if wanted.certificate_header else None
    if certificate is None:
        certificate = _known(seals, fields["keyId"])
    if not alive(certificate, received.at):
        raise Refusal("signer_expired", "TPP-Signature-Certificate" if wanted.certificate_header else "Signature")
    names = fields["headers"].split()
    _check_names(wanted, received, names, fields["headers"])
    _check_digest(received)
    if "date" in names:
        _check_date(received)
    text = "\n".join(_line(received, name) for name in names)
    key = certificate.public_key()
    try:
        signature = base64.b64decode(fields["signature"], validate=True)
        if not isinstance(key, rsa.RSAPublicKey) or fields["algorithm"] not in _PADDED:
            raise Refusal("signature_invalid", "Signature")
        key.verify(signature, text.encode("utf-8", "surrogateescape"), padding.PKCS1v15(), _PADDED[fields["algorithm"]])
    except (ValueError, InvalidSignature):
        raise Refusal("signature_invalid", "Signature") from None


def _fields(received: Received) -> dict[str, str]:
    given = received.headers.get("signature", ())
    if not given:
        raise Refusal("signature_missing", "Signature")
    found: dict[str, str] = {}
    rest = given[0]
    while rest:
        field = _FIELD.match(rest)
        if field is None or field[1] in found:
            raise Refusal("signature_malformed", "Signature")
        found[field[1]] = re.sub(r"\\(.)", r"\1", field[2])
        rest = rest[field.end() :]
        if rest:
            comma = re.match(r", ?(?=.)", rest)
            if comma is None:
                raise Refusal("signature_malformed", "Signature")
            rest = rest[comma.end() :]
    if len(found) != 4 or len(given) > 1:
        raise Refusal("signature_malformed", "Signature")
    return found


def _brought(seals: Seals, received: Received, key_id: str) -> x509.Certificate:
    """The header's certificate: issued by an authority that counts, to who is at the other end, and named by keyId."""
    text = received.header("tpp-signature-certificate")
    if text is None:
        raise Refusal("signer_missing", "TPP-Signature-Certificate")
    try:
        certificate = x509.load_der_x509_certificate(base64.b64decode(text, validate=True))
    except ValueError:
        raise Refusal("signer_refused", "TPP-Signature-Certificate") from None
    organisations = [
        str(one.value) for one in certificate.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)
    ]
    if not seals.issued(certificate) or organisations != [received.certificate.organisation]:
        raise Refusal("signer_refused", "TPP-Signature-Certificate")
    named = _NAMED.fullmatch(key_id)
    try:
        issuer = set(x509.Name.from_rfc4514_string(named[2]).rdns) if named else set()
    except ValueError:
        issuer = set()
    if named is None or int(named[1], 16) != certificate.serial_number or issuer != set(certificate.issuer.rdns):
        raise Refusal("signer_refused", "Signature")
    return certificate


def _known(seals: Seals, key_id: str) -> x509.Certificate:
    """STET: keyId is a URL that ends in the certificate's fingerprint; who registered is known by it."""
    named = _URL.fullmatch(key_id)
    certificate = seals.by_fingerprint(named[1]) if named else None
    if certificate is None or urllib.parse.urlsplit(key_id).query:
        raise Refusal("signer_refused", "Signature")
    return certificate


def _check_names(wanted: SignedRequests, received: Received, names: list[str], written: str) -> None:
    must = [*wanted.covered, *(name for name in _MUST_WHEN_SENT if name in received.headers)]
    once = len(names) == len(set(names)) and " ".join(names) == written
    if not once or any(name != name.lower() for name in names) or any(name not in names for name in must):
        raise Refusal("signature_invalid", "Signature")
    if any(name.startswith("(") and name != "(request-target)" for name in names):
        raise Refusal("signature_invalid", "Signature")


def _check_digest(received: Received) -> None:
    algorithm, _, value = (received.header("digest") or "").partition("=")
    if algorithm not in _HASHES:
        raise Refusal("signature_invalid", "Digest")
    if base64.b64encode(_HASHES[algorithm](received.body).digest()).decode() != value:
        raise Refusal("signature_invalid", "Digest")


def _check_date(received: Received) -> None:
    try:
        made = parsedate_to_datetime(received.header("date") or "")
    except ValueError:
        raise Refusal("signature_invalid", "Date") from None
    made = made if made.tzinfo else made.replace(tzinfo=UTC)
    if abs((received.at - made).total_seconds()) > _CLOCKS_DIFFER_SECONDS:
        raise Refusal("signature_invalid", "Date")


def _line(received: Received, name: str) -> str:
    if name == "(request-target)":
        query = f"?{received.query}" if received.query else ""
        return f"{name}: {received.method.lower()} {received.path}{query}"
    value = received.header(name)
    if value is None:
        raise Refusal("signature_invalid", "Signature")
    return f"{name}: {value}"
