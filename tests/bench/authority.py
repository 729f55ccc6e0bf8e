"""The authority of the bench, and what it signs: the gateway's two certificates, the bank's, the service's."""

import pathlib
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_ALTERNATIVES: dict[str, x509.GeneralName] = {
    "server": x509.DNSName("localhost"),
    "bank": x509.DNSName("localhost"),
    "gateway": x509.DNSName("gateway.bench"),
    "service": x509.UniformResourceIdentifier("spiffe://bench/service"),
}
_USAGE = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench authority")])


def certify(folder: pathlib.Path) -> x509.Certificate:
    """Writes the authority beside the secrets, and all that it signs among them. Returns the service's certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    authority = _signed(_NAME, key, key, x509.BasicConstraints(ca=True, path_length=0))
    (folder / "authority.key").write_bytes(_written(key))
    for path in (folder / "ca.pem", folder / "secrets/ca.pem"):
        path.write_bytes(_pem(authority))
    return {name: _issue(folder, key, name) for name in _ALTERNATIVES}["service"]


def renew_server(folder: pathlib.Path) -> None:
    """Gives the gateway's listeners another key and certificate of the same authority."""
    key = serialization.load_pem_private_key((folder / "authority.key").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    _issue(folder, key, "server")


def _issue(folder: pathlib.Path, authority: ec.EllipticCurvePrivateKey, name: str) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = _signed(subject, key, authority, x509.SubjectAlternativeName([_ALTERNATIVES[name]]), _USAGE)
    for ending, content in (
        ("pem", _pem(certificate)),
        ("key", _written(key)),
        ("both.pem", _pem(certificate) + _written(key)),
    ):
        path = folder / "secrets" / (f"{name}-{ending}" if ending == "both.pem" else f"{name}.{ending}")
        fresh = path.with_suffix(".fresh")
        fresh.write_bytes(content)
        fresh.rename(path)
    return certificate


def _signed(
    name: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    authority: ec.EllipticCurvePrivateKey,
    *extensions: x509.ExtensionType,
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(_NAME)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=2))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    return builder.sign(authority, hashes.SHA256())


def _written(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
