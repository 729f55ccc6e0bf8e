"""A JWK set (RFC 7517) as public keys that are strong enough, each with the algorithms that it may verify.

A key that can not be used (symmetric, private, weak, for encryption, of an unknown kind) is left out, never guessed
at; a set without one usable key is refused. Keys come from configured places only, never from a token's header.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import Algorithm, ECAlgorithm, OKPAlgorithm, RSAAlgorithm, get_default_algorithms
from jwt.exceptions import PyJWTError

from gateway.signatures.factorable import is_factorable
from gateway.signatures.strict_json import read_object

ALGORITHMS: Mapping[str, Algorithm] = {
    name: algorithm
    for name, algorithm in get_default_algorithms().items()
    if name in {"PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "RS256"}
}
"""What an issuer may be allowed; asymmetric all. RS256 is for issuers that know no better (FAPI 2.0 section 5.4)."""

_RSA = frozenset({"PS256", "PS384", "PS512", "RS256"})
_CURVES = {"secp256r1": frozenset({"ES256"}), "secp384r1": frozenset({"ES384"}), "secp521r1": frozenset({"ES512"})}
_LEAST_RSA_BITS, _LEAST_EXPONENT = 2048, 65537
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_MOST_KEYS = 100
_KEY_ID = re.compile(r"[\x20-\x7e]{1,256}")


class Key(msgspec.Struct, frozen=True):
    """A public key; `kid` is None where the set names none."""

    kid: str | None
    algorithms: frozenset[str]
    public: Any

    def verifies(self, algorithm: str, signing_input: bytes, signature: bytes) -> bool:
        """Whether the signature is this key's, by an algorithm that the key is for. Never raises for bad input."""
        if algorithm not in self.algorithms:
            return False
        return ALGORITHMS[algorithm].verify(signing_input, self.public, signature)


def read_keys(content: bytes) -> tuple[Key, ...]:
    """The usable keys of a JWK set document. Raises ValueError when it is none, or holds not one usable key."""
    members = read_object(content).get("keys")
    if not isinstance(members, list) or len(members) > _MOST_KEYS:
        raise ValueError("not a JWK set")
    keys = tuple(_usable(members))
    if not keys:
        raise ValueError("no usable key in the JWK set")
    return keys


def choose(keys: tuple[Key, ...], kid: str | None, algorithm: str) -> Key | None:
    """The one key that fits; None when none does or, without a `kid`, more than one would.

    Keys of one `kid` are told apart by kind (RFC 7517 section 4.5): the algorithm says which is meant.
    """
    fitting = [key for key in keys if algorithm in key.algorithms and (kid is None or key.kid == kid)]
    return fitting[0] if len(fitting) == 1 else None


def _usable(members: list[Any]) -> Iterator[Key]:
    for member in members:
        if not isinstance(member, dict) or member.get("use", "sig") != "sig" or _PRIVATE & member.keys():
            continue
        kid, operations = member.get("kid"), member.get("key_ops", ["verify"])
        if kid is not None and not (isinstance(kid, str) and _KEY_ID.fullmatch(kid)):
            continue
        if not isinstance(operations, list) or "verify" not in operations:
            continue
        try:
            public, algorithms = _public(member)
        except (PyJWTError, ValueError, TypeError, KeyError):
            continue
        if "alg" in member:
            algorithms &= {member["alg"]} if isinstance(member["alg"], str) else set()
        if algorithms:
            yield Key(kid, algorithms, public)


def _public(member: dict[str, Any]) -> tuple[Any, frozenset[str]]:
    """The key and what its kind verifies; none for a weak one (RFC 8725 section 3.5, NIST SP 800-131A)."""
    match member.get("kty"):
        case "RSA":
            key: Any = RSAAlgorithm.from_jwk(member)
            return key, _RSA if isinstance(key, rsa.RSAPublicKey) and _is_strong(key) else frozenset()
        case "EC":
            key = ECAlgorithm.from_jwk(member)
            known = isinstance(key, ec.EllipticCurvePublicKey)
            return key, _CURVES.get(key.curve.name, frozenset()) if known else frozenset()
        case "OKP":
            key = OKPAlgorithm.from_jwk(member)
            return key, frozenset({"EdDSA"}) if isinstance(key, ed25519.Ed25519PublicKey) else frozenset()
        case _:
            return None, frozenset()


def _is_strong(key: rsa.RSAPublicKey) -> bool:
    numbers = key.public_numbers()
    return key.key_size >= _LEAST_RSA_BITS and numbers.e >= _LEAST_EXPONENT and not is_factorable(numbers.n)
