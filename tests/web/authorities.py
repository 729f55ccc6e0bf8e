"""Certificate authorities that issue what a test asks for, faults included, and that revoke it."""

import asyncio
import datetime as dt
import pathlib
import ssl
from collections.abc import Sequence
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.secrets import load_chain

DAY = dt.timedelta(days=1)
CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(microsecond=0)


class Issued:
    """A certificate, its key and what it comes from, leaf first."""

    def __init__(self, certificate: x509.Certificate, key: Any, above: Sequence[x509.Certificate] = ()) -> None:
        self.certificate = certificate
        self.key = key
        self.chain = (certificate, *above)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def ders(self) -> list[bytes]:
        return [one.public_bytes(Encoding.DER) for one in self.chain]

    @property
    def pem(self) -> bytes:
        return b"".join(one.public_bytes(Encoding.PEM) for one in self.chain)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def write(self, folder: pathlib.Path, name: str) -> None:
        """`<name>.pem`, `<name>.key`, and both in `<name>.both` (HAProxy wants them in one file)."""
        (folder / f"{name}.pem").write_bytes(self.pem)
        (folder / f"{name}.key").write_bytes(self.key_pem)
        (folder / f"{name}.both").write_bytes(self.pem + self.key_pem)


class Authority(Issued):
    """A root, or an authority below another one."""

    def issue(
        self,
        *names: x509.GeneralName,
        common_name: str = "caller",
        begins: dt.datetime | None = None,
        ends: dt.datetime | None = None,
        uses: Sequence[x509.ObjectIdentifier] = (CLIENT,),
        key: Any = None,
        more: Sequence[tuple[x509.ExtensionType, bool]] = (),
    ) -> Issued:
        extensions = [*more]
        if names:
            extensions.append((x509.SubjectAlternativeName(names), False))
        if uses:
            extensions.append((x509.ExtendedKeyUsage(uses), False))
        key = key or ec.generate_private_key(ec.SECP256R1())
        made = _certificate(common_name, key, self, extensions, begins, ends)
        above = () if self.certificate.issuer == self.certificate.subject else self.chain
        return Issued(made, key, above)

    def below(self, common_name: str, *, depth: int | None = None, **more: Any) -> "Authority":
        """An authority that this one vouches for; `depth` bounds how many may stand below it."""
        key = ec.generate_private_key(ec.SECP256R1())
        extensions = [(x509.BasicConstraints(ca=True, path_length=depth), True), *more.pop("more", ())]
        above = () if self.certificate.issuer == self.certificate.subject else self.chain
        return Authority(_certificate(common_name, key, self, extensions, None, more.pop("ends", None)), key, above)

    def revoke(
        self,
        *revoked: Issued,
        begins: dt.datetime | None = None,
        ends: dt.datetime | None = None,
        key: Any = None,
        more: Sequence[tuple[x509.ExtensionType, bool]] = (),
    ) -> bytes:
        """A revocation list in PEM."""
        begins = begins or now() - DAY
        ends = ends or now() + DAY
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        builder = builder.last_update(begins).next_update(ends)
        for one in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(one.certificate.serial_number)
            builder = builder.add_revoked_certificate(entry.revocation_date(begins).build())
        for extension, critical in more:
            builder = builder.add_extension(extension, critical)
        return builder.sign(key or self.key, hashes.SHA256()).public_bytes(Encoding.PEM)


def root(common_name: str = "Root", **more: Any) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    extensions = [(x509.BasicConstraints(ca=True, path_length=None), True), *more.pop("more", ())]
    return Authority(_certificate(common_name, key, None, extensions, None, more.pop("ends", None)), key)


def uri(value: str) -> x509.GeneralName:
    return x509.UniformResourceIdentifier(value)


def dns(value: str) -> x509.GeneralName:
    return x509.DNSName(value)


async def caller(trusted: Issued, shown: Issued | None = None) -> ssl.SSLContext:
    """A caller's context: it trusts a root, and shows a certificate or none."""

    def build() -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=trusted.pem.decode())
        if shown is not None:
            load_chain(context, shown.pem, shown.key_pem)
        return context

    return await asyncio.to_thread(build)


def _certificate(
    common_name: str,
    key: Any,
    issuer: Issued | None,
    extensions: Sequence[tuple[x509.ExtensionType, bool]],
    begins: dt.datetime | None,
    ends: dt.datetime | None,
) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.certificate.subject if issuer is not None else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins or now() - 2 * DAY)
        .not_valid_after(ends or now() + 2 * DAY)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer.key if issuer is not None else key, hashes.SHA256())
