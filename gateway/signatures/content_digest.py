"""Content-Digest (RFC 9530): a hash over the content as it is on the wire, content coding included.

Every digest of an algorithm that is known here must match; those that are not known say nothing, and alone they are no
digest. One of an algorithm that RFC 9530 section 5 calls insecure is refused beside the best: it was put there for a
reader that takes it.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from gateway.signatures.header_lines import SignatureRefused
from gateway.signatures.structured import NotStructured, read_dictionary

FIELD = "content-digest"
Name: TypeAlias = Literal["sha-256", "sha-512"]

_HASHES: Mapping[str, Callable[[bytes], Any]] = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}
_INSECURE = frozenset({"md5", "sha", "unixsum", "unixcksum", "adler", "crc32c"})


def content_digest(content: bytes, algorithm: Name = "sha-256") -> str:
    """The field's value for these bytes."""
    return f"{algorithm}=:{base64.b64encode(_HASHES[algorithm](content).digest()).decode()}:"


def check_content_digest(values: Sequence[str], content: bytes) -> None:
    """Raises SignatureRefused unless the field, of one or several lines, is the digest of these bytes."""
    try:
        members = read_dictionary(", ".join(values))
    except NotStructured:
        raise SignatureRefused("its Content-Digest is malformed") from None
    if _INSECURE & members.keys():
        raise SignatureRefused("its Content-Digest has an insecure algorithm")
    known = [(_HASHES[name], digest) for name, (digest, _) in members.items() if name in _HASHES]
    if not known:
        raise SignatureRefused("its Content-Digest has no algorithm that is known here: sha-256 or sha-512")
    for hashed, digest in known:
        if not isinstance(digest, bytes) or not hmac.compare_digest(digest, hashed(content).digest()):
            raise SignatureRefused("its Content-Digest is not that of the content")
