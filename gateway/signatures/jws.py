"""UK Open Banking's `x-jws-signature`: a detached JWS over the body, three claims in its header, all of them critical.

Two eras, told apart by the bank's file and never by the message: up to 3.1.3 the payload is not encoded, which `b64`
says and `crit` lists; from 3.1.4 (4.0 too) there is no `b64` and the payload is base64url. A message without a body is
not signed. Sources: Read/Write Data API profile 3.1.3 and 3.1.4 to 4.0, section "Message signing"; RFC 7515, 7797.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from cryptography import x509

from gateway.exchange import Headers
from gateway.files import Seconds
from gateway.signatures.detached import critical, read_detached, write_detached
from gateway.signatures.header_lines import (
    Answer,
    KeyFacts,
    Request,
    Sign,
    SignatureRefused,
    Verify,
    only,
    with_headers,
)
from gateway.signatures.keys import SigningKeys, VerificationKeys

HEADER = "x-jws-signature"
_IAT, _ISS, _TAN = (f"http://openbanking.org.uk/{name}" for name in ("iat", "iss", "tan"))
_CLAIMS = frozenset({_IAT, _ISS, _TAN})
_ALGORITHM = "PS256"
CLOCKS_DIFFER = 60.0


class ObieJws(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a bank's file says; `issuer` is the signer's: ours on requests, the bank's on answers.

    Ours is `org-id/software-id`, the bank's its `org-id`, or either the subject of a certificate. `trust_anchor` is
    `tan`. `typ` and `cty` are written on requests where they are given. On answers `max_age` is how long ago an answer
    may have been signed.
    """

    era: Literal["unencoded", "encoded"]
    issuer: str
    trust_anchor: str = "openbanking.org.uk"
    typ: str | None = None
    cty: str | None = None
    max_age: Seconds = Seconds(300)


def problems(settings: ObieJws, keys: Sequence[KeyFacts]) -> Iterator[tuple[str, str]]:
    """The standard fixes one algorithm; a subject name must be one."""
    for key in keys:
        if key.algorithm != _ALGORITHM:
            yield "profile", f"UK Open Banking signs with {_ALGORITHM} only: the key '{key.id}' is for {key.algorithm}"
    if "=" in settings.issuer and _parts(settings.issuer) is None:
        yield "issuer", "is not a subject name such as 'CN=…,O=…,C=GB'"


def build_signer(settings: ObieJws, keys: SigningKeys) -> Sign:
    """Signs the body of each request that has one."""
    encoded = settings.era == "encoded"
    listed = [_IAT, _ISS, _TAN] if encoded else ["b64", _IAT, _ISS, _TAN]

    def sign(request: Request, now: datetime) -> Headers:
        if not request.body:
            return request.headers
        key = keys.current(now)
        header: dict[str, Any] = {"alg": key.algorithm.name, "kid": key.id}
        header |= {name: value for name, value in (("typ", settings.typ), ("cty", settings.cty)) if value is not None}
        if not encoded:
            header["b64"] = False
        header |= {_IAT: int(now.timestamp()), _ISS: settings.issuer, _TAN: settings.trust_anchor, "crit": listed}
        return with_headers(request.headers, [(HEADER, write_detached(key, header, request.body, encoded=encoded))])

    return sign


def build_verifier(settings: ObieJws, keys: VerificationKeys) -> Verify:
    """Verifies answers that have a body, errors too."""
    encoded = settings.era == "encoded"
    criticals = _CLAIMS if encoded else _CLAIMS | {"b64"}
    wanted = {"alg", "kid", "crit", *criticals}
    allowed = wanted | {"typ", "cty"}
    subject = _parts(settings.issuer)

    def verify(answer: Answer, now: datetime) -> None:
        if not answer.body and only(answer.headers, HEADER) is None:
            return
        found = read_detached(only(answer.headers, HEADER))
        header = found.header
        if not wanted <= header.keys() <= allowed:
            raise SignatureRefused("the header of the signature lacks a member, or has one that it must not")
        critical(header, criticals)
        _check_types(header)
        if header["alg"] != _ALGORITHM or (not encoded and header["b64"] is not False):
            raise SignatureRefused(f"the signature is not by {_ALGORITHM}, or not of the era that was agreed")
        issuer = header[_ISS]
        if issuer != settings.issuer and (subject is None or not isinstance(issuer, str) or _parts(issuer) != subject):
            raise SignatureRefused("iss is not the bank's")
        if header[_TAN] != settings.trust_anchor:
            raise SignatureRefused("tan is not the trust anchor that was agreed")
        _check_age(settings, header[_IAT], now)
        candidates = keys.valid(now, header["kid"]) if isinstance(header["kid"], str) else ()
        if not candidates:
            raise SignatureRefused("kid names no valid key of the bank")
        signed = found.signing_input(answer.body, encoded=encoded)
        if not any(key.verify(signed, found.signature) for key in candidates):
            raise SignatureRefused("the signature does not fit the body")

    return verify


def _check_types(header: dict[str, Any]) -> None:
    if header.get("typ", "JOSE") != "JOSE" or not isinstance(header.get("cty", ""), str):
        raise SignatureRefused("typ or cty is not what it must be")


def _check_age(settings: ObieJws, made: object, now: datetime) -> None:
    if isinstance(made, bool) or not isinstance(made, int | float):
        raise SignatureRefused("iat is not a number")
    moment = now.timestamp()
    if made > moment + CLOCKS_DIFFER:
        raise SignatureRefused("iat is not in the past")
    if made < moment - settings.max_age:
        raise SignatureRefused("the signature is too old")


def _parts(name: str) -> Counter[x509.RelativeDistinguishedName] | None:
    """A subject name as its parts, whose order people write differently; None for what is none."""
    try:
        return Counter(x509.Name.from_rfc4514_string(name).rdns)
    except ValueError:
        return None
