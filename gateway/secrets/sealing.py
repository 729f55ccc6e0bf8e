"""What leaves us and comes back (a cursor), sealed so that only we can read or change it.

AES-256-GCM (NIST SP 800-38D) under one of several keys: the first seals, all unseal, so that keys can be rotated. A
nonce is 96 random bits: replace a key long before 2**32 sealings. The text is base64url without padding of

    version (1 byte) | key id (4) | nonce (12) | ciphertext and tag

and is bound to what the caller says (`bound_to`): sealed for one, it can not be unsealed for another.
"""

import base64
import binascii
import hashlib
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.secrets.references import Secret

_VERSION = b"\x01"
_ID_BYTES, _NONCE_BYTES, _TAG_BYTES = 4, 12, 16
_LEAST = 1 + _ID_BYTES + _NONCE_BYTES + _TAG_BYTES


class Sealer:
    """Seals under the first of its keys and unseals under any of them."""

    def __init__(self, keys: Sequence[Secret]) -> None:
        if not keys:
            raise ValueError("a sealer needs a key")
        self._ciphers = {_key_id(key): AESGCM(key.reveal()) for key in keys}
        self._first = _key_id(keys[0])

    def seal(self, plain: bytes, bound_to: bytes) -> str:
        """Text that `unseal` turns back, given the same `bound_to`."""
        head, nonce = _VERSION + self._first, os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self._first].encrypt(nonce, plain, head + bound_to)
        return base64.urlsafe_b64encode(head + nonce + sealed).rstrip(b"=").decode()

    def unseal(self, text: str, bound_to: bytes) -> bytes:
        """What was sealed. Raises ValueError for anything that was not sealed by one of our keys for `bound_to`."""
        try:
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except (binascii.Error, ValueError):
            raise ValueError("not sealed by us") from None
        # One sealed value has one spelling: base64 that decodes to the same bytes in another form is refused.
        if len(raw) < _LEAST or base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != text:
            raise ValueError("not sealed by us")
        head, nonce, sealed = raw[: 1 + _ID_BYTES], raw[1 + _ID_BYTES :][:_NONCE_BYTES], raw[_LEAST - _TAG_BYTES :]
        cipher = self._ciphers.get(head[1:])
        if cipher is None or head[:1] != _VERSION:
            raise ValueError("sealed under a key that is not known here")
        try:
            return cipher.decrypt(nonce, sealed, head + bound_to)
        except InvalidTag:
            raise ValueError("changed, or sealed for something else") from None


def _key_id(key: Secret) -> bytes:
    return hashlib.sha256(b"key id\x00" + key.reveal()).digest()[:_ID_BYTES]
