"""JAdES over HTTP headers: a detached JWS whose payload is the covered headers, the body among them by its `Digest`.

`sigD` names the mechanism and what is covered, `sigT` when it was signed; the certificate goes along whole (`x5c`) or
as a thumbprint. With this mechanism the payload is not encoded (`b64` false); banks that encode it all the same say so
in their file, as they do for thumbprints in hex. Sources: ETSI TS 119 182-1 sections 5.1 and 5.2.8.2, the Open Banking
Europe JSON Web Signature profile, Berlin Group openFinance (`x-jws-signature`).
"""

import base64
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.exchange import Headers
from gateway.files import Seconds
from gateway.signatures.detached import critical, encode, read_detached, write_detached
from gateway.signatures.digest import Spelling, check_digest, write_digest
from gateway.signatures.header_lines import (
    Answer,
    KeyFacts,
    Request,
    Sign,
    SignatureRefused,
    Verify,
    chosen,
    lines,
    only,
    with_headers,
)
from gateway.signatures.keys import SigningKeys, VerificationKey, VerificationKeys

HEADER = "x-jws-signature"
_MECHANISM = "http://uri.etsi.org/19182/HttpHeaders"
_WRITTEN = "%Y-%m-%dT%H:%M:%SZ"
_CRITICALS = frozenset({"sigT", "sigD", "b64"})
_NEVER_SIGNED = frozenset({HEADER, "signature"})
CLOCKS_DIFFER = 60.0


class Jades(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a bank's file says; `covered` is always signed, in this order, `covered_if_present` where it is there.

    `certificate` says how it goes along: whole, or as a thumbprint. On answers `max_age` is how old `sigT` may be.
    """

    covered: tuple[str, ...] = ("(request-target)", "digest")
    covered_if_present: tuple[str, ...] = ("content-type", "psu-id", "psu-corporate-id")
    certificate: Literal["x5c", "x5t#S256", "x5t#S256-hex"] = "x5c"
    payload: Literal["unencoded", "encoded"] = "unencoded"
    digest: Spelling = "SHA-256"
    max_age: Seconds = Seconds(300)


def problems(settings: Jades, keys: Sequence[KeyFacts]) -> Iterator[tuple[str, str]]:
    """What the schema can not say: (setting, message)."""
    if "digest" not in settings.covered:
        yield "covered", "the body is not signed: cover 'digest'"
    for key in keys:
        if not key.certified:
            yield "profile", f"JAdES names keys by certificate: the key '{key.id}' has none"


def build_signer(settings: Jades, keys: SigningKeys) -> Sign:
    """Signs with the newest valid key."""
    encoded = settings.payload == "encoded"

    def sign(request: Request, now: datetime) -> Headers:
        key = keys.current(now)
        added = [("Digest", write_digest(settings.digest, request.body))]
        request = msgspec.structs.replace(request, headers=with_headers(request.headers, added))
        names = chosen(request, settings.covered, settings.covered_if_present)
        header: dict[str, Any] = {
            "alg": key.algorithm.name,
            **_named(settings, key.chain),
            "b64": encoded,
            "sigT": now.astimezone(UTC).strftime(_WRITTEN),
            "sigD": {"mId": _MECHANISM, "pars": names},
            "crit": sorted(_CRITICALS),
        }
        payload = lines(request, names, {}).encode("utf-8", "surrogateescape")
        return with_headers(request.headers, [(HEADER, write_detached(key, header, payload, encoded=encoded))])

    return sign


def build_verifier(settings: Jades, keys: VerificationKeys) -> Verify:
    """Verifies answers; the certificate that the signature names must be one of those that the bank's file names."""
    encoded = settings.payload == "encoded"
    reference = "x5c" if settings.certificate == "x5c" else "x5t#S256"
    wanted = {"alg", reference, *_CRITICALS, "crit"}
    allowed = wanted | {"kid", "typ", "cty", "x5c", "x5t#S256"}

    def verify(answer: Answer, now: datetime) -> None:
        found = read_detached(only(answer.headers, HEADER))
        header = found.header
        if not wanted <= header.keys() <= allowed:
            raise SignatureRefused("the header of the signature lacks a member, or has one that it must not")
        critical(header, _CRITICALS)
        if header["b64"] is not encoded:
            raise SignatureRefused("b64 is not what was agreed")
        candidates = [key for key in keys.valid(now) if _names(settings, header, key)]
        if not candidates:
            raise SignatureRefused("the certificate is none of the bank's")
        candidates = [key for key in candidates if key.algorithm.name == header["alg"]]
        if not candidates:
            raise SignatureRefused("the algorithm is not the key's")
        names = _covered(settings, header["sigD"], answer)
        check_digest(answer.headers, answer.body)
        _check_age(settings, header["sigT"], now)
        signed = found.signing_input(lines(answer, names, {}).encode("utf-8", "surrogateescape"), encoded=encoded)
        if not any(key.verify(signed, found.signature) for key in candidates):
            raise SignatureRefused("the signature does not fit the message")

    return verify


def _named(settings: Jades, chain: tuple[x509.Certificate, ...]) -> dict[str, Any]:
    if settings.certificate == "x5c":
        return {"x5c": [base64.b64encode(one.public_bytes(Encoding.DER)).decode() for one in chain]}
    return {"x5t#S256": _thumbprint(settings, chain[0])}


def _names(settings: Jades, header: dict[str, Any], key: VerificationKey) -> bool:
    """Whether everything in the header that names a certificate names this key's."""
    whole = header.get("x5c")
    if whole is not None:
        first = whole[0] if isinstance(whole, list) and whole else None
        if first != base64.b64encode(key.chain[0].public_bytes(Encoding.DER)).decode():
            return False
    thumbprint = header.get("x5t#S256")
    return thumbprint is None or thumbprint == _thumbprint(settings, key.chain[0])


def _thumbprint(settings: Jades, certificate: x509.Certificate) -> str:
    digest = certificate.fingerprint(hashes.SHA256())
    return digest.hex() if settings.certificate == "x5t#S256-hex" else encode(digest)


def _covered(settings: Jades, described: object, answer: Answer) -> list[str]:
    if not isinstance(described, dict) or described.keys() != {"mId", "pars"} or described["mId"] != _MECHANISM:
        raise SignatureRefused("sigD does not describe covered headers")
    names = described["pars"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise SignatureRefused("sigD does not describe covered headers")
    if len(set(names)) != len(names) or any(name != name.lower() or name in _NEVER_SIGNED for name in names):
        raise SignatureRefused("the list of covered headers is malformed, or names one twice")
    if not set(chosen(answer, settings.covered, settings.covered_if_present)) <= set(names):
        raise SignatureRefused("the signature does not cover all headers that it must")
    return names


def _check_age(settings: Jades, written: object, now: datetime) -> None:
    try:
        made = datetime.strptime(str(written), _WRITTEN).replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise SignatureRefused("sigT is not an instant in UTC, to the second") from None
    if made > now.timestamp() + CLOCKS_DIFFER:
        raise SignatureRefused("sigT is in the future")
    if made < now.timestamp() - settings.max_age:
        raise SignatureRefused("the signature is too old")
