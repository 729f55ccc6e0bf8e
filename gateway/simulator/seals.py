"""What a bank's signatures stand on: who may sign requests to it, and the key with which it signs what it answers.

Without `Seals` no bank asks for a signature and none signs: whoever starts the simulator decides whether it does.
"""

import hashlib
import pathlib
from datetime import datetime

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


class SealsUnusable(Exception):
    """A file that can not be used; the message names it."""


class Seals(msgspec.Struct, frozen=True):
    """Certificates of third parties who registered here, the authorities whose certificates they may bring, our key."""

    registered: tuple[x509.Certificate, ...]
    authorities: tuple[x509.Certificate, ...]
    key: rsa.RSAPrivateKey

    def by_fingerprint(self, fingerprint: str) -> x509.Certificate | None:
        """The registered certificate with a SHA-256 in hex."""
        for one in self.registered:
            if hashlib.sha256(one.public_bytes(serialization.Encoding.DER)).hexdigest() == fingerprint.lower():
                return one
        return None

    def issued(self, certificate: x509.Certificate) -> bool:
        """Whether one of the authorities has signed a certificate."""
        for authority in self.authorities:
            try:
                certificate.verify_directly_issued_by(authority)
            except (InvalidSignature, ValueError, TypeError):
                continue
            return True
        return False


def read_seals(registered: pathlib.Path, authorities: pathlib.Path, key: pathlib.Path) -> Seals:
    """All three from PEM files. Raises SealsUnusable."""
    return Seals(_certificates(registered), _certificates(authorities), _key(key))


def alive(certificate: x509.Certificate, at: datetime) -> bool:
    """Whether an instant lies in a certificate's time."""
    return certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc


def _certificates(path: pathlib.Path) -> tuple[x509.Certificate, ...]:
    try:
        return tuple(x509.load_pem_x509_certificates(path.read_bytes()))
    except (OSError, ValueError):
        raise SealsUnusable(f"{path}: holds no certificates in PEM form") from None


def _key(path: pathlib.Path) -> rsa.RSAPrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError):
        key = None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise SealsUnusable(f"{path}: holds no RSA key in PEM form")
    return key
