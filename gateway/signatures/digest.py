"""The `Digest` header (RFC 3230, SHA-2 of RFC 5843): a hash over the bytes of the body as they are on the wire.

That is the body in its content coding: the digest of what a decoder made of it is another one. SHA-256 and SHA-512
count; a message that offers SHA-1, MD5 or anything else beside them is refused rather than half believed.
"""

import base64
import hashlib
import hmac
from typing import Literal, TypeAlias

from gateway.exchange import Headers
from gateway.signatures.header_lines import SignatureRefused, only

Spelling: TypeAlias = Literal["SHA-256", "SHA-512", "sha-256", "sha-512"]
"""An algorithm as a bank wants it spelt: names are to be compared without case (RFC 3230 section 4.1.1); not all do."""


def write_digest(spelling: Spelling, body: bytes) -> str:
    """The header's value; of an empty body the digest of the empty string."""
    return f"{spelling}={base64.b64encode(_hash(spelling.lower(), body)).decode()}"


def check_digest(headers: Headers, body: bytes) -> None:
    """Raises SignatureRefused where the header is missing, malformed, weak, or not the body's."""
    written = only(headers, "digest")
    if written is None:
        raise SignatureRefused("the Digest header is missing")
    for one in written.split(","):
        algorithm, separator, value = one.strip().partition("=")
        if algorithm.lower() not in {"sha-256", "sha-512"} or not separator:
            raise SignatureRefused(
                "the Digest header is malformed, or names an algorithm other than SHA-256 and SHA-512"
            )
        expected = base64.b64encode(_hash(algorithm.lower(), body))
        if not hmac.compare_digest(expected, value.encode("utf-8", "surrogateescape")):
            raise SignatureRefused("the Digest header is not that of the body")


def _hash(algorithm: str, body: bytes) -> bytes:
    return hashlib.sha256(body).digest() if algorithm == "sha-256" else hashlib.sha512(body).digest()
