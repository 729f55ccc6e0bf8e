"""Throw-away keys and certificates of tests, in PEM; each is made once."""

import functools
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_CURVES = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1(), "P-192": ec.SECP192R1()}


def private(kind: str, name: str = "") -> Any:
    """A private key: `RSA` or `RSA-1024`, a curve, `Ed25519`; another for each name."""
    return _made(kind, name)


@functools.cache
def _made(kind: str, _name: str) -> Any:
    if kind.startswith("RSA"):
        return rsa.generate_private_key(65537, int(kind.partition("-")[2] or 2048))
    return ed25519.Ed25519PrivateKey.generate() if kind == "Ed25519" else ec.generate_private_key(_CURVES[kind])


def private_pem(kind: str, name: str = "") -> bytes:
    return private(kind, name).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_pem(kind: str, name: str = "") -> bytes:
    return private(kind, name).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@functools.cache
def certificate(
    kind: str = "RSA",
    name: str = "",
    *,
    begins: datetime = NOW - timedelta(days=30),
    days: int = 365,
    serial: int = 4711,
) -> x509.Certificate:
    """A certificate over `private(kind, name)` that an authority of the demo kind might have issued."""
    issuer = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test Trust, GmbH"),
            x509.NameAttribute(NameOID.COMMON_NAME, "Test Trust QSEAL"),
        ]
    )
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway.example")])
    builder = x509.CertificateBuilder(issuer, subject, private(kind, name).public_key(), serial)
    builder = builder.not_valid_before(begins).not_valid_after(begins + timedelta(days=days))
    return builder.sign(private("RSA", "authority"), hashes.SHA256())


def certificate_pem(*arguments: Any, **named: Any) -> bytes:
    return certificate(*arguments, **named).public_bytes(Encoding.PEM)
