"""What a key does with bytes: the asymmetric algorithms of JOSE (RFC 7518 section 3, RFC 8037), and which keys are fit.

Names are JOSE's everywhere; each profile says what it calls them on the wire. Weak keys (RSA below 2048 bits or with a
small exponent, a curve that the algorithm does not name) are refused when they are loaded, never when they are used.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from gateway.signatures.factorable import is_factorable

Name: TypeAlias = Literal["RS256", "RS512", "PS256", "PS512", "ES256", "ES384", "ES512", "EdDSA"]

PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
PublicKey: TypeAlias = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey

LEAST_RSA_BITS, LEAST_EXPONENT = 2048, 65537
_HASHES: Mapping[str, hashes.HashAlgorithm] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}
_CURVES = {"ES256": ("secp256r1", "P-256"), "ES384": ("secp384r1", "P-384"), "ES512": ("secp521r1", "P-521")}


class KeyUnfit(Exception):
    """A key that an algorithm does not take; the message holds nothing of the key."""


class Algorithm(msgspec.Struct, frozen=True):
    """One algorithm: `sign` takes a private key that fits, `verify` a public one that fits."""

    name: str

    def fit(self, public: object) -> None:
        """Raises KeyUnfit for a key of another kind or curve, or a weak one (SP 800-131A, RFC 8725 section 3.5)."""
        if self.name == "EdDSA":
            if not isinstance(public, ed25519.Ed25519PublicKey):
                raise KeyUnfit(f"{self.name} needs an Ed25519 key, this is {_described(public)}")
        elif self.name in _CURVES:
            curve, called = _CURVES[self.name]
            if not isinstance(public, ec.EllipticCurvePublicKey) or public.curve.name != curve:
                raise KeyUnfit(f"{self.name} needs a key on the curve {called}, this is {_described(public)}")
        elif not isinstance(public, rsa.RSAPublicKey):
            raise KeyUnfit(f"{self.name} needs an RSA key, this is {_described(public)}")
        elif public.key_size < LEAST_RSA_BITS:
            raise KeyUnfit(f"an RSA key of {public.key_size} bits is too weak: {LEAST_RSA_BITS} are the least")
        elif public.public_numbers().e < LEAST_EXPONENT:
            raise KeyUnfit(f"an RSA key with an exponent below {LEAST_EXPONENT} is too weak: make another")
        elif is_factorable(public.public_numbers().n):
            raise KeyUnfit("an RSA key of a faulty library can be factored (CVE-2017-15361): make another")

    def sign(self, key: Any, message: bytes) -> bytes:
        """The signature, as JOSE writes it: of ECDSA r and s side by side, each as long as the curve's order."""
        match self.name[:2]:
            case "RS":
                return bytes(key.sign(message, padding.PKCS1v15(), self._hash))
            case "PS":
                return bytes(key.sign(message, _pss(self._hash), self._hash))
            case "ES":
                width = _width(key)
                r, s = decode_dss_signature(key.sign(message, ec.ECDSA(self._hash)))
                return r.to_bytes(width, "big") + s.to_bytes(width, "big")
            case _:
                return bytes(key.sign(message))

    def verify(self, key: Any, message: bytes, signature: bytes) -> bool:
        """Whether the signature is the key's over these very bytes; false for malformed ones, never an exception."""
        try:
            match self.name[:2]:
                case "RS":
                    key.verify(signature, message, padding.PKCS1v15(), self._hash)
                case "PS":
                    key.verify(signature, message, _pss(self._hash), self._hash)
                case "ES":
                    width = _width(key)
                    if len(signature) != 2 * width:
                        return False
                    r, s = (int.from_bytes(half, "big") for half in (signature[:width], signature[width:]))
                    key.verify(encode_dss_signature(r, s), message, ec.ECDSA(self._hash))
                case _:
                    key.verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True

    @property
    def _hash(self) -> hashes.HashAlgorithm:
        return _HASHES[self.name[2:]]


ALGORITHMS: Mapping[str, Algorithm] = {
    name: Algorithm(name) for name in ("RS256", "RS512", "PS256", "PS512", "ES256", "ES384", "ES512", "EdDSA")
}


def _pss(hashed: hashes.HashAlgorithm) -> padding.PSS:
    """The salt is as long as the hash, no more and no less (RFC 7518 section 3.5)."""
    return padding.PSS(padding.MGF1(hashed), hashed.digest_size)


def _width(key: Any) -> int:
    return (int(key.curve.key_size) + 7) // 8


def _described(public: object) -> str:
    match public:
        case rsa.RSAPublicKey():
            return "an RSA key"
        case ec.EllipticCurvePublicKey():
            return f"one on {public.curve.name}"
        case ed25519.Ed25519PublicKey():
            return "an Ed25519 key"
        case _:
            return "a key of another kind"
