"""HTTP message signatures (RFC 9421): made and verified over the signature base, nothing of which is taken on trust.

Of the signatures of a message the one that counts is the only one with the expected `tag`: labels are not signed, so
none is looked for by its label. What must be covered, how old a signature may be, and which keys may have made it is
said by whoever verifies; the algorithm is the key's, and `alg` may only agree with it. Where the RFC leaves a choice,
the stricter one is made: parameters that are not known, a `created` that is missing, a label without its other half
and names that stand twice are refused.

Ours, and not the library http-message-signatures: that one reads the clock itself, takes one algorithm for a verifier
rather than one for a key, and re-reads the URL that we route by. It is what this module is tested against.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from gateway.exchange import Headers
from gateway.signatures.algorithms import Algorithm
from gateway.signatures.components import Component, Fields, Message, Values, component_of
from gateway.signatures.header_lines import SignatureRefused
from gateway.signatures.structured import Item, NotStructured, Parameters, read_dictionary, write_parameters

ALGORITHMS: Mapping[str, str] = {
    "rsa-pss-sha512": "PS512",
    "rsa-v1_5-sha256": "RS256",
    "ecdsa-p256-sha256": "ES256",
    "ecdsa-p384-sha384": "ES384",
    "ed25519": "EdDSA",
}
"""What `alg` may say (RFC 9421 section 6.2), and the name that keys have for it; HMAC proves nothing to a third."""

_NONE: list[str] = []
_MOST_COMPONENTS, _MOST_SIGNATURES, _MOST_WORD = 64, 8, 512
_INSTANTS, _WORDS = frozenset({"created", "expires"}), frozenset({"alg", "keyid", "nonce", "tag"})


class Signer(Protocol):
    """A private key of ours."""

    @property
    def id(self) -> str:
        """What the other side knows it by."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The raw signature."""
        ...


class Verifier(Protocol):
    """A public key and the one algorithm that it is for."""

    @property
    def algorithm(self) -> Algorithm:
        """What it verifies with."""
        ...

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether the signature is this key's."""
        ...


class Presented(msgspec.Struct, frozen=True):
    """A signature as a message presents it: well-formed, and not verified. Instants are epoch seconds."""

    covered: tuple[Component, ...]
    parameters: str
    created: int
    expires: int | None
    key_id: str
    algorithm: str | None
    nonce: str | None
    signature: bytes


class Age(msgspec.Struct, frozen=True):
    """Seconds: how old a signature may be, and how far ahead of ours the other clock may be."""

    most: float
    skew: float


def sign(
    message: Message,
    covered: Sequence[Component],
    key: Signer,
    *,
    created: int,
    tag: str,
    expires: int | None = None,
    nonce: str | None = None,
    algorithm: str | None = None,
) -> Headers:
    """The fields `Signature-Input` and `Signature` for a message. Raises SignatureRefused where it lacks a component.

    Instants are epoch seconds; key ids, tags and nonces are ours, of printable ASCII.
    """
    told = {"created": created, "expires": expires, "keyid": key.id, "alg": algorithm, "nonce": nonce, "tag": tag}
    given = {name: value for name, value in told.items() if value is not None}
    parameters = _written(covered, given)
    signature = base64.b64encode(key.sign(signature_base(message, covered, parameters))).decode()
    return ("Signature-Input", f"sig={parameters}"), ("Signature", f"sig=:{signature}:")


def present(fields: Fields, tag: str) -> Presented:
    """The signature of a message that has the tag. Raises SignatureRefused, also where two have it."""
    inputs, signatures = _members(fields, "signature-input"), _members(fields, "signature")
    if inputs.keys() != signatures.keys():
        raise SignatureRefused("its signature and what it covers are not under the same labels")
    found = [label for label, (_, parameters) in inputs.items() if parameters.get("tag") == tag]
    if not found:
        raise SignatureRefused(f'its signature is not there with the tag "{tag}"')
    if len(found) > 1:
        raise SignatureRefused(f'its signature with the tag "{tag}" is there more than once')
    value, _ = signatures[found[0]]
    if not isinstance(value, bytes):
        raise SignatureRefused("its signature is not a byte sequence")
    return _presented(inputs[found[0]], value)


def check_age(presented: Presented, age: Age, now: float) -> None:
    """Raises SignatureRefused for a signature from the future, too old, or ended; `now` in epoch seconds."""
    if presented.created > now + age.skew:
        raise SignatureRefused("its signature was made in the future")
    if presented.created + age.most < now:
        raise SignatureRefused("its signature is too old")
    if presented.expires is not None and presented.expires < now:
        raise SignatureRefused("its signature has expired")


def check_coverage(presented: Presented, required: Iterable[Component]) -> None:
    """Raises SignatureRefused unless every one of them is covered, exactly as it is identified."""
    covered = {one.identity for one in presented.covered}
    missing = [one.text for one in required if one.identity not in covered]
    if missing:
        raise SignatureRefused(f"its signature does not cover {', '.join(missing)}")


def verify(message: Message, presented: Presented, keys: Iterable[Verifier]) -> bytes:
    """A digest that no other signature has and no respelling of this one changes: what a replay is known by.

    Raises SignatureRefused unless one of the keys made the signature over these very components.
    """
    said = presented.algorithm
    base = signature_base(message, presented.covered, presented.parameters)
    for key in keys:
        if said is not None and ALGORITHMS.get(said) != key.algorithm.name:
            continue
        if key.verify(base, presented.signature):
            # Of an ECDSA signature (r, s) anyone can make the equally good (r, n - s): r alone tells it.
            elliptic = key.algorithm.name.startswith("ES")
            told = presented.signature[: len(presented.signature) // 2] if elliptic else presented.signature
            return hashlib.sha256(hashlib.sha256(base).digest() + told).digest()
    raise SignatureRefused("its signature is not that of the message by a key of its id")


def signature_base(message: Message, covered: Sequence[Component], parameters: str) -> bytes:
    """RFC 9421 section 2.5. Raises SignatureRefused for a value that can not stand in it."""
    values = Values(message)
    lines = [f"{one.text}: {values.of(one)}" for one in covered]
    base = "\n".join([*lines, f'"@signature-params": {parameters}'])
    if base.count("\n") != len(lines) or not base.isascii() or "\r" in base or "\0" in base:
        raise SignatureRefused("its signature covers a value that can not be signed as it is")
    return base.encode()


def _written(covered: Sequence[Component], parameters: Parameters) -> str:
    """The inner list of `Signature-Input` and of the base's last line."""
    return f"({' '.join([one.text for one in covered])}){write_parameters(parameters)}"


def _members(fields: Fields, name: str) -> dict[str, Item]:
    values = fields.getall(name, _NONE)
    if not values:
        raise SignatureRefused("its signature is missing")
    try:
        members = read_dictionary(", ".join(values))
    except NotStructured:
        raise SignatureRefused("its signature is malformed") from None
    if len(members) > _MOST_SIGNATURES:
        raise SignatureRefused("its signature is one of too many")
    return members


def _presented(member: Item, signature: bytes) -> Presented:
    items, parameters = member
    if not isinstance(items, list):
        raise SignatureRefused("its signature does not list what it covers")
    if len(items) > _MOST_COMPONENTS:
        raise SignatureRefused("its signature covers too much")
    covered = tuple(component_of(item) for item in items)
    if len({one.identity for one in covered}) != len(covered):
        raise SignatureRefused("its signature covers a component twice")
    for name, value in parameters.items():
        if name in _INSTANTS:
            sound = type(value) is int
        else:
            sound = name in _WORDS and type(value) is str and len(value) <= _MOST_WORD
        if not sound:
            raise SignatureRefused("its signature has a parameter that is not known, or not in its form")
    if "created" not in parameters or "keyid" not in parameters:
        raise SignatureRefused("its signature does not say when, and with which key, it was made")
    return Presented(
        covered=covered,
        parameters=_written(covered, parameters),
        created=parameters["created"],
        expires=parameters.get("expires"),
        key_id=parameters["keyid"],
        algorithm=parameters.get("alg"),
        nonce=parameters.get("nonce"),
        signature=signature,
    )
