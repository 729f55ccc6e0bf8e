"""The compact form of a signed token (RFC 7515 section 7.1) and the claims of an access token (RFC 9068 section 2.2).

Only the one canonical spelling is read: no padding, no spare bits, no whitespace, three segments. So the digest of the
text is the digest of the token, and what was verified once can be remembered by it.
"""

import base64
import binascii
import re
from typing import Any

import msgspec

from gateway.signatures.strict_json import read_object

MOST_CHARACTERS = 8192
LEEWAY = 30
"""Seconds that an issuer's clock may differ from ours (FAPI 2.0 section 5.3.2.1: 10 accepted, above 60 refused)."""

_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")
_NAME = re.compile(r"[\x21-\x7e]{1,255}")
_SCOPES = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*")
_TYPES = frozenset({"at+jwt", "application/at+jwt"})
_NOT_UNDERSTOOD = ("crit", "b64", "zip", "enc")


class TokenRefused(Exception):
    """Why a token is not accepted: a sentence of ours that holds nothing of the token."""


class Token(msgspec.Struct, frozen=True):
    """A token that is well formed, and no more: nothing in it is proved. `payload` is not read yet."""

    algorithm: str
    kid: str | None
    signing_input: bytes
    payload: bytes
    signature: bytes


class Claims(msgspec.Struct, frozen=True):
    """What an accepted token says; `thumbprint` is `cnf.x5t#S256` (RFC 8705), `expires` is in epoch seconds."""

    subject: str
    client_id: str
    tenant: str
    scopes: frozenset[str]
    expires: int
    thumbprint: str | None


def read_token(text: str) -> Token:
    """Takes the compact form apart. Raises TokenRefused."""
    if len(text) > MOST_CHARACTERS:
        raise TokenRefused("it is too long")
    match = _COMPACT.fullmatch(text)
    if match is None:
        raise TokenRefused("it is not a signed token in compact form")
    header_bytes, payload, signature = (_decoded(segment) for segment in match.groups())
    header = _object(header_bytes)
    if any(name in header for name in _NOT_UNDERSTOOD):
        raise TokenRefused("its header asks for what is not understood here")
    kind = header.get("typ")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        # An ID token, a client assertion or a DPoP proof is signed by the same keys (RFC 9068 section 5).
        raise TokenRefused("it is not typed as an access token")
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str):
        raise TokenRefused("its header names no algorithm")
    if kid is not None and not (isinstance(kid, str) and 0 < len(kid) <= 256):
        raise TokenRefused("its key id is malformed")
    return Token(algorithm, kid, text[: match.end(2)].encode(), payload, signature)


def issuer(token: Token) -> str:
    """Who the token claims to be from: only to choose whose keys must verify it. Raises TokenRefused."""
    return _text(_object(token.payload), "iss")


def read_claims(token: Token, *, audience: str, tenant_claim: str, now: float) -> Claims:
    """Judges the claims of a token whose signature was verified; `now` in epoch seconds. Raises TokenRefused."""
    claims = _object(token.payload)
    expires, issued = _instant(claims, "exp"), _instant(claims, "iat")
    not_before = _instant(claims, "nbf") if "nbf" in claims else issued
    if expires + LEEWAY <= now:
        raise TokenRefused("it has expired")
    if max(issued, not_before) > now + LEEWAY:
        raise TokenRefused("it is not valid yet")
    intended = claims.get("aud")
    if intended != audience and not (isinstance(intended, list) and audience in intended):
        raise TokenRefused("it is meant for another audience")
    _text(claims, "jti")
    scope = claims.get("scope", "")
    if not isinstance(scope, str) or (scope and not _SCOPES.fullmatch(scope)):
        raise TokenRefused("its claim 'scope' is malformed")
    return Claims(
        subject=_text(claims, "sub"),
        client_id=_text(claims, "client_id"),
        tenant=_text(claims, tenant_claim),
        scopes=frozenset(scope.split(" ")) if scope else frozenset(),
        expires=expires,
        thumbprint=_thumbprint(claims),
    )


def _thumbprint(claims: dict[str, Any]) -> str | None:
    if "cnf" not in claims:
        return None
    confirmation = claims["cnf"]
    # A member that is not checked here (jkt of RFC 9449, say) would be a binding that is not kept.
    if not isinstance(confirmation, dict) or confirmation.keys() != {"x5t#S256"}:
        raise TokenRefused("it is bound in a way that can not be checked here")
    thumbprint = confirmation["x5t#S256"]
    if not isinstance(thumbprint, str) or not _THUMBPRINT.fullmatch(thumbprint):
        raise TokenRefused("its certificate thumbprint is malformed")
    return thumbprint


def _decoded(segment: str) -> bytes:
    try:
        content = base64.b64decode(segment + "=" * (-len(segment) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise TokenRefused("it is not base64url") from None
    if base64.urlsafe_b64encode(content).rstrip(b"=") != segment.encode():
        raise TokenRefused("it is not in its canonical spelling")
    return content


def _object(content: bytes) -> dict[str, Any]:
    try:
        return read_object(content)
    except ValueError:
        raise TokenRefused("it does not hold strict JSON") from None


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise TokenRefused(f"its claim '{name}' is absent or malformed")
    return value


def _instant(claims: dict[str, Any], name: str) -> int:
    """A NumericDate in whole seconds; a text, a float or a truth value is none here, whatever it converts to."""
    value = claims.get(name)
    if type(value) is not int or value <= 0:
        raise TokenRefused(f"its claim '{name}' is absent or malformed")
    return value
