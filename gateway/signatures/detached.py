"""A detached JWS: `header..signature`, the payload being the message it goes with (RFC 7515 appendix F).

Only the one canonical spelling is read: base64url without padding and without spare bits, strict JSON, and an empty
middle. A payload that is not encoded (`"b64": false`) stands in the signing input as it is (RFC 7797 section 3).
"""

import base64
import binascii
import re
from typing import Any, NoReturn

import msgspec
import orjson

from gateway.signatures.header_lines import SignatureRefused
from gateway.signatures.keys import SigningKey
from gateway.signatures.strict_json import read_object

_FORM = re.compile(r"([A-Za-z0-9_-]+)\.\.([A-Za-z0-9_-]+)")
_LONGEST = 16 * 1024


class Detached(msgspec.Struct, frozen=True):
    """A detached JWS that is well formed, and no more: nothing in it is proved. `encoded` is its header as written."""

    encoded: str
    header: dict[str, Any]
    signature: bytes

    def signing_input(self, payload: bytes, *, encoded: bool) -> bytes:
        """What the signature is over."""
        return signing_input(self.encoded, payload, encoded=encoded)


def read_detached(text: str | None) -> Detached:
    """Raises SignatureRefused for everything but the one spelling."""
    if text is None:
        raise SignatureRefused("the signature header is missing")
    form = _FORM.fullmatch(text) if len(text) <= _LONGEST else None
    if form is None:
        raise SignatureRefused("the signature is not a detached JWS")
    try:
        header = read_object(_decoded(form[1]))
    except ValueError:
        raise SignatureRefused("the header of the signature is not strict JSON") from None
    return Detached(form[1], header, _decoded(form[2]))


def write_detached(key: SigningKey, header: dict[str, Any], payload: bytes, *, encoded: bool) -> str:
    """The JWS over a payload; `header` is written in the order of its members."""
    head = encode(orjson.dumps(header))
    return f"{head}..{encode(key.sign(signing_input(head, payload, encoded=encoded)))}"


def signing_input(head: str, payload: bytes, *, encoded: bool) -> bytes:
    """The encoded header, a dot, and the payload: base64url where it is `encoded`, else its bytes."""
    return head.encode() + b"." + (encode(payload).encode() if encoded else payload)


def encode(content: bytes) -> str:
    """Base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def critical(header: dict[str, Any], names: frozenset[str]) -> None:
    """Raises SignatureRefused unless `crit` lists exactly these names, each once, in any order."""
    listed = header.get("crit")
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        _refuse_critical()
    if len(listed) != len(names) or set(listed) != names:
        _refuse_critical()


def _refuse_critical() -> NoReturn:
    raise SignatureRefused("crit does not list exactly what it must")


def _decoded(text: str) -> bytes:
    try:
        content = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        content = b""
    if encode(content) != text:
        raise SignatureRefused("the signature is not base64url in its one form")
    return content
