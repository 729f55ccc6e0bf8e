"""Keys by reference, several at once: what is signed is signed with the newest valid one, verified with any valid one.

So a key is rotated without a gap: the other side learns the new key, the new key stands beside the old one, and when
its time has come (`not_before`, or its certificate's) it signs; the old one is taken out when nothing signed with it is
on the way any more. A key is valid from `not_before` to `not_after`, both included, as written and as its certificate
says, whichever is narrower. A key that has ended is no reason to refuse a set of files: one bank's forgotten key must
not keep a gateway from starting; its calls fail with a problem that says so.
"""

import functools
import hashlib
from datetime import UTC, datetime
from typing import Any

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from gateway.errors import SigningUnavailable
from gateway.files import Loaded, Path, Problem
from gateway.secrets import Secrets, SecretUnreadable
from gateway.signatures.algorithms import ALGORITHMS, Algorithm, KeyUnfit

_EARLIEST = datetime.min.replace(tzinfo=UTC)
_LATEST = datetime.max.replace(tzinfo=UTC)
_CERTIFICATE_MARK = b"-----BEGIN CERTIFICATE-----"


class Window(msgspec.Struct, frozen=True):
    """From when to when, both included, in UTC."""

    not_before: datetime = _EARLIEST
    not_after: datetime = _LATEST

    def holds(self, now: datetime) -> bool:
        """Whether an instant lies within."""
        return self.not_before <= now <= self.not_after

    def within(self, other: "Window") -> "Window":
        """What two windows share."""
        return Window(max(self.not_before, other.not_before), min(self.not_after, other.not_after))


class SigningKey(msgspec.Struct, frozen=True, eq=False):
    """A private key of ours; `chain` is its certificate and then its intermediates, empty where it has none."""

    id: str
    algorithm: Algorithm
    window: Window
    private: Any
    chain: tuple[x509.Certificate, ...]

    def __repr__(self) -> str:
        return f"SigningKey({self.id})"

    def sign(self, message: bytes) -> bytes:
        """The raw signature over these bytes."""
        return self.algorithm.sign(self.private, message)


class VerificationKey(msgspec.Struct, frozen=True, eq=False):
    """A public key of somebody else; `chain` as of a signing key."""

    id: str
    algorithm: Algorithm
    window: Window
    public: Any
    chain: tuple[x509.Certificate, ...]

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether the raw signature is this key's over these bytes."""
        return self.algorithm.verify(self.public, message, signature)


class SigningKeys(msgspec.Struct, frozen=True, eq=False):
    """Our keys for one purpose, the newest first; `fingerprint` changes with anything that was read."""

    keys: tuple[SigningKey, ...]
    fingerprint: bytes

    def current(self, now: datetime) -> SigningKey:
        """The key to sign with. Raises SigningUnavailable where none is valid."""
        for key in self.keys:
            if key.window.holds(now):
                return key
        raise SigningUnavailable

    def ends(self) -> datetime | None:
        """When the last of them ends, in UTC; None where that is never."""
        last = max(key.window.not_after for key in self.keys)
        return None if last == _LATEST else last


class VerificationKeys(msgspec.Struct, frozen=True, eq=False):
    """Somebody's keys; several may have one id only where their algorithms differ."""

    keys: tuple[VerificationKey, ...]
    fingerprint: bytes

    def valid(self, now: datetime, key_id: str | None = None) -> tuple[VerificationKey, ...]:
        """The keys that may verify: those of an id, or all where a message names none."""
        return tuple(key for key in self.keys if key.window.holds(now) and (key_id is None or key.id == key_id))


def read_signing_keys(loaded: Loaded, at: Path, secrets: Secrets, problems: list[Problem]) -> SigningKeys | None:
    """Reads the list of keys at a path of a checked file: `id`, `algorithm`, `key`, `certificate`, the window.

    Adds a problem for each key that can not be read or is not fit, at the place where it is written; then answers None.
    """
    found: list[SigningKey] = []
    reading = _Reading(loaded, secrets, problems)
    for number, entry in enumerate(_value(loaded, at)):
        place = (*at, number)
        private = reading.private(place, entry)
        chain = reading.chain((*place, "certificate"), entry.get("certificate"))
        if private is None or chain is None:
            continue
        algorithm = ALGORITHMS[entry["algorithm"]]
        window = reading.window(place, entry, chain)
        if reading.fit((*place, "key"), algorithm, private.public_key()) and window is not None:
            if chain and _public_bytes(chain[0].public_key()) != _public_bytes(private.public_key()):
                problems.append(loaded.problem((*place, "certificate"), "the key does not belong to the certificate"))
            found.append(SigningKey(entry["id"], algorithm, window, private, chain))
    reading.distinct(at)
    if reading.refused:
        return None
    newest_first = sorted(found, key=lambda key: key.window.not_before, reverse=True)
    return SigningKeys(tuple(newest_first), reading.fingerprint())


def read_verification_keys(
    loaded: Loaded, at: Path, secrets: Secrets, problems: list[Problem]
) -> VerificationKeys | None:
    """Reads the list of keys at a path of a checked file: `id`, `algorithm`, `key` (PEM: key or certificate), window.

    Adds a problem for each key that can not be read or is not fit, at the place where it is written; then answers None.
    """
    found: list[VerificationKey] = []
    reading = _Reading(loaded, secrets, problems)
    for number, entry in enumerate(_value(loaded, at)):
        place = (*at, number)
        read = reading.public((*place, "key"), entry["key"])
        if read is None:
            continue
        public, chain = read
        algorithm = ALGORITHMS[entry["algorithm"]]
        window = reading.window(place, entry, chain)
        if reading.fit((*place, "key"), algorithm, public) and window is not None:
            found.append(VerificationKey(entry["id"], algorithm, window, public, chain))
    reading.distinct(at)
    return None if reading.refused else VerificationKeys(tuple(found), reading.fingerprint())


class _Reading:
    """One list of keys as it is read: what was found wrong, and a hash over all that was read."""

    def __init__(self, loaded: Loaded, secrets: Secrets, problems: list[Problem]) -> None:
        self._loaded = loaded
        self._secrets = secrets
        self._problems = problems
        self._before = len(problems)
        self._hash = hashlib.sha256()

    @property
    def refused(self) -> bool:
        return len(self._problems) > self._before

    def fingerprint(self) -> bytes:
        return self._hash.digest()

    def private(self, place: Path, entry: dict[str, Any]) -> Any:
        content = self._content((*place, "key"), entry["key"])
        self._hash.update(msgspec.json.encode(entry))
        if content is None:
            return None
        try:
            return load_pem_private_key(content, password=None)
        except TypeError:
            message = "the key has a passphrase: give it without one"
        except (ValueError, UnsupportedAlgorithm):
            message = "holds no private key in PEM form"
        return self._tell((*place, "key"), message)

    def public(self, path: Path, reference: str) -> tuple[Any, tuple[x509.Certificate, ...]] | None:
        content = self._content(path, reference)
        self._hash.update(msgspec.json.encode(_value(self._loaded, path[:-1])))
        if content is None:
            return None
        try:
            if _CERTIFICATE_MARK in content:
                chain = tuple(x509.load_pem_x509_certificates(content))
                return chain[0].public_key(), chain
            return load_pem_public_key(content), ()
        except (ValueError, UnsupportedAlgorithm):
            self._tell(path, "holds neither a public key nor a certificate in PEM form")
        return None

    def chain(self, path: Path, reference: str | None) -> tuple[x509.Certificate, ...] | None:
        if reference is None:
            return ()
        content = self._content(path, reference)
        if content is None:
            return None
        try:
            return tuple(x509.load_pem_x509_certificates(content))
        except ValueError:
            self._tell(path, "holds no certificate in PEM form")
        return None

    def window(self, place: Path, entry: dict[str, Any], chain: tuple[x509.Certificate, ...]) -> Window | None:
        before, after = (self._instant((*place, name), entry.get(name)) for name in ("not_before", "not_after"))
        window = Window(before or _EARLIEST, after or _LATEST)
        if chain:
            window = window.within(Window(chain[0].not_valid_before_utc, chain[0].not_valid_after_utc))
        if window.not_before > window.not_after:
            self._tell(
                place, "is never valid: 'not_before', 'not_after' and the certificate leave no time between them"
            )
            return None
        return window

    def fit(self, path: Path, algorithm: Algorithm, public: object) -> bool:
        try:
            algorithm.fit(public)
        except KeyUnfit as error:
            self._tell(path, str(error))
            return False
        return True

    def distinct(self, at: Path) -> None:
        """An id says which key is meant: of one id there is one key for each algorithm."""
        seen: set[tuple[str, str]] = set()
        for number, entry in enumerate(_value(self._loaded, at)):
            named = (entry["id"], entry["algorithm"])
            if named in seen:
                self._tell((*at, number, "id"), "another key has this id: give each its own")
            seen.add(named)

    def _content(self, path: Path, reference: str) -> bytes | None:
        try:
            content = self._secrets.read(reference)
        except SecretUnreadable as error:
            self._tell(path, str(error))
            return None
        self._hash.update(hashlib.sha256(content).digest())
        return content

    def _instant(self, path: Path, written: str | None) -> datetime | None:
        if written is None:
            return None
        try:
            instant = datetime.fromisoformat(written)
        except ValueError:
            instant = None
        if instant is None or instant.tzinfo is None:
            self._tell(path, "is not an instant such as 2026-11-22T06:00:00Z")
            return None
        return instant.astimezone(UTC)

    def _tell(self, path: Path, message: str) -> None:
        self._problems.append(self._loaded.problem(path, message))


def _value(loaded: Loaded, at: Path) -> Any:
    return functools.reduce(lambda value, step: value[step], at, loaded.value)


def _public_bytes(public: Any) -> bytes:
    return bytes(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
