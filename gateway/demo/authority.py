"""A throw-away certificate authority: good for two days, for this machine only, its key never written down."""

import ipaddress
import pathlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_PublicKey: TypeAlias = ec.EllipticCurvePublicKey | rsa.RSAPublicKey
_PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
_LIFETIME = timedelta(days=2)
_CLOCKS_DIFFER = timedelta(minutes=5)
_LOOPBACK = (x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))


class Authority:
    """Signs server certificates for this machine's own names, and client certificates for whoever is named."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _subject(name, "Demonstration")
        self._certificate = (
            self._begun(self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    def write(self, path: pathlib.Path) -> None:
        """Writes the authority's own certificate, PEM."""
        path.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def issue_server(self, path: pathlib.Path) -> None:
        """Writes `path`.pem and `path`.key for a server on localhost and 127.0.0.1."""
        self._issue(path, _subject("localhost", "Demonstration"), _LOOPBACK, ExtendedKeyUsageOID.SERVER_AUTH)

    def issue_client(
        self, path: pathlib.Path, common_name: str, organisation: str, uris: Sequence[str] = ()
    ) -> x509.Certificate:
        """Writes `path`.pem and `path`.key for a client; `uris` are its SAN URIs (SPIFFE ids)."""
        names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(uri) for uri in uris]
        names = names or [x509.DNSName(common_name)]
        return self._issue(path, _subject(common_name, organisation), names, ExtendedKeyUsageOID.CLIENT_AUTH)

    def issue_seal(self, path: pathlib.Path, common_name: str, organisation: str) -> None:
        """Writes `path`.pem and `path`.key for who signs messages (QSEAL): RSA, as banks want it."""
        key = rsa.generate_private_key(65537, 2048)
        builder = self._leaf(_subject(common_name, organisation), key.public_key())
        _write(path, builder.sign(self._key, hashes.SHA256()), key)

    def _issue(
        self, path: pathlib.Path, subject: x509.Name, names: Sequence[x509.GeneralName], usage: x509.ObjectIdentifier
    ) -> x509.Certificate:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._leaf(subject, key.public_key()).add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        _write(path, certificate, key)
        return certificate

    def _leaf(self, subject: x509.Name, key: _PublicKey) -> x509.CertificateBuilder:
        builder = self._begun(subject, key).add_extension(
            x509.BasicConstraints(ca=False, path_length=None), critical=True
        )
        return builder.add_extension(_key_usage(signs_certificates=False), critical=True)

    def _begun(self, subject: x509.Name, key: _PublicKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _CLOCKS_DIFFER)
            .not_valid_after(now + _LIFETIME)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )


def write_key_pair(private: pathlib.Path, public: pathlib.Path) -> None:
    """Writes an RSA key for signing, and its public half elsewhere."""
    key = rsa.generate_private_key(65537, 2048)
    write_secret(private, _private_pem(key))
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    public.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, form))


def _write(path: pathlib.Path, certificate: x509.Certificate, key: _PrivateKey) -> None:
    path.with_suffix(".pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    write_secret(path.with_suffix(".key"), _private_pem(key))


def _private_pem(key: _PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def write_secret(path: pathlib.Path, content: bytes) -> None:
    """Writes a file that only its owner can read, from its first byte on."""
    path.touch(mode=0o600)
    path.write_bytes(content)


def _subject(common_name: str, organisation: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
